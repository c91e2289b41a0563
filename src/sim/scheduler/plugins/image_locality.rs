//! ImageLocality: better is a node that has large images of the Pod already.
//! Source: `pkg/scheduler/framework/plugins/imagelocality`.

use serde_json::Value;

use super::{BEST, Plugin, always};
use crate::object::meta;
use crate::sim::scheduler::cycle::Cycle;
use crate::sim::scheduler::node::NodeInfo;

pub const PLUGIN: Plugin =
    Plugin { name: "ImageLocality", prepare: None, score: Some((1, score)), wakes: 0, hint: always };

/// Images smaller than this together do not count.
const LEAST: i64 = 23 * 1024 * 1024;
/// More than this for each container does not count.
const MOST: i64 = 1000 * 1024 * 1024;

fn score<'c>(cycle: &'c Cycle<'c>, nodes: &[&NodeInfo]) -> Option<Vec<i64>> {
    if nodes.iter().all(|node| meta::list(node.node(), "/status/images").is_empty()) {
        return None;
    }
    let pod = &*cycle.pod.object;
    let containers = meta::list(pod, "/spec/initContainers").iter().chain(meta::list(pod, "/spec/containers"));
    let wanted: Vec<String> = containers.map(|container| tagged(meta::text(container, "/image"))).collect();
    let has = |node: &NodeInfo, image: &str| {
        let named = |entry: &&Value| meta::list(entry, "/names").iter().any(|name| name == image);
        let found = meta::list(node.node(), "/status/images").iter().find(named);
        found.map(|entry| meta::number(entry, "/sizeBytes").unwrap_or_default())
    };
    let spread = |image: &str| cycle.nodes.iter().filter(|node| has(node, image).is_some()).count();
    let shares: Vec<f64> = wanted.iter().map(|image| spread(image) as f64 / cycle.nodes.len().max(1) as f64).collect();
    let highest = MOST * i64::try_from(wanted.len().max(1)).unwrap_or(1);
    let one = |node: &&NodeInfo| {
        let sizes =
            wanted.iter().zip(&shares).filter_map(|(image, share)| Some((has(node, image)? as f64 * share) as i64));
        BEST * (sizes.sum::<i64>().clamp(LEAST, highest) - LEAST) / (highest - LEAST)
    };
    Some(nodes.iter().map(one).collect())
}

fn tagged(image: &str) -> String {
    if image.rfind(':') > image.rfind('/') { image.to_owned() } else { format!("{image}:latest") }
}
