//! The processes of units that have only just begun: what becomes of containerd and the kubelet.
//! What a kubelet reads when it starts stands in `nodes/startup`.

use jiff::Timestamp;

use crate::sim::apiserver::client::Client;
use crate::sim::machine::services::{CONTAINERD, KUBELET, Systemd};
use crate::sim::machine::{Machine, Machines, packages};
use crate::sim::nodes::heartbeat;
use crate::sim::nodes::startup::{Startup, klog};

/// Writes a line of a machine's kubelet into its journal.
pub fn kubelet_says(machine: &Machine, (now, pid): (Timestamp, u32), (level, place): (char, &str), text: &str) {
    machine.log((KUBELET, pid), now, klog(level, (now, pid), place, text));
}

/// containerd starts, or ends because it cannot read its configuration.
pub fn containerd(systemd: Systemd) {
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

/// A kubelet starts, or ends with what it said.
pub fn kubelet(machines: &Machines, systemd: Systemd, client: &Client) {
    let Systemd { machine, root, .. } = systemd;
    if !machine.services().is_fresh(KUBELET) {
        return;
    }
    let Some(unit) = machine.services().unit(KUBELET) else { return };
    let words = unit.loaded.as_ref().and_then(|loaded| loaded.command(root).ok()).unwrap_or_default();
    let startup = Startup { machines, machine, root, now: unit.started, pid: unit.pid };
    let run = startup.run(&words);
    if let Some(run) = &run {
        machine.services().set_kubelet(run.clone());
    }
    machine.services().take_fresh(KUBELET);
    match run {
        Some(run) if run.deaf.is_some() => {}
        Some(_) => {
            let version =
                packages::program_version(root, "kubelet").unwrap_or_else(|| machines.birth().version.clone());
            heartbeat::tell_version(client, (&machine.name, &version));
        }
        None => systemd.exited(KUBELET, 1),
    }
    machine.services().save();
}
