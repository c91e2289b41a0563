//! TaintToleration: a Pod keeps off nodes with taints it does not tolerate, and shuns those that only prefer to be left alone.
//! Source: `pkg/scheduler/framework/plugins/tainttoleration`; the reason names no taint since 1.35.

use serde_json::Value;

use super::{Plugin, Prepared, Unfit, normalized};
use crate::object::meta;
use crate::object::taint::tolerated;
use crate::sim::scheduler::cycle::Cycle;
use crate::sim::scheduler::happened::{NODE_ADDED, NODE_TAINTS};
use crate::sim::scheduler::node::NodeInfo;

pub const PLUGIN: Plugin = Plugin {
    name: "TaintToleration",
    prepare: Some(prepare),
    score: Some((3, score)),
    wakes: NODE_ADDED | NODE_TAINTS,
    hint: |pod, happened| happened.node_came_to(|node| !has_untolerated(&pod.object, node)),
};

fn has_untolerated(pod: &Value, node: &NodeInfo) -> bool {
    let mut taints = node.taints(&["NoSchedule", "NoExecute"]).peekable();
    let tolerations = if taints.peek().is_some() { meta::list(pod, "/spec/tolerations") } else { &[] };
    taints.any(|taint| !tolerated(tolerations, taint))
}

fn prepare<'c>(cycle: &'c Cycle<'c>) -> Result<Prepared<'c>, Unfit> {
    Ok(Prepared::Ask(Box::new(|node| {
        if has_untolerated(&cycle.pod.object, node) {
            return Err(Unfit::unresolvable("node(s) had untolerated taint(s)"));
        }
        Ok(())
    })))
}

fn score<'c>(cycle: &'c Cycle<'c>, nodes: &[&NodeInfo]) -> Option<Vec<i64>> {
    let all = meta::list(&cycle.pod.object, "/spec/tolerations").iter();
    let soft = |toleration: &&Value| matches!(meta::text(toleration, "/effect"), "" | "PreferNoSchedule");
    let tolerations: Vec<Value> = all.filter(soft).cloned().collect();
    let shunned = |node: &&NodeInfo| {
        let taints = node.taints(&["PreferNoSchedule"]).filter(|taint| !tolerated(&tolerations, taint));
        i64::try_from(taints.count()).unwrap_or(i64::MAX)
    };
    Some(normalized(nodes.iter().map(shunned).collect(), true))
}
