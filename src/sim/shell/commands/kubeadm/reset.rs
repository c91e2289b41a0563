//! `kubeadm reset`: takes back what `init` or `join` did to this machine. The Node stays until somebody deletes it.
//! Source: `cmd/kubeadm/app/cmd/{reset.go,phases/reset}`.

use super::{Done, Typed, service};
use crate::sim::shell::flags::Known;

static KNOWN: Known = &[
    ("force", 'f', false),
    ("cert-dir", '\0', true),
    ("cleanup-tmp-dir", '\0', false),
    ("cri-socket", '\0', true),
    ("dry-run", '\0', false),
    ("ignore-preflight-errors", '\0', true),
    ("kubeconfig", '\0', true),
    ("skip-phases", '\0', true),
    ("config", '\0', true),
];

/// The files that go.
const FILES: [&str; 6] = [
    "admin.conf",
    "super-admin.conf",
    "kubelet.conf",
    "bootstrap-kubelet.conf",
    "controller-manager.conf",
    "scheduler.conf",
];

/// Runs it.
pub async fn run(typed: &mut Typed) -> Done {
    let flags = typed.flags(KNOWN)?;
    if !flags.on("force") {
        typed.call.complain(
            "[reset] WARNING: Changes made to this host by 'kubeadm init' or 'kubeadm join' will be reverted.",
        );
        typed.call.print("[reset] Are you sure you want to proceed? [y/N]: ");
        if !matches!(typed.call.line().await.as_deref().map(str::trim), Some("y" | "Y" | "yes")) {
            return Err("aborted reset operation".to_owned());
        }
    }
    typed.say("[preflight] Running pre-flight checks");
    if typed.call.machine.control_plane {
        return Err(
            "a reset of the control plane is not simulated by this practice cluster: it would be the end of it"
                .to_owned(),
        );
    }
    typed.say("[reset] Stopping the kubelet service");
    typed.say("[reset] Unmounting mounted directories in \"/var/lib/kubelet\"");
    typed.say(
        "[reset] Deleting contents of directories: [/etc/kubernetes/manifests /var/lib/kubelet /etc/kubernetes/pki]",
    );
    let files = FILES.map(|file| format!("/etc/kubernetes/{file}"));
    typed.say(format_args!("[reset] Deleting files: [{}]", files.join(" ")));
    if !flags.on("dry-run") {
        let root = typed.root()?;
        let emptied =
            ["/etc/kubernetes/manifests", "/var/lib/kubelet", "/etc/kubernetes/pki"].iter().try_for_each(|folder| {
                let inside = root.list(folder).unwrap_or_default();
                inside.iter().try_for_each(|name| root.remove(&format!("{folder}/{name}")))
            });
        let gone = emptied.and_then(|()| files.iter().try_for_each(|file| root.remove(file)));
        gone.map_err(|error| error.to_string())?;
        service::stop(typed)?;
    }
    typed.say("\nThe reset process does not perform cleanup of CNI plugin configuration,\nnetwork filtering rules and kubeconfig files.\n\nFor information on how to perform this cleanup manually, please see:\n    https://k8s.io/docs/reference/setup-tools/kubeadm/kubeadm-reset/\n");
    Ok(())
}
