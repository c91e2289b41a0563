//! NodeName: a Pod that names its node fits no other.
//! Source: `pkg/scheduler/framework/plugins/nodename`.

use super::{Plugin, Prepared, Unfit};
use crate::sim::scheduler::cycle::Cycle;
use crate::sim::scheduler::happened::NODE_ADDED;

pub const PLUGIN: Plugin = Plugin {
    name: "NodeName",
    prepare: Some(prepare),
    score: None,
    wakes: NODE_ADDED,
    hint: |pod, happened| happened.node_came_to(|node| node.name() == pod.node()),
};

fn prepare<'c>(cycle: &'c Cycle<'c>) -> Result<Prepared<'c>, Unfit> {
    let wanted = cycle.pod.node();
    if wanted.is_empty() {
        return Ok(Prepared::Skip);
    }
    Ok(Prepared::Ask(Box::new(move |node| {
        if node.name() != wanted {
            return Err(Unfit::unresolvable("node(s) didn't match the requested node name"));
        }
        Ok(())
    })))
}
