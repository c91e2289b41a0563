//! The scheduler's plugins in upstream's order: what keeps a Pod from a node, and what makes a node better than another.
//! A new plugin is a file here and a row in the table. Source: `pkg/scheduler/apis/config/v1/default_plugins.go`.

mod balanced_allocation;
mod dynamic_resources;
mod image_locality;
mod inter_pod_affinity;
mod node_affinity;
mod node_name;
mod node_ports;
mod node_resources_fit;
mod node_unschedulable;
mod pod_topology_spread;
mod taint_toleration;
pub mod volume_binding;
mod volume_restrictions;
mod volume_zone;

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::cycle::Cycle;
use super::happened::{Happened, Happenings};
use super::node::NodeInfo;
use super::pod::PodInfo;

/// The highest score a plugin gives.
pub const BEST: i64 = 100;

/// Why a Pod cannot be on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    pub reasons: Vec<Cow<'static, str>>,
    /// Whether taking Pods away from the node could help.
    pub resolvable: bool,
}

impl Unfit {
    /// Taking Pods away could help.
    pub fn resolvable(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reasons: vec![reason.into()], resolvable: true }
    }

    /// Nothing done on the node could help.
    pub fn unresolvable(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reasons: vec![reason.into()], resolvable: false }
    }
}

/// Asks one node.
pub type Filter<'c> = Box<dyn Fn(&NodeInfo) -> Result<(), Unfit> + 'c>;

/// What a plugin found out about a Pod before it looks at any node.
pub enum Prepared<'c> {
    /// The Pod is none of its business.
    Skip,
    /// Every node is to be asked.
    Ask(Filter<'c>),
    /// Only these nodes come into question.
    AskOnly(BTreeSet<String>, Filter<'c>),
}

/// Looks at a Pod; an error keeps it from every node.
pub type Prepare = for<'c> fn(&'c Cycle<'c>) -> Result<Prepared<'c>, Unfit>;

/// Gives each of the nodes 0 to [`BEST`]; `None` when they are all the same to it.
pub type Score = for<'c> fn(&'c Cycle<'c>, &[&NodeInfo]) -> Option<Vec<i64>>;

/// One row of the table.
pub struct Plugin {
    pub name: &'static str,
    pub prepare: Option<Prepare>,
    /// Its weight, and how it scores.
    pub score: Option<(i64, Score)>,
    /// What can change its mind about a Pod it rejected.
    pub wakes: Happenings,
    /// Whether one of these things may indeed have changed it.
    pub hint: Hint,
}

/// Looks at a Pod that waits and at what happened.
pub type Hint = fn(&PodInfo, &Happened) -> bool;

/// The hint of plugins that never reject, and of those that cannot tell.
fn always(_: &PodInfo, _: &Happened) -> bool {
    true
}

/// A set of plugins, by their places in [`PLUGINS`].
pub type Rejectors = u16;

/// Whether one of these plugins may think otherwise of a Pod since that happened.
pub fn may_help(rejectors: Rejectors, pod: &PodInfo, happened: &Happened) -> bool {
    let asked = PLUGINS.iter().enumerate().filter(|(place, _)| rejectors & (1 << place) != 0);
    asked.into_iter().any(|(_, plugin)| plugin.wakes & happened.what != 0 && (plugin.hint)(pod, happened))
}

/// The set of this one plugin.
pub fn only(plugin: &Plugin) -> Rejectors {
    PLUGINS.iter().position(|known| known.name == plugin.name).map_or(0, |place| 1 << place)
}

/// All plugins.
pub static PLUGINS: &[Plugin] = &[
    node_unschedulable::PLUGIN,
    node_name::PLUGIN,
    taint_toleration::PLUGIN,
    node_affinity::PLUGIN,
    node_ports::PLUGIN,
    node_resources_fit::PLUGIN,
    volume_restrictions::PLUGIN,
    volume_binding::PLUGIN,
    volume_zone::PLUGIN,
    pod_topology_spread::PLUGIN,
    inter_pod_affinity::PLUGIN,
    dynamic_resources::PLUGIN,
    balanced_allocation::PLUGIN,
    image_locality::PLUGIN,
];

/// Scores spread over 0 to [`BEST`] by the highest; reversed when less is better.
fn normalized(mut scores: Vec<i64>, reverse: bool) -> Vec<i64> {
    let highest = scores.iter().copied().max().unwrap_or_default();
    for score in &mut scores {
        let share = if highest == 0 { 0 } else { BEST * *score / highest };
        *score = if reverse { BEST - share } else { share };
    }
    scores
}
