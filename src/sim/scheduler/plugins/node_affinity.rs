//! NodeAffinity: `nodeSelector` and node affinity, required and preferred.
//! Source: `pkg/scheduler/framework/plugins/nodeaffinity`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Plugin, Prepared, Unfit, normalized};
use crate::object::meta;
use crate::sim::scheduler::cycle::Cycle;
use crate::sim::scheduler::happened::{NODE_ADDED, NODE_LABELS};
use crate::sim::scheduler::node::NodeInfo;
use crate::sim::scheduler::node_affinity::{matches_term, required};

pub const PLUGIN: Plugin = Plugin {
    name: "NodeAffinity",
    prepare: Some(prepare),
    score: Some((2, score)),
    wakes: NODE_ADDED | NODE_LABELS,
    hint: |pod, happened| happened.node_came_to(|node| required(&pod.object, node)),
};

const TERMS: &str = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
const PREFERRED: &str = "/spec/affinity/nodeAffinity/preferredDuringSchedulingIgnoredDuringExecution";

fn prepare<'c>(cycle: &'c Cycle<'c>) -> Result<Prepared<'c>, Unfit> {
    let pod = &*cycle.pod.object;
    let terms = meta::list(pod, TERMS);
    if terms.is_empty() && meta::map(pod, "/spec/nodeSelector").is_none() {
        return Ok(Prepared::Skip);
    }
    let filter = Box::new(move |node: &NodeInfo| {
        if required(pod, node) {
            return Ok(());
        }
        Err(Unfit::unresolvable("node(s) didn't match Pod's node affinity/selector"))
    });
    match named(terms) {
        Some(names) if names.is_empty() => Err(Unfit::unresolvable("pod affinity terms conflict")),
        Some(names) => Ok(Prepared::AskOnly(names, filter)),
        None => Ok(Prepared::Ask(filter)),
    }
}

/// The nodes that the terms name, when every term does.
fn named(terms: &[Value]) -> Option<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for term in terms {
        let fields = meta::list(term, "/matchFields").iter();
        let mut names: Option<BTreeSet<String>> = None;
        for field in fields {
            if meta::text(field, "/key") == "metadata.name" && meta::text(field, "/operator") == "In" {
                let these: BTreeSet<String> =
                    meta::list(field, "/values").iter().filter_map(Value::as_str).map(str::to_owned).collect();
                names = Some(match names {
                    Some(names) => names.intersection(&these).cloned().collect(),
                    None => these,
                });
            }
        }
        all.extend(names?);
    }
    (!terms.is_empty()).then_some(all)
}

fn score<'c>(cycle: &'c Cycle<'c>, nodes: &[&NodeInfo]) -> Option<Vec<i64>> {
    let preferred = meta::list(&cycle.pod.object, PREFERRED);
    if preferred.is_empty() {
        return None;
    }
    let liked = |node: &&NodeInfo| {
        let met = preferred.iter().filter(|term| matches_term(&term["preference"], node));
        met.map(|term| meta::number(term, "/weight").unwrap_or_default()).sum()
    };
    Some(normalized(nodes.iter().map(liked).collect(), false))
}
