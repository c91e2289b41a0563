//! NodeResourcesBalancedAllocation: better is a node whose CPU and memory are taken up alike.
//! Source: `pkg/scheduler/framework/plugins/noderesources/balanced_allocation.go`.

use super::{BEST, Plugin, always};
use crate::sim::scheduler::cycle::Cycle;
use crate::sim::scheduler::node::NodeInfo;

pub const PLUGIN: Plugin =
    Plugin { name: "NodeResourcesBalancedAllocation", prepare: None, score: Some((1, score)), wakes: 0, hint: always };

fn score<'c>(cycle: &'c Cycle<'c>, nodes: &[&NodeInfo]) -> Option<Vec<i64>> {
    let pod = &cycle.pod.wants.requests;
    if pod.cpu == 0 && pod.memory == 0 {
        return None;
    }
    let share = |taken: i64, has: i64| (has > 0).then(|| (taken as f64 / has as f64).min(1.0));
    let one = |node: &&NodeInfo| {
        let cpu = share(node.requested.cpu + pod.cpu, node.allocatable.cpu);
        let memory = share(node.requested.memory + pod.memory, node.allocatable.memory);
        let apart = cpu.zip(memory).map_or(0.0, |(cpu, memory)| ((cpu - memory) / 2.0).abs());
        ((1.0 - apart) * BEST as f64) as i64
    };
    Some(nodes.iter().map(one).collect())
}
