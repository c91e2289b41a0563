//! What of the host a node sees: its programs and libraries, and its configuration where the node has none of its own.
//! Its homes, its data and its temporary files are not on a node.

use std::path::{Path, PathBuf};

use crate::base::program;

/// Where the host's `/etc` lies on a node.
pub const ETC: &str = "/run/host/etc";
/// The administrator's kubeconfig on a control plane that kubeadm made.
pub const ADMIN: &str = "/etc/kubernetes/admin.conf";

/// Commands that this program answers for by itself.
const OURS: [&str; 4] = ["sudo", "su", "ssh", "scp"];

/// What of `/etc` is the node's own affair, whether it has it or not.
const NODES_OWN: [&str; 32] = [
    "apt",
    "cni",
    "containerd",
    "crictl.yaml",
    "default",
    "docker",
    "environment",
    "etcd",
    "fstab",
    "gshadow",
    "gshadow-",
    "hostname",
    "hosts",
    "kubernetes",
    "machine-id",
    "modules-load.d",
    "motd",
    "mtab",
    "passwd-",
    "profile",
    "profile.d",
    "resolv.conf",
    "shadow",
    "shadow-",
    "ssh",
    "sudoers",
    "sudoers.d",
    "sysctl.conf",
    "sysctl.d",
    "sysconfig",
    "systemd",
    "update-motd.d",
];

/// Folders that are the node's own though they lie in the host's trees; where the host has none, there is none.
pub const OWN: [&str; 2] = ["/usr/local", "/usr/lib/systemd/system"];

/// Names of the host's top folders with programs and libraries.
pub fn trees() -> Vec<String> {
    let is_program = |name: &String| {
        ["usr", "bin", "sbin", "nix", "gnu", "snap"].contains(&name.as_str()) || name.starts_with("lib")
    };
    let mut names: Vec<String> = listed("/").into_iter().filter(is_program).collect();
    names.sort();
    names
}

/// Names in the host's `/etc` that a node may use.
pub fn configuration() -> Vec<PathBuf> {
    let names = listed("/etc").into_iter();
    names.filter(|name| !NODES_OWN.contains(&name.as_str())).map(PathBuf::from).collect()
}

fn listed(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Commands that leave to the host's own program what is nothing of the cluster's: it has to be there.
const SHARED: [&str; 4] = ["curl", "kill", "lsof", "ps"];

/// Names of programs of the host in whose place this program stands, however they are called.
pub fn replaced(commands: &[String]) -> impl Iterator<Item = &str> {
    names(commands).filter(|name| !SHARED.contains(name))
}

/// Names under which this program is called on a node; none that could lead elsewhere.
pub fn names(commands: &[String]) -> impl Iterator<Item = &str> {
    let commands = commands.iter().map(String::as_str);
    let is_name = |name: &&str| !name.is_empty() && !name.contains('/') && !name.starts_with('.');
    commands.filter(|name| !OURS.contains(name)).chain(OURS).filter(is_name)
}

/// The learner's `kubectl`, where a node would not find it by itself.
pub fn hidden_kubectl() -> Option<PathBuf> {
    let kubectl = program::on_path("kubectl")?.canonicalize().ok()?;
    let local = Path::new("/usr/local");
    let is_seen =
        trees().iter().any(|tree| kubectl.starts_with(Path::new("/").join(tree))) && !kubectl.starts_with(local);
    let usual = ["/usr/bin/kubectl", "/bin/kubectl"].iter().any(|path| Path::new(path).exists());
    // Whatever is seen somewhere else than on root's own PATH is not found there.
    (!is_seen || !usual).then_some(kubectl)
}
