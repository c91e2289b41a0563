//! PodTopologySpread: Pods of a kind spread over hosts, zones or whatever label is named.
//! Source: `pkg/scheduler/framework/plugins/podtopologyspread`.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::{BEST, Plugin, Prepared, Unfit};
use crate::object::meta;
use crate::object::selector::{LabelSelector, Operator, Requirement};
use crate::object::taint::tolerated;
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::registry::kinds::replicaset::REPLICASET;
use crate::sim::apiserver::registry::kinds::replicationcontroller::REPLICATIONCONTROLLER;
use crate::sim::apiserver::registry::kinds::service::SERVICE;
use crate::sim::apiserver::registry::kinds::statefulset::STATEFULSET;
use crate::sim::scheduler::cycle::Cycle;
use crate::sim::scheduler::happened::{
    About, Happened, NODE_ADDED, NODE_GONE, NODE_LABELS, NODE_TAINTS, POD_ADDED, POD_GONE, POD_LABELS,
};
use crate::sim::scheduler::node::NodeInfo;
use crate::sim::scheduler::node_affinity;
use crate::sim::scheduler::pod::PodInfo;

pub const PLUGIN: Plugin = Plugin {
    name: "PodTopologySpread",
    prepare: Some(prepare),
    score: Some((2, score)),
    wakes: NODE_ADDED | NODE_GONE | NODE_LABELS | NODE_TAINTS | POD_ADDED | POD_GONE | POD_LABELS,
    hint: may_even_out,
};

const HOSTNAME: &str = "kubernetes.io/hostname";
const UNEVEN: &str = "node(s) didn't match pod topology spread constraints";
const UNLABELLED: &str = "node(s) didn't match pod topology spread constraints (missing required label)";

struct Constraint {
    max_skew: i64,
    topology: String,
    selector: LabelSelector,
    min_domains: i64,
    honors_affinity: bool,
    honors_taints: bool,
}

impl Constraint {
    fn of(pod: &Value, constraint: &Value, selector: LabelSelector) -> Self {
        let labels = meta::map(pod, "/metadata/labels");
        Self {
            max_skew: meta::number(constraint, "/maxSkew").unwrap_or(1),
            topology: meta::text(constraint, "/topologyKey").to_owned(),
            selector: with_keys(selector, meta::list(constraint, "/matchLabelKeys"), labels),
            min_domains: meta::number(constraint, "/minDomains").unwrap_or(1),
            honors_affinity: meta::text(constraint, "/nodeAffinityPolicy") != "Ignore",
            honors_taints: meta::text(constraint, "/nodeTaintsPolicy") == "Honor",
        }
    }

    /// Whether a node's Pods count.
    fn includes(&self, pod: &Value, node: &NodeInfo) -> bool {
        let tolerations = meta::list(pod, "/spec/tolerations");
        let untolerated = || node.taints(&["NoSchedule", "NoExecute"]).any(|taint| !tolerated(tolerations, taint));
        (!self.honors_affinity || node_affinity::required(pod, node)) && !(self.honors_taints && untolerated())
    }
}

/// The constraints of a Pod that are meant so: `DoNotSchedule` or `ScheduleAnyway`.
fn constraints(pod: &Value, action: &str) -> Vec<Constraint> {
    let all = meta::list(pod, "/spec/topologySpreadConstraints").iter();
    let meant = all.filter(|constraint| meta::text(constraint, "/whenUnsatisfiable") == action);
    let read = |constraint: &Value| {
        let selector = LabelSelector::from_object(constraint.get("labelSelector"));
        Constraint::of(pod, constraint, selector.unwrap_or_else(|_| LabelSelector::nothing()))
    };
    meant.map(read).collect()
}

/// A selector that also asks for the Pod's own values of these labels as they are now; the API server has merged those of its creation
/// (`common.go`, mergeLabelSetWithSelector).
fn with_keys(selector: LabelSelector, keys: &[Value], labels: Option<&Map<String, Value>>) -> LabelSelector {
    let own = keys.iter().filter_map(Value::as_str).filter_map(|key| {
        let value = labels?.get(key)?.as_str()?;
        Requirement::new(key, Operator::Equals, vec![value.to_owned()]).ok()
    });
    let own: Vec<Requirement> = own.collect();
    if own.is_empty() || selector.is_nothing() {
        return selector;
    }
    LabelSelector::from_requirements(selector.requirements().iter().cloned().chain(own).collect())
}

/// Counts Pods that a selector means, remembering what it thinks of each group of equally labelled ones.
struct Counter<'c> {
    cycle: &'c Cycle<'c>,
    selector: &'c LabelSelector,
    known: HashMap<u32, bool>,
}

impl<'c> Counter<'c> {
    fn new(cycle: &'c Cycle<'c>, selector: &'c LabelSelector) -> Self {
        Self { cycle, selector, known: HashMap::new() }
    }

    fn on(&mut self, node: &NodeInfo) -> i64 {
        if self.selector.is_everything() {
            return 0;
        }
        let namespace = self.cycle.pod.namespace();
        let mut count = 0;
        for (group, size) in &node.groups {
            let selector = self.selector;
            let cache = self.cycle.cache;
            let counts = self.known.entry(*group);
            if *counts.or_insert_with(|| cache.counts(*group, namespace, |labels| selector.matches(labels))) {
                count += size;
            }
        }
        count
    }
}

fn has_keys(node: &NodeInfo, constraints: &[Constraint]) -> bool {
    constraints.iter().all(|constraint| node.label(&constraint.topology).is_some())
}

/// Only Pods and nodes that count for one of its constraints can help a Pod.
fn may_even_out(pod: &PodInfo, happened: &Happened) -> bool {
    let constraints = constraints(&pod.object, "DoNotSchedule");
    let counts = |other: &PodInfo| {
        other.namespace() == pod.namespace()
            && constraints.iter().any(|constraint| constraint.selector.matches(other.labels()))
    };
    match &happened.about {
        About::Node(now, before) => {
            has_keys(now, &constraints) || before.as_ref().is_some_and(|before| has_keys(before, &constraints))
        }
        _ => happened.pod_is(counts),
    }
}

fn prepare<'c>(cycle: &'c Cycle<'c>) -> Result<Prepared<'c>, Unfit> {
    let pod = &*cycle.pod.object;
    let constraints = constraints(pod, "DoNotSchedule");
    if constraints.is_empty() {
        return Ok(Prepared::Skip);
    }
    let mut counts = Vec::new();
    for constraint in &constraints {
        let mut domains: BTreeMap<String, i64> = BTreeMap::new();
        let mut counter = Counter::new(cycle, &constraint.selector);
        for node in cycle.nodes.iter().filter(|node| has_keys(node, &constraints) && constraint.includes(pod, node)) {
            let domain = node.label(&constraint.topology).unwrap_or_default().to_owned();
            *domains.entry(domain).or_default() += counter.on(node);
        }
        let few = i64::try_from(domains.len()).unwrap_or(i64::MAX) < constraint.min_domains;
        let least = if few { 0 } else { domains.values().copied().min().unwrap_or(i64::from(i32::MAX)) };
        counts.push((domains, least));
    }
    let own: Vec<i64> =
        constraints.iter().map(|constraint| i64::from(constraint.selector.matches(cycle.pod.labels()))).collect();
    Ok(Prepared::Ask(Box::new(move |node| {
        for ((constraint, (domains, least)), own) in constraints.iter().zip(&counts).zip(&own) {
            let Some(domain) = node.label(&constraint.topology) else { return Err(Unfit::unresolvable(UNLABELLED)) };
            let here = domains.get(domain).copied().unwrap_or_default();
            if here + own - least > constraint.max_skew {
                return Err(Unfit::resolvable(UNEVEN));
            }
        }
        Ok(())
    })))
}

/// The constraints that count for scoring; and whether every node must have their labels, which the default ones do not ask.
fn soft(cycle: &Cycle<'_>) -> (Vec<Constraint>, bool) {
    let pod = &*cycle.pod.object;
    if !meta::list(pod, "/spec/topologySpreadConstraints").is_empty() {
        return (constraints(pod, "ScheduleAnyway"), true);
    }
    let selector = default_selector(cycle);
    if selector.is_everything() {
        return (Vec::new(), false);
    }
    let defaults = [
        json!({ "maxSkew": 3, "topologyKey": HOSTNAME }),
        json!({ "maxSkew": 5, "topologyKey": "topology.kubernetes.io/zone" }),
    ];
    (defaults.iter().map(|constraint| Constraint::of(pod, constraint, selector.clone())).collect(), false)
}

/// What the Services and the controller of a Pod select.
fn default_selector(cycle: &Cycle<'_>) -> LabelSelector {
    let (client, namespace) = (cycle.cache.client(), cycle.pod.namespace());
    let mut requirements = Vec::new();
    for service in client.list(&SERVICE, namespace) {
        let selector = LabelSelector::from_map(meta::map(&service, "/spec/selector"));
        if let Some(selector) = selector.ok().filter(|selector| selector.matches(cycle.pod.labels())) {
            requirements.extend(selector.requirements().iter().cloned());
        }
    }
    if let Some(owner) = meta::controller_of(&cycle.pod.object) {
        let find = |resource: &'static Resource| client.find(resource, namespace, meta::text(owner, "/name"));
        let selector = match (meta::text(owner, "/apiVersion"), meta::text(owner, "/kind")) {
            ("v1", "ReplicationController") => find(&REPLICATIONCONTROLLER)
                .and_then(|owner| LabelSelector::from_map(meta::map(&owner, "/spec/selector")).ok()),
            ("apps/v1", "ReplicaSet") => find(&REPLICASET).and_then(|owner| of_object(&owner)),
            ("apps/v1", "StatefulSet") => find(&STATEFULSET).and_then(|owner| of_object(&owner)),
            _ => None,
        };
        requirements.extend(selector.iter().flat_map(|selector| selector.requirements()).cloned());
    }
    LabelSelector::from_requirements(requirements)
}

fn of_object(owner: &Value) -> Option<LabelSelector> {
    LabelSelector::from_object(owner.pointer("/spec/selector")).ok()
}

fn score<'c>(cycle: &'c Cycle<'c>, nodes: &[&NodeInfo]) -> Option<Vec<i64>> {
    let (constraints, all_keys) = soft(cycle);
    if constraints.is_empty() {
        return None;
    }
    let pod = &*cycle.pod.object;
    let ignored: Vec<bool> = nodes.iter().map(|node| all_keys && !has_keys(node, &constraints)).collect();
    let mut totals = vec![0.0; nodes.len()];
    for constraint in &constraints {
        let candidates = || nodes.iter().zip(&ignored).filter(|(_, ignored)| !**ignored).map(|(node, _)| *node);
        let mut counter = Counter::new(cycle, &constraint.selector);
        let by_host = constraint.topology == HOSTNAME;
        let mut domains: BTreeMap<&str, i64> = BTreeMap::new();
        if !by_host {
            domains.extend(candidates().map(|node| (node.label(&constraint.topology).unwrap_or_default(), 0)));
            for node in &cycle.nodes {
                if (all_keys && !has_keys(node, &constraints)) || !constraint.includes(pod, node) {
                    continue;
                }
                if let Some(count) = domains.get_mut(node.label(&constraint.topology).unwrap_or_default()) {
                    *count += counter.on(node);
                }
            }
        }
        let size = if by_host { candidates().count() } else { domains.len() };
        let weight = ((size + 2) as f64).ln();
        for (index, node) in nodes.iter().enumerate().filter(|(index, _)| !ignored[*index]) {
            let Some(domain) = node.label(&constraint.topology) else { continue };
            let count = if by_host { counter.on(node) } else { domains.get(domain).copied().unwrap_or_default() };
            totals[index] += count as f64 * weight + (constraint.max_skew - 1) as f64;
        }
    }
    Some(spread(&totals, &ignored))
}

/// Fewer is better; nodes that are ignored get nothing.
fn spread(totals: &[f64], ignored: &[bool]) -> Vec<i64> {
    let totals: Vec<i64> = totals.iter().map(|total| total.round() as i64).collect();
    let counted = || totals.iter().zip(ignored).filter(|(_, ignored)| !**ignored).map(|(total, _)| *total);
    let (least, most) = (counted().min().unwrap_or_default(), counted().max().unwrap_or_default());
    let one = |(total, ignored): (&i64, &bool)| match (ignored, most) {
        (true, _) => 0,
        (false, 0) => BEST,
        (false, most) => BEST * (most + least - total) / most,
    };
    totals.iter().zip(ignored).map(one).collect()
}
