//! The files of a fresh machine that are text: rows of where, from what, and on which machines.
//! Sources: `kubeadm init` of 1.35, the packages kubelet, containerd and kubernetes-cni, Ubuntu 24.04.

use std::io;

use super::Birth;
use crate::sim::machine::Machine;
use crate::sim::machine::packages::offers;
use crate::sim::machine::root::Root;

/// Which machines have a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    Every,
    /// Those in the cluster: what kubeadm leaves there.
    Node,
    /// Those on which the network's Pod has run.
    Network,
    ControlPlane,
}

macro_rules! asset {
    ($path:literal) => {
        include_str!(concat!("../../../../assets/machine/", $path))
    };
}

/// A file: where, its mode, on which machines, and its text with `$(WORD)`s in it.
static FILES: &[(&str, u32, On, &str)] = &[
    ("/etc/hostname", 0o644, On::Every, "$(NODE)\n"),
    ("/etc/hosts", 0o644, On::Every, "127.0.0.1 localhost\n$(HOSTS)"),
    ("/etc/resolv.conf", 0o644, On::Every, "nameserver 192.168.56.1\n"),
    ("/run/systemd/resolve/resolv.conf", 0o644, On::Every, "nameserver 192.168.56.1\n"),
    ("/etc/machine-id", 0o444, On::Every, "$(MACHINE_ID)\n"),
    ("/etc/os-release", 0o644, On::Every, asset!("etc/os-release")),
    ("/etc/passwd", 0o644, On::Every, asset!("etc/passwd")),
    ("/etc/group", 0o644, On::Every, asset!("etc/group")),
    ("/etc/fstab", 0o644, On::Every, asset!("etc/fstab")),
    ("/etc/bash.bashrc", 0o644, On::Every, asset!("etc/bashrc")),
    ("/root/.bashrc", 0o644, On::Every, asset!("etc/bashrc")),
    ("/root/.profile", 0o644, On::Every, "[ -f ~/.bashrc ] && . ~/.bashrc\n"),
    ("/etc/sysctl.d/k8s.conf", 0o644, On::Every, asset!("etc/sysctl-k8s.conf")),
    ("/etc/modules-load.d/k8s.conf", 0o644, On::Every, asset!("etc/modules-k8s.conf")),
    ("/etc/crictl.yaml", 0o644, On::Every, asset!("etc/crictl.yaml")),
    ("/etc/containerd/config.toml", 0o644, On::Every, asset!("etc/containerd-config.toml")),
    ("/etc/cni/net.d/10-flannel.conflist", 0o644, On::Network, asset!("cni/10-flannel.conflist")),
    (
        "/run/flannel/subnet.env",
        0o644,
        On::Network,
        "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=$(SUBNET)\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n",
    ),
    ("/usr/lib/systemd/system/kubelet.service", 0o644, On::Every, asset!("systemd/kubelet.service")),
    ("/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf", 0o644, On::Every, asset!("systemd/10-kubeadm.conf")),
    ("/usr/lib/systemd/system/containerd.service", 0o644, On::Every, asset!("systemd/containerd.service")),
    ("/etc/default/kubelet", 0o644, On::Every, "KUBELET_EXTRA_ARGS=\n"),
    ("/var/lib/kubelet/config.yaml", 0o644, On::Node, asset!("kubelet/config.yaml")),
    ("/var/lib/kubelet/instance-config.yaml", 0o600, On::Node, asset!("kubelet/instance-config.yaml")),
    ("/var/lib/kubelet/kubeadm-flags.env", 0o644, On::Node, asset!("kubelet/kubeadm-flags.env")),
    ("/etc/kubernetes/manifests/etcd.yaml", 0o600, On::ControlPlane, asset!("manifests/etcd.yaml")),
    ("/etc/kubernetes/manifests/kube-apiserver.yaml", 0o600, On::ControlPlane, asset!("manifests/kube-apiserver.yaml")),
    (
        "/etc/kubernetes/manifests/kube-controller-manager.yaml",
        0o600,
        On::ControlPlane,
        asset!("manifests/kube-controller-manager.yaml"),
    ),
    ("/etc/kubernetes/manifests/kube-scheduler.yaml", 0o600, On::ControlPlane, asset!("manifests/kube-scheduler.yaml")),
];

/// Folders that are there and empty, or hold what is not text.
static FOLDERS: &[(&str, u32, On)] = &[
    ("/tmp", 0o1777, On::Every),
    ("/home", 0o755, On::Every),
    ("/mnt", 0o755, On::Every),
    ("/srv", 0o755, On::Every),
    ("/opt", 0o755, On::Every),
    ("/root", 0o700, On::Every),
    ("/var/log/pods", 0o755, On::Every),
    ("/var/log/containers", 0o755, On::Every),
    ("/var/tmp", 0o1777, On::Every),
    ("/var/lib/containerd", 0o711, On::Every),
    ("/run/containerd", 0o711, On::Every),
    ("/etc/kubernetes/manifests", 0o755, On::Every),
    ("/etc/systemd/system", 0o755, On::Every),
    ("/etc/apt/keyrings", 0o755, On::Every),
    ("/usr/libexec/kubernetes/kubelet-plugins/volume/exec", 0o755, On::ControlPlane),
    ("/var/lib/etcd", 0o700, On::ControlPlane),
];

/// Links: where, and to what.
static LINKS: &[(&str, &str)] = &[
    ("/etc/systemd/system/multi-user.target.wants/kubelet.service", "/usr/lib/systemd/system/kubelet.service"),
    ("/etc/systemd/system/multi-user.target.wants/containerd.service", "/usr/lib/systemd/system/containerd.service"),
    ("/var/run", "/run"),
];

/// The network plugins of the package kubernetes-cni, and flannel's own.
const PLUGINS: [&str; 19] = [
    "bandwidth",
    "bridge",
    "dhcp",
    "dummy",
    "firewall",
    "flannel",
    "host-device",
    "host-local",
    "ipvlan",
    "loopback",
    "macvlan",
    "portmap",
    "ptp",
    "sbr",
    "static",
    "tap",
    "tuning",
    "vlan",
    "vrf",
];

/// A text with its words filled in.
pub fn fill(text: &str, words: &[(&str, String)]) -> String {
    words.iter().fold(text.to_owned(), |text, (word, value)| text.replace(&format!("$({word})"), value))
}

/// What the words of the texts stand for on a machine.
pub fn words(machine: &Machine, (birth, others): (&Birth, &[(String, String)])) -> Vec<(&'static str, String)> {
    // The API server listens on this machine's loopback: its name leads there, whatever address the node is said to have.
    let hosts: String = others
        .iter()
        .map(|(name, address)| {
            let at = if name == "controlplane" { birth.api.ip().to_string() } else { address.clone() };
            format!("{at} {name}\n")
        })
        .collect();
    let index = machine.address.rsplit('.').next().and_then(|last| last.parse::<u16>().ok()).unwrap_or(10);
    let digest = ring::digest::digest(&ring::digest::SHA256, machine.name.as_bytes());
    let id: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    vec![
        ("NODE", machine.name.clone()),
        ("ADDRESS", machine.address.clone()),
        ("PORT", birth.api.port().to_string()),
        ("VERSION", birth.version.clone()),
        ("ETCD", offers::parts(&birth.version).etcd),
        ("HOSTS", hosts),
        ("MACHINE_ID", id),
        ("SUBNET", format!("10.244.{}.1/24", index.saturating_sub(10))),
    ]
}

/// A file that a machine is born with.
pub fn text(machine: &Machine, path: &str, whole: (&Birth, &[(String, String)])) -> Option<String> {
    let here = |on: On| on == On::Every || machine.control_plane;
    let (.., text) = FILES.iter().find(|(known, _, on, _)| *known == path && here(*on))?;
    Some(fill(text, &words(machine, whole)))
}

/// The manifests of static Pods a machine is born with: where, and the text.
pub fn manifests(machine: &Machine, whole: (&Birth, &[(String, String)])) -> Vec<(String, String)> {
    let words = words(machine, whole);
    let here = FILES.iter().filter(|(path, _, on, _)| {
        path.starts_with("/etc/kubernetes/manifests/") && (*on == On::Every || machine.control_plane)
    });
    here.map(|(path, .., text)| ((*path).to_owned(), fill(text, &words))).collect()
}

/// Lays what a kubelet is configured with.
pub fn kubelet(machine: &Machine, root: &Root, whole: (&Birth, &[(String, String)])) -> io::Result<()> {
    let words = words(machine, whole);
    let joined = FILES.iter().filter(|(_, _, on, _)| *on == On::Node);
    for (path, mode, _, text) in joined {
        root.write(path, fill(text, &words).as_bytes(), *mode)?;
    }
    Ok(())
}

/// The manifest of a component, as a control plane on this machine would have it.
pub(super) fn manifest(machine: &Machine, component: &str, whole: (&Birth, &[(String, String)])) -> Option<String> {
    let path = format!("/etc/kubernetes/manifests/{component}.yaml");
    let words = words(machine, whole);
    FILES.iter().find(|(known, ..)| *known == path).map(|(_, _, _, text)| fill(text, &words))
}

/// Lays them.
pub(super) fn lay(machine: &Machine, root: &Root, whole: (&Birth, &[(String, String)])) -> io::Result<()> {
    let here = |on: On| match on {
        On::Every => true,
        On::Node | On::Network => !machine.blank,
        On::ControlPlane => machine.control_plane,
    };
    let words = words(machine, whole);
    for (path, mode, _) in FOLDERS.iter().filter(|(_, _, on)| here(*on)) {
        root.make_dir(path, *mode)?;
    }
    for (path, mode, _, text) in FILES.iter().filter(|(_, _, on, _)| here(*on)) {
        root.write(path, fill(text, &words).as_bytes(), *mode)?;
    }
    for plugin in PLUGINS {
        root.write(&format!("/opt/cni/bin/{plugin}"), b"", 0o755)?;
    }
    LINKS.iter().try_for_each(|(path, target)| root.link(target, path))
}
