//! The phase `preflight` of `kubeadm init`: what stands in the way of a control plane on this machine.
//! What every machine must have is `preflight`'s, one folder up. Source: `cmd/kubeadm/app/preflight/checks.go`, InitNodeChecks.

use super::super::preflight::{self, Findings};
use super::super::release::Release;
use super::super::{Done, Typed, manifests};
use super::Init;
use crate::object::meta;
use crate::sim::machine::Machine;
use crate::sim::machine::etcd::Member;

/// What is said while images are pulled.
pub const PULLING: &str = "[preflight] Pulling images required for setting up a Kubernetes cluster\n[preflight] This might take a minute or two, depending on the speed of your internet connection\n[preflight] You can also perform this action beforehand using 'kubeadm config images pull'";

/// What is said where nothing is to be changed.
pub const WOULD_PULL: &str = "[preflight] Would pull the required images (like 'kubeadm config images pull')";

/// Runs the checks, and has the images pulled.
pub fn preflight(init: &Init, dry: bool) -> Done {
    let (typed, settings) = (init.typed, &init.settings);
    only(typed)?;
    typed.say("[preflight] Running pre-flight checks");
    let mut findings = Findings::default();
    let (wanted, own) = (Release::read(&settings.version), Release::read(&typed.version()?));
    if wanted.zip(own).is_some_and(|(wanted, own)| wanted.minor > own.minor) {
        findings.warning("KubernetesVersion", "Kubernetes version is greater than kubeadm version. Please consider to upgrade kubeadm. Kubernetes version: ".to_owned() + settings.version.trim_start_matches('v') + ". Kubeadm version: " + &own.map(|own| format!("1.{}.x", own.minor)).unwrap_or_default());
    }
    control_plane(typed, &mut findings)?;
    preflight::machine(typed, (&settings.node.socket, Some(&settings.version)), &mut findings)?;
    etcd(typed, (&mut findings, meta::text(&settings.cluster, "/etcd/local/dataDir")))?;
    findings.tell(typed, &settings.node.ignored)?;
    typed.say(if dry { WOULD_PULL } else { PULLING });
    Ok(())
}

/// A cluster of machines has one control plane's objects: a second cluster would take them away.
pub fn only(typed: &Typed) -> Done {
    let machines = typed.call.inside.machines.all();
    let others = machines.iter().filter(|machine| machine.name != typed.call.machine.name);
    let has_etcd = |machine: &Machine| match machine.files() {
        Some(root) => Member::of(root).is_some(),
        None => machine.control_plane,
    };
    match others.into_iter().find(|machine| has_etcd(machine)) {
        Some(other) => Err(format!(
            "a second cluster beside that of {} is not simulated by this practice cluster (kubeadm join --control-plane adds this machine to it)",
            other.name
        )),
        None => Ok(()),
    }
}

/// What must not be there yet where a control plane is to be.
pub fn control_plane(typed: &Typed, findings: &mut Findings) -> Done {
    for (port, component) in [(6443, "kube-apiserver"), (10259, "kube-scheduler"), (10257, "kube-controller-manager")] {
        findings.free(typed, port, component);
    }
    for component in ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"] {
        findings.absent(typed, &manifests::path(component))?;
    }
    Ok(())
}

/// The same for etcd.
pub fn etcd(typed: &Typed, (findings, folder): (&mut Findings, &str)) -> Done {
    findings.free(typed, 2379, "etcd");
    findings.free(typed, 2380, "etcd");
    if typed.root()?.list(folder).is_ok_and(|inside| !inside.is_empty()) {
        findings.error(format!("DirAvailable-{}", folder.replace('/', "-")), format!("{folder} is not empty"));
    }
    Ok(())
}
