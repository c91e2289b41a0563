//! InterPodAffinity: Pods that want to be near others, or apart from them.
//! Source: `pkg/scheduler/framework/plugins/interpodaffinity`.

use std::collections::HashMap;

use serde_json::Value;

use super::{BEST, Plugin, Prepared, Unfit};
use crate::object::meta;
use crate::sim::scheduler::cycle::Cycle;
use crate::sim::scheduler::happened::{
    About, Happened, NAMESPACES, NODE_ADDED, NODE_LABELS, POD_ADDED, POD_GONE, POD_LABELS,
};
use crate::sim::scheduler::node::NodeInfo;
use crate::sim::scheduler::pod::PodInfo;
use crate::sim::scheduler::term::Term;

pub const PLUGIN: Plugin = Plugin {
    name: "InterPodAffinity",
    prepare: Some(prepare),
    score: Some((2, score)),
    wakes: NODE_ADDED | NODE_LABELS | POD_ADDED | POD_GONE | POD_LABELS | NAMESPACES,
    hint: may_suit,
};

const NOT_NEAR: &str = "node(s) didn't match pod affinity rules";
const NEAR: &str = "node(s) didn't match pod anti-affinity rules";
const UNWELCOME: &str = "node(s) didn't satisfy existing pods anti-affinity rules";

/// How many Pods by the key and value of a node's label.
type Counts = HashMap<(String, String), i64>;

fn add(counts: &mut Counts, node: &NodeInfo, topology: &str, amount: i64) {
    if let Some(value) = node.label(topology) {
        *counts.entry((topology.to_owned(), value.to_owned())).or_default() += amount;
    }
}

fn at(counts: &Counts, node: &NodeInfo, topology: &str) -> Option<i64> {
    let value = node.label(topology)?;
    Some(counts.get(&(topology.to_owned(), value.to_owned())).copied().unwrap_or_default())
}

/// Whether a term is about the Pods of a group.
fn means_group(cycle: &Cycle<'_>, term: &Term, group: u32) -> bool {
    let (namespace, labels) = cycle.cache.group_labels(group);
    let object = std::cell::OnceCell::new();
    let of_namespace = || meta::map(object.get_or_init(|| cycle.cache.namespace(namespace)), "/metadata/labels");
    term.matches(namespace, labels, of_namespace)
}

/// Whether a term of another Pod is about the Pod of the cycle.
fn means_pod(term: &Term, pod: &PodInfo, namespace: &Value) -> bool {
    term.matches(pod.namespace(), pod.labels(), || meta::map(namespace, "/metadata/labels"))
}

fn prepare<'c>(cycle: &'c Cycle<'c>) -> Result<Prepared<'c>, Unfit> {
    let wants = &cycle.pod.wants;
    let unwelcome = unwelcome(cycle);
    if unwelcome.is_empty() && wants.affinity.is_empty() && wants.anti_affinity.is_empty() {
        return Ok(Prepared::Skip);
    }
    let (mut near, mut apart) = (Counts::new(), Counts::new());
    let (mut all_terms, mut each_term) = (HashMap::new(), HashMap::new());
    for node in &cycle.nodes {
        for (group, size) in &node.groups {
            let all = *all_terms.entry(*group).or_insert_with(|| {
                !wants.affinity.is_empty() && wants.affinity.iter().all(|term| means_group(cycle, term, *group))
            });
            if all {
                wants.affinity.iter().for_each(|term| add(&mut near, node, &term.topology, *size));
            }
            let each: &Vec<bool> = each_term
                .entry(*group)
                .or_insert_with(|| wants.anti_affinity.iter().map(|term| means_group(cycle, term, *group)).collect());
            for (term, _) in wants.anti_affinity.iter().zip(each).filter(|(_, means)| **means) {
                add(&mut apart, node, &term.topology, *size);
            }
        }
    }
    // The first of Pods that want to be near each other may go anywhere.
    let first = near.is_empty() && {
        let namespace = cycle.cache.namespace(cycle.pod.namespace());
        wants.affinity.iter().all(|term| means_pod(term, cycle.pod, &namespace))
    };
    Ok(Prepared::Ask(Box::new(move |node| {
        let here: Option<Vec<i64>> = wants.affinity.iter().map(|term| at(&near, node, &term.topology)).collect();
        if !here.is_some_and(|here| first || here.iter().all(|count| *count > 0)) {
            return Err(Unfit::unresolvable(NOT_NEAR));
        }
        if wants.anti_affinity.iter().any(|term| at(&apart, node, &term.topology).is_some_and(|count| count > 0)) {
            return Err(Unfit::resolvable(NEAR));
        }
        if unwelcome.iter().any(|((key, value), count)| *count > 0 && node.label(key) == Some(value)) {
            return Err(Unfit::resolvable(UNWELCOME));
        }
        Ok(())
    })))
}

/// One that comes helps those that want it near, one that goes those that do not.
fn may_suit(pod: &PodInfo, happened: &Happened) -> bool {
    if let About::Node(node, before) = &happened.about {
        let terms = pod.wants.affinity.iter().chain(&pod.wants.anti_affinity);
        let moved = |term: &Term| {
            let before = before.as_ref().and_then(|before| before.label(&term.topology));
            node.label(&term.topology).is_some_and(|now| before != Some(now))
        };
        return terms.into_iter().any(moved) || (before.is_none() && pod.wants.affinity.is_empty());
    }
    let means = |term: &Term, other: &PodInfo| term.could_match(other.namespace(), other.labels());
    happened.pod_is(|other| {
        let affinity = &pod.wants.affinity;
        let near = !affinity.is_empty() && affinity.iter().all(|term| means(term, other));
        let apart = pod.wants.anti_affinity.iter().any(|term| means(term, other))
            || other.wants.anti_affinity.iter().any(|term| means(term, pod));
        match happened.what {
            POD_ADDED => near,
            POD_GONE => apart,
            _ => near || apart,
        }
    })
}

/// Where Pods are that do not want this one near.
fn unwelcome(cycle: &Cycle<'_>) -> Counts {
    let mut counts = Counts::new();
    let namespace = std::cell::OnceCell::new();
    for node in &cycle.nodes {
        for term in node.affine().flat_map(|pod| &pod.wants.anti_affinity) {
            let namespace = namespace.get_or_init(|| cycle.cache.namespace(cycle.pod.namespace()));
            if means_pod(term, cycle.pod, namespace) {
                add(&mut counts, node, &term.topology, 1);
            }
        }
    }
    counts
}

fn score<'c>(cycle: &'c Cycle<'c>, nodes: &[&NodeInfo]) -> Option<Vec<i64>> {
    let wants = &cycle.pod.wants;
    let mut counts = Counts::new();
    let namespace = std::cell::OnceCell::new();
    let own = wants.preferred.iter().map(|term| (term, 1)).chain(wants.preferred_anti.iter().map(|term| (term, -1)));
    let own: Vec<(&Term, i64)> = own.collect();
    let mut known: HashMap<(usize, u32), bool> = HashMap::new();
    for node in &cycle.nodes {
        for (index, (term, sign)) in own.iter().enumerate() {
            for (group, size) in &node.groups {
                if *known.entry((index, *group)).or_insert_with(|| means_group(cycle, term, *group)) {
                    add(&mut counts, node, &term.topology, sign * term.weight * size);
                }
            }
        }
        for other in node.affine() {
            let namespace = namespace.get_or_init(|| cycle.cache.namespace(cycle.pod.namespace()));
            let theirs = &other.wants;
            let signed = theirs.affinity.iter().chain(&theirs.preferred).map(|term| (term, 1));
            for (term, sign) in signed.chain(theirs.preferred_anti.iter().map(|term| (term, -1))) {
                if means_pod(term, cycle.pod, namespace) {
                    add(&mut counts, node, &term.topology, sign * term.weight);
                }
            }
        }
    }
    if counts.is_empty() {
        return None;
    }
    let sum = |node: &&NodeInfo| -> i64 {
        counts.iter().filter(|((key, value), _)| node.label(key) == Some(value)).map(|(_, count)| *count).sum()
    };
    let sums: Vec<i64> = nodes.iter().map(sum).collect();
    let (least, most) = (sums.iter().copied().min()?, sums.iter().copied().max()?);
    let one = |sum: &i64| {
        if most == least { 0 } else { (BEST as f64 * ((sum - least) as f64 / (most - least) as f64)) as i64 }
    };
    Some(sums.iter().map(one).collect())
}
