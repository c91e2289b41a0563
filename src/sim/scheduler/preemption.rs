//! Making room: a Pod that fits nowhere may take the place of less important ones.
//! Source: `pkg/scheduler/framework/plugins/defaultpreemption`, `pkg/scheduler/framework/preemption`.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cycle::{Cycle, Diagnosis};
use super::failure::{histogram, set_condition};
use super::node::NodeInfo;
use super::plugins::Unfit;
use super::pod::PodInfo;
use crate::object::meta;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::endpoints::{DeleteOptions, timestamp};
use crate::sim::apiserver::recorder::Deed;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::registry::kinds::poddisruptionbudget::PODDISRUPTIONBUDGET;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::Context;

/// What came of it: what to add to the message, and the node to nominate (empty for none; `None` to leave it as it is).
pub struct Attempt {
    pub message: String,
    pub nominated: Option<String>,
    /// Those who have to go.
    pub victims: Vec<PodInfo>,
}

struct Candidate {
    node: String,
    victims: Vec<PodInfo>,
    violations: usize,
}

/// Looks for the node where the least important Pods would have to go.
pub fn attempt(cycle: &Cycle<'_>, diagnosis: &Diagnosis) -> Attempt {
    let refused = |why: &str| Attempt { message: format!("preemption: {why}"), nominated: None, victims: Vec::new() };
    if let Some(why) = ineligible(cycle, diagnosis) {
        return refused(why);
    }
    let budgets = cycle.cache.client().list(&PODDISRUPTIONBUDGET, "");
    let (mut candidates, mut refusals) = (Vec::new(), BTreeMap::new());
    for node in &cycle.nodes {
        if !diagnosis.nodes.get(node.name()).is_some_and(|unfit| unfit.resolvable) {
            continue;
        }
        match victims(cycle, node, &budgets) {
            Ok(candidate) => candidates.push(candidate),
            Err(unfit) => drop(refusals.insert(node.name().to_owned(), unfit)),
        }
    }
    match candidates.into_iter().min_by_key(cost) {
        Some(best) => Attempt { message: String::new(), nominated: Some(best.node), victims: best.victims },
        None => {
            let total = cycle.nodes.len();
            let reasons = histogram(total, &refusals, Some("Preemption is not helpful for scheduling"));
            let why = format!("0/{total} nodes are available: {reasons}.");
            Attempt { nominated: Some(String::new()), ..refused(&why) }
        }
    }
}

fn ineligible(cycle: &Cycle<'_>, diagnosis: &Diagnosis) -> Option<&'static str> {
    let pod = &cycle.pod.object;
    if meta::text(pod, "/spec/preemptionPolicy") == "Never" {
        return Some("not eligible due to preemptionPolicy=Never.");
    }
    let nominee = meta::text(pod, "/status/nominatedNodeName");
    let hopeless = diagnosis.nodes.get(nominee).is_some_and(|unfit| !unfit.resolvable);
    let node = cycle.nodes.iter().find(|node| node.name() == nominee).filter(|_| !hopeless)?;
    let going = |other: &PodInfo| {
        let target = meta::list(&other.object, "/status/conditions")
            .iter()
            .any(|condition| condition["type"] == "DisruptionTarget" && condition["reason"] == "PreemptionByScheduler");
        meta::is_terminating(&other.object) && target && other.wants.priority < cycle.pod.wants.priority
    };
    node.pods.iter().any(going).then_some("not eligible due to a terminating pod on the nominated node.")
}

fn started(pod: &PodInfo) -> Timestamp {
    let time = |pointer| meta::text(&pod.object, pointer).parse().ok();
    time("/status/startTime").unwrap_or(Timestamp::MAX)
}

/// More important first: by priority, then by age.
fn importance(pod: &PodInfo) -> (Reverse<i64>, Timestamp) {
    (Reverse(pod.wants.priority), started(pod))
}

/// The fewest Pods that would have to leave a node.
fn victims(cycle: &Cycle<'_>, node: &NodeInfo, budgets: &[Object]) -> Result<Candidate, Unfit> {
    let lesser = node.pods.iter().filter(|other| other.wants.priority < cycle.pod.wants.priority);
    let mut potential: Vec<PodInfo> = lesser.cloned().collect();
    if potential.is_empty() {
        return Err(Unfit::unresolvable("No preemption victims found for incoming pod"));
    }
    let mut emptied = node.clone();
    for pod in &potential {
        emptied.remove(meta::uid(&pod.object));
    }
    cycle.would_fit(&emptied)?;
    potential.sort_by_key(importance);
    let (protected, free) = by_budget(potential, budgets);
    let (mut victims, mut violations) = (Vec::new(), 0);
    for (pod, is_protected) in
        protected.into_iter().map(|pod| (pod, true)).chain(free.into_iter().map(|pod| (pod, false)))
    {
        emptied.add(pod.clone());
        if cycle.would_fit(&emptied).is_err() {
            emptied.remove(meta::uid(&pod.object));
            violations += usize::from(is_protected);
            victims.push(pod);
        }
    }
    victims.sort_by_key(importance);
    Ok(Candidate { node: node.name().to_owned(), victims, violations })
}

/// Pods whose disruption budget would be overdrawn, and the others.
fn by_budget(pods: Vec<PodInfo>, budgets: &[Object]) -> (Vec<PodInfo>, Vec<PodInfo>) {
    let allowed = |budget: &Object| meta::number(budget, "/status/disruptionsAllowed").unwrap_or_default();
    let mut left: Vec<i64> = budgets.iter().map(allowed).collect();
    pods.into_iter().partition(|pod| {
        let mut overdrawn = false;
        for (budget, left) in budgets.iter().zip(&mut left) {
            let selector = LabelSelector::from_object(budget.pointer("/spec/selector"));
            let meant = meta::namespace(budget) == pod.namespace()
                && selector.is_ok_and(|selector| !selector.is_everything() && selector.matches(pod.labels()));
            let counted = meta::map(budget, "/status/disruptedPods")
                .is_some_and(|pods| pods.contains_key(meta::name(&pod.object)));
            if meant && !counted {
                *left -= 1;
                overdrawn |= *left < 0;
            }
        }
        overdrawn
    })
}

/// Less is better: budgets overdrawn, the highest priority, the sum of priorities, how many, and how long they have run.
fn cost(candidate: &Candidate) -> (usize, i64, i64, usize, Reverse<Timestamp>) {
    let priorities = || candidate.victims.iter().map(|pod| pod.wants.priority);
    let highest = priorities().max().unwrap_or_default();
    let sum = priorities().map(|priority| priority + i64::from(i32::MAX) + 1).sum();
    let top = candidate.victims.iter().filter(|pod| pod.wants.priority == highest);
    let earliest = top.map(started).min().unwrap_or(Timestamp::MAX);
    (candidate.violations, highest, sum, candidate.victims.len(), Reverse(earliest))
}

/// Less important Pods for which room was made on the node may no longer fit there: they have to look elsewhere.
pub fn disappoint(context: &Context, preemptor: &PodInfo, others: impl Iterator<Item = PodInfo>) {
    for other in others.filter(|other| other.wants.priority < preemptor.wants.priority) {
        let (namespace, name) = other.key();
        let told = context.client.modify_status(&POD, &namespace, &name, |pod| {
            drop(meta::remove(&mut pod["status"], "nominatedNodeName"));
        });
        if let Err(status) = told {
            tracing::debug!(pod = name, %status, "still nominated");
        }
    }
}

/// Asks the victims to go.
pub fn evict(context: &Context, preemptor: &Value, node: &str, victims: &[PodInfo]) {
    let scheduler = meta::text(preemptor, "/spec/schedulerName");
    for victim in victims.iter().filter(|victim| !meta::is_terminating(&victim.object)) {
        let (namespace, name) = victim.key();
        let now = timestamp(context.client.clock().now());
        let marked = context.client.modify_status(&POD, &namespace, &name, |pod| {
            let generation = meta::number(pod, "/metadata/generation");
            let mut condition = json!({
                "type": "DisruptionTarget",
                "status": "True",
                "reason": "PreemptionByScheduler",
                "message": format!("{scheduler}: preempting to accommodate a higher priority pod"),
                "lastProbeTime": null,
                "lastTransitionTime": now,
            });
            if let Some(generation) = generation {
                condition["observedGeneration"] = json!(generation);
            }
            set_condition(pod, condition);
        });
        let options = DeleteOptions { uid: Some(meta::uid(&victim.object).to_owned()), ..DeleteOptions::default() };
        let deleted = marked.and_then(|_| context.client.delete(&POD, &namespace, &name, &options).map(drop));
        match deleted {
            Ok(()) => {
                let message = format!("Preempted by pod {} on node {node}", meta::uid(preemptor));
                let deed = Deed {
                    kind: "Normal",
                    reason: "Preempted",
                    action: "Preempting",
                    message: &message,
                    related: Some(preemptor),
                };
                context.events.deed(&victim.object, &deed);
            }
            Err(status) => tracing::debug!(pod = name, %status, "not preempted"),
        }
    }
}
