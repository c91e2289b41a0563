//! NodeUnschedulable: cordoned nodes take no Pods, except those that tolerate it.
//! Source: `pkg/scheduler/framework/plugins/nodeunschedulable`.

use super::{Plugin, Prepared, Unfit};
use crate::object::meta;
use crate::object::taint;
use crate::sim::scheduler::cycle::Cycle;
use crate::sim::scheduler::happened::{NODE_ADDED, NODE_TAINTS};
use crate::sim::scheduler::node::{NodeInfo, unschedulable_taint};
use crate::sim::scheduler::pod::PodInfo;

pub const PLUGIN: Plugin = Plugin {
    name: "NodeUnschedulable",
    prepare: Some(prepare),
    score: None,
    wakes: NODE_ADDED | NODE_TAINTS,
    hint: |pod, happened| tolerated(pod) || happened.node_came_to(|node| !cordoned(node)),
};

fn cordoned(node: &NodeInfo) -> bool {
    meta::truth(node.node(), "/spec/unschedulable")
}

fn tolerated(pod: &PodInfo) -> bool {
    taint::tolerated(meta::list(&pod.object, "/spec/tolerations"), &unschedulable_taint())
}

fn prepare<'c>(cycle: &'c Cycle<'c>) -> Result<Prepared<'c>, Unfit> {
    let tolerated = tolerated(cycle.pod);
    Ok(Prepared::Ask(Box::new(move |node| {
        if !tolerated && cordoned(node) {
            return Err(Unfit::unresolvable("node(s) were unschedulable"));
        }
        Ok(())
    })))
}
