//! The kubelet's service as kubeadm starts and stops it.
//! What a kubelet does when it starts is the nodes'.

use super::{Done, Typed};
use crate::sim::machine::services::{KUBELET, Systemd};

/// Stops the machine's kubelet.
pub fn stop(typed: &Typed) -> Done {
    systemd(typed)?.stop(KUBELET).map_err(|_| unknown())
}

/// Starts it again, with what it finds now.
pub fn start(typed: &Typed) -> Done {
    systemd(typed)?.start(KUBELET).map_err(|_| unknown())
}

fn unknown() -> String {
    format!("Unit {KUBELET} not found.")
}

fn systemd(typed: &Typed) -> Result<Systemd<'_>, String> {
    let machine = &typed.call.machine;
    let root = typed.call.files().map_err(|error| error.to_string())?;
    Ok(Systemd { machine, root, now: typed.call.inside.client.clock().now() })
}
