//! NodeUnschedulable: cordoned nodes take no Pods, except those that tolerate it.
//! Source: `pkg/scheduler/framework/plugins/nodeunschedulable`.

use super::{Plugin, Prepared, Unfit};
use crate::object::meta;
use crate::object::taint::tolerated;
use crate::sim::scheduler::cache::{NODE_ADDED, NODE_TAINTS};
use crate::sim::scheduler::cycle::Cycle;
use crate::sim::scheduler::node::unschedulable_taint;

pub const PLUGIN: Plugin =
    Plugin { name: "NodeUnschedulable", prepare: Some(prepare), score: None, wakes: NODE_ADDED | NODE_TAINTS };

fn prepare<'c>(cycle: &'c Cycle<'c>) -> Result<Prepared<'c>, Unfit> {
    let tolerated = tolerated(meta::list(&cycle.pod.object, "/spec/tolerations"), &unschedulable_taint());
    Ok(Prepared::Ask(Box::new(move |node| {
        if !tolerated && meta::truth(node.node(), "/spec/unschedulable") {
            return Err(Unfit::unresolvable("node(s) were unschedulable"));
        }
        Ok(())
    })))
}
