//! `kubeadm reset`: takes back what `init` or `join` did to this machine. The Node stays until somebody deletes it.
//! Source: `cmd/kubeadm/app/cmd/{reset.go,phases/reset}`.

use serde_json::Value;

use super::certificates::PKI;
use super::{Done, Typed, cluster, manifests, service};
use crate::object::meta;
use crate::sim::apiserver::endpoints::DeleteOptions;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::machine::etcd::Member;
use crate::sim::machine::root::Root;
use crate::sim::nodes::static_pods::mirrors;
use crate::sim::shell::flags::{Flags, Known};

const AFTER: &str = "\nThe reset process does not perform cleanup of CNI plugin configuration,\nnetwork filtering rules and kubeconfig files.\n\nFor information on how to perform this cleanup manually, please see:\n    https://k8s.io/docs/reference/setup-tools/kubeadm/kubeadm-reset/\n";

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
    typed.call.inside.control.settle().await;
    let config = configuration(typed, &flags).await;
    typed.say("[preflight] Running pre-flight checks");
    let skips = |phase: &str| flags.all("skip-phases").contains(&phase);
    if !skips("remove-etcd-member") && !flags.on("dry-run") {
        etcd(typed, &config)?;
    }
    if !skips("cleanup-node") {
        clean(typed, &flags, &config)?;
    }
    typed.call.inside.control.settle().await;
    typed.say(AFTER);
    Ok(())
}

/// What is known of the cluster, where its API server still answers: the way to etcd's data.
async fn configuration(typed: &Typed, flags: &Flags) -> Value {
    let path = flags.get("kubeconfig").unwrap_or(cluster::ADMIN);
    match cluster::connect(typed, path).await {
        Ok(client) => cluster::configuration(typed, &client, "reset").unwrap_or_default(),
        Err(_) => Value::Null,
    }
}

/// Empties etcd's data directory.
fn etcd(typed: &Typed, config: &Value) -> Done {
    let root = typed.root()?;
    let folder = config.pointer("/etcd/local/dataDir").and_then(Value::as_str).unwrap_or("/var/lib/etcd");
    if root.is_dir(folder) {
        empty(root, folder)?;
        typed.say(format_args!("[reset] Deleted contents of the etcd data directory: {folder}"));
    }
    Ok(())
}

fn empty(root: &Root, folder: &str) -> Done {
    let inside = root.list(folder).unwrap_or_default();
    let gone = inside.iter().try_for_each(|name| root.remove(&format!("{folder}/{name}")));
    gone.map_err(|error| error.to_string())
}

/// Stops what runs here, and takes the files away.
fn clean(typed: &Typed, flags: &Flags, config: &Value) -> Done {
    let known = Some(meta::text(config, "/certificatesDir")).filter(|folder| !folder.is_empty());
    let folder = flags.get("cert-dir").or(known).unwrap_or(PKI).trim_end_matches('/');
    let folders = [manifests::FOLDER, "/var/lib/kubelet", folder];
    let files = FILES.map(|file| format!("/etc/kubernetes/{file}"));
    let dry = flags.on("dry-run");
    if dry {
        typed.say("[dryrun] Would stop the kubelet service");
        typed.say("[dryrun] Would unmount mounted directories in \"/var/lib/kubelet\"");
        typed.say("[dryrun] Would remove Kubernetes-managed containers");
        typed.say(format_args!("[dryrun] Would delete contents of directories: [{}]", folders.join(" ")));
        typed.say(format_args!("[dryrun] Would delete files: [{}]", files.join(" ")));
        return Ok(());
    }
    typed.say("[reset] Stopping the kubelet service");
    service::stop(typed)?;
    typed.say("[reset] Unmounting mounted directories in \"/var/lib/kubelet\"");
    remove_containers(typed)?;
    typed.say(format_args!("[reset] Deleting contents of directories: [{}]", folders.join(" ")));
    typed.say(format_args!("[reset] Deleting files: [{}]", files.join(" ")));
    let root = typed.root()?;
    folders.iter().try_for_each(|folder| empty(root, folder))?;
    files.iter().try_for_each(|file| root.remove(file)).map_err(|error| error.to_string())
}

/// Removes the containers of this machine. Those of a worker are there in the cluster's eyes until it misses them; the static Pods of
/// a control plane go, and with the last one all that etcd held.
fn remove_containers(typed: &Typed) -> Done {
    if !typed.root()?.exists(&manifests::path("etcd")) {
        return Ok(());
    }
    let (inside, own) = (&typed.call.inside, &typed.call.machine.name);
    let machines = inside.machines.all();
    if !machines.iter().any(|other| other.name != *own && other.files().and_then(Member::of).is_some()) {
        inside.etcd.clear();
        return Ok(());
    }
    for pod in mirrors(&inside.client, own) {
        let at_once = DeleteOptions { grace_seconds: Some(0), ..DeleteOptions::default() };
        let gone = inside.client.delete(&POD, meta::namespace(&pod), meta::name(&pod), &at_once);
        gone.map_err(|status| status.to_string())?;
    }
    Ok(())
}
