//! The processes of units that have only just begun: what becomes of containerd and the kubelet.
//! What a kubelet reads when it starts stands in `nodes/startup`.

use jiff::Timestamp;

use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::machine::services::{CONTAINERD, CONTAINERD_SOCKETS, KUBELET, KubeletRun, Systemd};
use crate::sim::machine::{Machine, Machines, packages};
use crate::sim::nodes::halted::has_first;
use crate::sim::nodes::heartbeat::{self, Plan};
use crate::sim::nodes::runtime::Runtime;
use crate::sim::nodes::startup::{Startup, klog};

/// Writes a line of a machine's kubelet into its journal.
pub fn kubelet_says(machine: &Machine, (now, pid): (Timestamp, u32), (level, place): (char, &str), text: &str) {
    machine.log((KUBELET, pid), now, klog(level, (now, pid), place, text));
}

/// containerd's socket is there while it runs.
fn socket(systemd: Systemd) {
    let runs = !systemd.machine.services().is_down(CONTAINERD);
    let [path, _] = CONTAINERD_SOCKETS;
    let done = match (runs, systemd.root.exists(path)) {
        (true, false) => systemd.root.socket(path),
        (false, true) => systemd.root.remove(path),
        _ => Ok(()),
    };
    if let Err(error) = done {
        tracing::debug!(%error, node = systemd.machine.name, "the socket of containerd does not follow it");
    }
}

/// containerd starts, or ends because it cannot read its configuration.
pub fn containerd(systemd: Systemd) {
    socket(systemd);
    if !systemd.machine.services().take_fresh(CONTAINERD) {
        return;
    }
    let Some(unit) = systemd.machine.services().unit(CONTAINERD) else { return };
    let stamp = unit.started.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string();
    let says = |level: &str, text: &str| {
        let line = format!("time=\"{stamp}\" level={level} msg={text:?}");
        systemd.machine.log((CONTAINERD, unit.pid), unit.started, line);
    };
    says("info", "starting containerd");
    says("info", "loading plugin");
    says("info", "containerd successfully booted in 0.041262s");
}

/// A kubelet of this version registers its Node, where there is none; tells whether there is one now.
pub fn register((machine, version): (&Machine, &str), (client, runtime): (&Client, &Runtime)) -> bool {
    let plan = Plan::joining((&machine.name, &machine.address), version.to_owned());
    let kubelet = machine.services().kubelet().unwrap_or_default();
    let done = heartbeat::register(client, runtime, (&plan, &kubelet));
    done.inspect_err(|status| tracing::warn!(node = machine.name, %status, "a kubelet cannot register its Node"))
        .is_ok()
}

/// A kubelet starts, or ends with what it said; one that runs tries to register its Node until that is done.
pub fn kubelet(machines: &Machines, systemd: Systemd, (client, runtime): (&Client, &Runtime)) {
    let Systemd { machine, root, now } = systemd;
    let services = machine.services();
    let Some(unit) = services.unit(KUBELET) else { return };
    let starts = unit.fresh;
    let now = if starts { unit.started } else { now };
    let startup = Startup { machines, machine, root, now, pid: unit.pid };
    if starts {
        let words = unit.loaded.as_ref().and_then(|loaded| loaded.command(root).ok()).unwrap_or_default();
        match startup.run(&words) {
            Some(run) => services.set_kubelet(unit.pid, run),
            None => systemd.exited((KUBELET, unit.pid), 1),
        }
        services.save();
    }
    let Some(run) = services.kubelet().filter(|run| !run.registered) else { return };
    let Some(access) = run.access.clone() else { return };
    let refused = || (!runtime.is_served()).then(|| access.refused(machines, machine));
    let why = access.fault(machines, machine, now).or_else(refused);
    let version = packages::program_version(root, "kubelet").unwrap_or_else(|| machines.birth().version.clone());
    // The first one did all of this before anybody looked.
    let is_known = starts && has_first(machines, machine) && client.find(&NODE, "", &machine.name).is_some();
    let why = why.filter(|_| !is_known);
    let registered = why.is_none() && register((machine, &version), (client, runtime));
    if registered || starts && why.is_some() {
        startup.registered(&access, why.as_deref());
    }
    if registered {
        services.set_kubelet(unit.pid, KubeletRun { registered, ..run.clone() });
        services.save();
        heartbeat::tell(client, (&machine.name, &version), run.resources.as_ref());
    }
}
