//! NodePorts: two Pods cannot have the same port of a node.
//! Source: `pkg/scheduler/framework/plugins/nodeports`.

use super::{Plugin, Prepared, Unfit};
use crate::sim::scheduler::cycle::Cycle;
use crate::sim::scheduler::happened::{NODE_ADDED, POD_GONE};
use crate::sim::scheduler::pod::HostPort;

pub const PLUGIN: Plugin = Plugin {
    name: "NodePorts",
    prepare: Some(prepare),
    score: None,
    wakes: NODE_ADDED | POD_GONE,
    hint: |pod, happened| happened.pod_is(|gone| overlap(&pod.wants.ports, &gone.wants.ports)),
};

fn prepare<'c>(cycle: &'c Cycle<'c>) -> Result<Prepared<'c>, Unfit> {
    let wanted = &cycle.pod.wants.ports;
    if wanted.is_empty() {
        return Ok(Prepared::Skip);
    }
    Ok(Prepared::Ask(Box::new(move |node| {
        if node.pods.iter().any(|pod| overlap(wanted, &pod.wants.ports)) {
            return Err(Unfit::resolvable("node(s) didn't have free ports for the requested pod ports"));
        }
        Ok(())
    })))
}

fn overlap(wanted: &[HostPort], taken: &[HostPort]) -> bool {
    taken.iter().any(|taken| wanted.iter().any(|wanted| collide(wanted, taken)))
}

fn collide(one: &HostPort, other: &HostPort) -> bool {
    let same_address = one.1 == other.1 || one.1 == "0.0.0.0" || other.1 == "0.0.0.0";
    one.0 == other.0 && one.2 == other.2 && same_address
}
