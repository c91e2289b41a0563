//! `kubelet`, as far as it is typed: its version. The one that runs is the node's service.
//! Source: `cmd/kubelet/app/server.go`.

use crate::sim::machine::packages::program_version;
use crate::sim::nodes::startup::klog;
use crate::sim::shell::call::Call;

/// Runs it.
pub async fn run(call: Call) -> u8 {
    let version = call.files().ok().and_then(|root| program_version(root, "kubelet"));
    let Some(version) = version else {
        call.complain("bash: kubelet: command not found");
        return 127;
    };
    match call.args().first().map(String::as_str) {
        Some("--version" | "--version=true") => {
            call.say(format_args!("Kubernetes {version}"));
            0
        }
        Some("--version=raw") => {
            call.say(format_args!("version.Info{{GitVersion:\"{version}\"}}"));
            0
        }
        Some("--help" | "-h") => {
            call.say("The kubelet is the primary \"node agent\" that runs on each\nnode. It can register the node with the apiserver using one of: the hostname; a flag to override the hostname; or specific logic for a cloud provider.\n\nUsage:\n  kubelet [flags]");
            0
        }
        _ => {
            // The service has the port that a second one would need.
            let told = "\"Failed to listen and serve\" err=\"listen tcp 0.0.0.0:10250: bind: address already in use\"";
            let at = (call.inside.client.clock().now(), std::process::id());
            call.complain(klog('E', at, "server.go:259", told));
            1
        }
    }
}
