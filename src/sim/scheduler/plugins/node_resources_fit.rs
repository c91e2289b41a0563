//! NodeResourcesFit: what a Pod asks for has to be free; the node with most left over is the best.
//! Source: `pkg/scheduler/framework/plugins/noderesources/{fit,least_allocated}.go`.

use super::{BEST, Plugin, Prepared, Unfit};
use crate::sim::scheduler::cycle::Cycle;
use crate::sim::scheduler::happened::{About, Happened, NODE_ADDED, NODE_ALLOCATABLE, POD_GONE, POD_SCALED_DOWN};
use crate::sim::scheduler::node::NodeInfo;
use crate::sim::scheduler::pod::PodInfo;
use crate::sim::scheduler::resources::Resources;

pub const PLUGIN: Plugin = Plugin {
    name: "NodeResourcesFit",
    prepare: Some(prepare),
    score: Some((1, score)),
    wakes: NODE_ADDED | NODE_ALLOCATABLE | POD_GONE | POD_SCALED_DOWN,
    hint: may_fit,
};

fn prepare<'c>(cycle: &'c Cycle<'c>) -> Result<Prepared<'c>, Unfit> {
    let requests = &cycle.pod.wants.requests;
    Ok(Prepared::Ask(Box::new(move |node| lacking(requests, node))))
}

/// A node helps only if it is large enough when nobody else is on it.
fn may_fit(pod: &PodInfo, happened: &Happened) -> bool {
    match &happened.about {
        About::Node(node, _) => lacking(&pod.wants.requests, node).is_ok(),
        _ => true,
    }
}

/// Every resource of which too little is free. More than the node has at all is beyond help.
fn lacking(requests: &Resources, node: &NodeInfo) -> Result<(), Unfit> {
    let mut unfit = Unfit { reasons: Vec::new(), resolvable: true };
    if i64::try_from(node.pods.len()).unwrap_or(i64::MAX) >= node.allowed_pods {
        unfit.reasons.push("Too many pods".into());
    }
    let (has, taken) = (&node.allocatable, &node.requested);
    let mut check = |name: &str, wanted: i64, has: i64, taken: i64| {
        if wanted > 0 && wanted > has - taken {
            unfit.reasons.push(format!("Insufficient {name}").into());
            unfit.resolvable &= wanted <= has;
        }
    };
    check("cpu", requests.cpu, has.cpu, taken.cpu);
    check("memory", requests.memory, has.memory, taken.memory);
    check("ephemeral-storage", requests.ephemeral, has.ephemeral, taken.ephemeral);
    for (name, wanted) in &requests.scalars {
        let of = |resources: &Resources| resources.scalars.get(name).copied().unwrap_or_default();
        check(name, *wanted, of(has), of(taken));
    }
    if unfit.reasons.is_empty() { Ok(()) } else { Err(unfit) }
}

fn score<'c>(cycle: &'c Cycle<'c>, nodes: &[&NodeInfo]) -> Option<Vec<i64>> {
    let pod = &cycle.pod.wants.assumed;
    let left = |has: i64, taken: i64| (has > 0).then(|| if taken > has { 0 } else { (has - taken) * BEST / has });
    let one = |node: &&NodeInfo| {
        let cpu = left(node.allocatable.cpu, node.assumed.cpu + pod.cpu);
        let memory = left(node.allocatable.memory, node.assumed.memory + pod.memory);
        let scores: Vec<i64> = cpu.into_iter().chain(memory).collect();
        scores.iter().sum::<i64>() / i64::try_from(scores.len().max(1)).unwrap_or(1)
    };
    Some(nodes.iter().map(one).collect())
}
