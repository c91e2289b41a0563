//! Which kubelets work: those of machines on which one runs, and that reach the API server.
//! Whether one runs is the machine's; whether the API server does, the control plane's. A machine nobody went into is whole.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::runtime::Runtime;
use crate::sim::machine::root::Root;
use crate::sim::machine::services::{CONTAINERD, KUBELET};
use crate::sim::machine::{Machine, Machines};

/// Why a kubelet does not do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// It does not run: nothing on its node changes.
    Stopped,
    /// It does not reach the API server: it takes care of static Pods, and goes on with the others as it knew them.
    Deaf,
    /// It has not reached the API server since it began, so static Pods are all it knows.
    Unregistered,
}

impl Runtime {
    /// From now on the state of these machines counts.
    pub fn attach(&self, machines: Arc<Machines>) {
        // One cluster has one set of machines.
        let _ = self.machines.set(machines);
    }

    /// The machines below the nodes.
    pub fn machines(&self) -> Option<&Arc<Machines>> {
        self.machines.get()
    }

    /// The machine of a node, with its files if somebody went in.
    pub fn laid(&self, node: &str) -> Option<Arc<Machine>> {
        self.machines.get()?.get(node).filter(|machine| machine.files().is_some())
    }

    /// Tells whether the API server listens.
    pub fn set_api(&self, listens: bool) {
        self.deaf.store(!listens, Ordering::Relaxed);
        self.callers.stir();
    }

    /// Whether the API server listens.
    pub fn is_served(&self) -> bool {
        !self.deaf.load(Ordering::Relaxed)
    }

    /// Whether and why the kubelet of a node does not work.
    pub fn halt(&self, node: &str) -> Option<Halt> {
        let deaf = (!self.is_served()).then_some(Halt::Deaf);
        let Some(machine) = self.laid(node) else { return deaf };
        match machine.services().kubelet() {
            // The machine's first was at work before anybody looked; any other does nothing before it has read its settings.
            _ if machine.services().is_fresh(KUBELET) => {
                if has_first(self.machines()?, &machine) {
                    deaf
                } else {
                    Some(Halt::Stopped)
                }
            }
            None => Some(Halt::Stopped),
            Some(run) if !run.registered => Some(Halt::Unregistered),
            Some(_) => deaf,
        }
    }

    /// Whether a node's container runtime does not run.
    pub fn has_no_containers(&self, node: &str) -> bool {
        self.laid(node).is_some_and(|machine| machine.services().is_down(CONTAINERD))
    }

    /// Why a node is not ready although its kubelet works, in the kubelet's words.
    pub fn not_ready(&self, node: &str) -> Option<String> {
        if self.has_no_containers(node) {
            return Some("container runtime is down".to_owned());
        }
        self.no_network(node).map(|why| format!("container runtime network not ready: {why}"))
    }

    /// Why Pods get no network on a node. Source: `pkg/kubelet/runtime.go`, and containerd's `status.go`.
    pub fn no_network(&self, node: &str) -> Option<String> {
        let machine = self.laid(node)?;
        let configured = machine.files().is_some_and(has_network);
        (!configured).then(|| {
            "NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized".to_owned()
        })
    }
}

/// Whether the kubelet of a machine is the one that was there from the beginning.
pub fn has_first(machines: &Machines, machine: &Machine) -> bool {
    machine.services().unit(KUBELET).is_some_and(|unit| unit.started == machines.birth().now)
}

/// Whether a network is configured as containerd wants it: the first file that reads decides.
fn has_network(root: &Root) -> bool {
    const FOLDER: &str = "/etc/cni/net.d";
    let names = root.list(FOLDER).unwrap_or_default();
    let network = |name: &String| [".conf", ".conflist", ".json"].iter().any(|ending| name.ends_with(ending));
    names.iter().filter(|name| network(name)).any(|name| {
        let text = root.text(&format!("{FOLDER}/{name}")).unwrap_or_default();
        serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|read| read.get("name").is_some())
    })
}
