//! One Pod's turn: which nodes it fits, and which of them is best.
//! What is made of the answer is the scheduler's. Source: `pkg/scheduler/schedule_one.go`.

use std::collections::{BTreeMap, BTreeSet};

use super::cache::Cache;
use super::node::NodeInfo;
use super::plugins::{Filter, PLUGINS, Plugin, Prepared, Rejectors, Unfit, only};
use super::pod::PodInfo;
use crate::base::seed::Seed;
use crate::object::meta;

/// A Pod, the nodes it may come to, and what the scheduler knows beside.
pub struct Cycle<'c> {
    pub pod: &'c PodInfo,
    pub nodes: Vec<&'c NodeInfo>,
    pub cache: &'c Cache,
    /// Pods for which room was made, with their nodes; they count as if they were there already.
    pub nominated: &'c [(String, PodInfo)],
}

/// Why a Pod fits no node.
#[derive(Default)]
pub struct Diagnosis {
    /// What kept it from every node before any was asked.
    pub before: Option<String>,
    /// What each node that was asked said.
    pub nodes: BTreeMap<String, Unfit>,
    /// What the others would have said.
    pub others: Option<String>,
    /// Who said so.
    pub rejectors: Rejectors,
}

/// What came of a Pod's turn.
pub enum Found {
    Node(String),
    Nothing(Diagnosis),
    /// There are no nodes at all.
    NoNodes,
}

/// The filters of a Pod, with what each waits for when it rejects.
struct Filters<'c> {
    filters: Vec<(&'static Plugin, Filter<'c>)>,
    /// The only nodes in question, and the plugins that said so.
    only: Option<(BTreeSet<String>, Vec<&'static str>)>,
}

impl<'c> Cycle<'c> {
    fn prepare(&'c self) -> Result<Filters<'c>, (&'static Plugin, Unfit)> {
        let mut filters = Filters { filters: Vec::new(), only: None };
        for plugin in PLUGINS {
            let Some(prepare) = plugin.prepare else { continue };
            match prepare(self).map_err(|unfit| (plugin, unfit))? {
                Prepared::Skip => {}
                Prepared::Ask(filter) => filters.filters.push((plugin, filter)),
                Prepared::AskOnly(names, filter) => {
                    filters.filters.push((plugin, filter));
                    filters.only = Some((names, vec![plugin.name]));
                }
            }
        }
        Ok(filters)
    }

    /// The Pods nominated for a node that may not be disturbed by this one.
    fn nominated_for(&self, node: &NodeInfo) -> Vec<&PodInfo> {
        let matters = |pod: &PodInfo| {
            pod.wants.priority >= self.pod.wants.priority && meta::uid(&pod.object) != meta::uid(&self.pod.object)
        };
        let here = self.nominated.iter().filter(|(name, pod)| name == node.name() && matters(pod));
        here.map(|(_, pod)| pod).collect()
    }

    /// Whether the Pod fits a node that is one of the cycle's, also once the nominated Pods have come to it.
    fn ask(&self, filters: &Filters<'_>, node: &NodeInfo) -> Result<(), (&'static Plugin, Unfit)> {
        let nominated = self.nominated_for(node);
        if !nominated.is_empty() {
            let mut later = node.clone();
            nominated.into_iter().for_each(|pod| later.add(pod.clone()));
            self.with(&later, |cycle| {
                let filters = cycle.prepare()?;
                run(&filters, &later)
            })?;
        }
        run(filters, node)
    }

    /// The same question with one node in another state.
    fn with<T>(&self, node: &NodeInfo, ask: impl FnOnce(&Cycle<'_>) -> T) -> T {
        let nodes = self.nodes.iter().map(|known| if known.name() == node.name() { node } else { known }).collect();
        ask(&Cycle { pod: self.pod, nodes, cache: self.cache, nominated: &[] })
    }

    /// Whether the Pod would fit a node if that were so.
    pub fn would_fit(&self, node: &NodeInfo) -> Result<(), Unfit> {
        let nominated: Vec<PodInfo> = self.nominated_for(node).into_iter().cloned().collect();
        let mut later = node.clone();
        let crowded = !nominated.is_empty();
        nominated.into_iter().for_each(|pod| later.add(pod));
        let fits = |node: &NodeInfo| {
            self.with(node, |cycle| cycle.prepare().and_then(|filters| run(&filters, node))).map_err(|(_, unfit)| unfit)
        };
        if crowded {
            fits(&later)?;
        }
        fits(node)
    }

    /// Finds the node for the Pod.
    pub fn find(&'c self) -> Found {
        if self.nodes.is_empty() {
            return Found::NoNodes;
        }
        let filters = match self.prepare() {
            Ok(filters) => filters,
            Err((plugin, unfit)) => {
                let before = Some(unfit.reasons.join(", "));
                return Found::Nothing(Diagnosis { before, rejectors: only(plugin), ..Diagnosis::default() });
            }
        };
        let nominee = meta::text(&self.pod.object, "/status/nominatedNodeName");
        let room = self.nodes.iter().find(|node| node.name() == nominee);
        if let Some(node) = room.filter(|node| self.ask(&filters, node).is_ok()) {
            return Found::Node(node.name().to_owned());
        }
        let mut diagnosis = Diagnosis::default();
        let mut feasible = Vec::new();
        for node in &self.nodes {
            if filters.only.as_ref().is_some_and(|(names, _)| !names.contains(node.name())) {
                continue;
            }
            match self.ask(&filters, node) {
                Ok(()) => feasible.push(*node),
                Err((plugin, unfit)) => {
                    diagnosis.rejectors |= only(plugin);
                    diagnosis.nodes.insert(node.name().to_owned(), unfit);
                }
            }
        }
        if let Some((_, plugins)) = &filters.only {
            diagnosis.others = Some(format!("node(s) didn't satisfy plugin(s) [{}]", plugins.join(" ")));
            let named = PLUGINS.iter().filter(|plugin| plugins.contains(&plugin.name));
            diagnosis.rejectors |= named.fold(0, |set, plugin| set | only(plugin));
        }
        match feasible.as_slice() {
            [] => Found::Nothing(diagnosis),
            [only] => Found::Node(only.name().to_owned()),
            _ => Found::Node(self.best(&feasible)),
        }
    }

    /// The node with the highest score; of equals any, drawn by the names of Pod and node, so that the same Pod draws the same.
    fn best(&'c self, feasible: &[&NodeInfo]) -> String {
        let mut totals = vec![0; feasible.len()];
        for plugin in PLUGINS {
            let Some((weight, score)) = plugin.score else { continue };
            for (total, score) in totals.iter_mut().zip(score(self, feasible).unwrap_or_default()) {
                *total += weight * score;
            }
        }
        let highest = totals.iter().max().copied().unwrap_or_default();
        let (namespace, name) = self.pod.key();
        let draw = |node: &NodeInfo| Seed(0).derive(&format!("{namespace}/{name}/{}", node.name())).0;
        let equals = feasible.iter().zip(&totals).filter(|(_, total)| **total == highest).map(|(node, _)| *node);
        equals.max_by_key(|node| draw(node)).map(|node| node.name().to_owned()).unwrap_or_default()
    }
}

fn run(filters: &Filters<'_>, node: &NodeInfo) -> Result<(), (&'static Plugin, Unfit)> {
    filters.filters.iter().try_for_each(|(plugin, filter)| filter(node).map_err(|unfit| (*plugin, unfit)))
}
