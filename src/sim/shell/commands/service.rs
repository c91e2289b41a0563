//! `service`: the older way to start and stop a service of a node.
//! What that does is `systemctl`'s. Source: Debian's init-system-helpers, `service(8)`.

use super::systemctl;
use crate::sim::machine::services::Systemd;
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::Flags;

/// Runs it.
pub async fn run(call: Call) -> u8 {
    let [name, verb] = call.args() else {
        call.complain("Usage: service < option > | --status-all | [ service_name [ command | --full-restart ] ]");
        return 1;
    };
    let (name, verb) = (Systemd::named(name), if verb == "--full-restart" { "restart" } else { verb }.to_owned());
    systemctl::perform(&call, (&Flags::default(), &verb, &[name]))
}
