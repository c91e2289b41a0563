//! The words for a Pod that fits no node, in its events and its condition.
//! Source: `pkg/scheduler/framework/types.go`, FitError.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::cycle::Diagnosis;
use super::plugins::Unfit;
use crate::object::meta;
use crate::sim::apiserver::endpoints::timestamp;
use crate::sim::apiserver::recorder::Deed;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::reconciler::Context;

/// Longer messages are cut in events.
const LONGEST: usize = 1024;

/// What a Pod is told when the cluster has no node.
pub const NO_NODES: &str = "no nodes available to schedule pods";

/// `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. preemption: …`
pub fn message(total: usize, diagnosis: &Diagnosis, afterwards: &str) -> String {
    let reasons = match &diagnosis.before {
        Some(before) => before.clone(),
        None => histogram(total, &diagnosis.nodes, diagnosis.others.as_deref()),
    };
    let mut message = format!("0/{total} nodes are available:");
    if !reasons.is_empty() {
        message.push_str(&format!(" {reasons}."));
    }
    if !afterwards.is_empty() {
        message.push_str(&format!(" {afterwards}"));
    }
    message
}

/// How many nodes gave each reason, sorted as text; `others` is the reason of the nodes that were not asked.
pub fn histogram(total: usize, nodes: &BTreeMap<String, Unfit>, others: Option<&str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in nodes.values().flat_map(|unfit| &unfit.reasons) {
        *counts.entry(reason).or_default() += 1;
    }
    if let Some(reason) = others.filter(|_| nodes.len() < total) {
        *counts.entry(reason).or_default() += total - nodes.len();
    }
    let mut parts: Vec<String> = counts.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    parts.sort();
    parts.join(", ")
}

/// Tells that a Pod could not be scheduled: an event, and its condition. `nominated` changes the node room is made on.
pub fn tell(context: &Context, pod: &Value, (reason, message): (&str, &str), nominated: Option<&str>) {
    let shown = if message.len() > LONGEST {
        let end = (0..=LONGEST - 4).rev().find(|at| message.is_char_boundary(*at)).unwrap_or_default();
        format!("{} ...", &message[..end])
    } else {
        message.to_owned()
    };
    let deed =
        Deed { kind: "Warning", reason: "FailedScheduling", action: "Scheduling", message: &shown, related: None };
    context.events.deed(pod, &deed);
    let now = timestamp(context.client.clock().now());
    let written = context.client.modify_status(&POD, meta::namespace(pod), meta::name(pod), |fresh| {
        if meta::uid(fresh) != meta::uid(pod) {
            return;
        }
        let mut condition = json!({
            "type": "PodScheduled",
            "status": "False",
            "reason": reason,
            "message": message,
            "lastProbeTime": null,
            "lastTransitionTime": now,
        });
        if let Some(generation) = meta::number(fresh, "/metadata/generation") {
            condition["observedGeneration"] = json!(generation);
        }
        set_condition(fresh, condition);
        match nominated {
            Some("") => drop(meta::remove(&mut fresh["status"], "nominatedNodeName")),
            Some(node) => fresh["status"]["nominatedNodeName"] = json!(node),
            None => {}
        }
    });
    if let Err(status) = written {
        tracing::debug!(pod = meta::name(pod), %status, "condition not told");
    }
}

/// Puts a condition among those of a Pod's status; the time stays when its status does.
pub fn set_condition(pod: &mut Value, mut condition: Value) {
    let status = meta::child(pod, "status");
    if !status["conditions"].is_array() {
        status["conditions"] = json!([]);
    }
    let Some(conditions) = status["conditions"].as_array_mut() else { return };
    match conditions.iter_mut().find(|known| known["type"] == condition["type"]) {
        Some(known) => {
            if known["status"] == condition["status"] {
                condition["lastTransitionTime"] = known["lastTransitionTime"].clone();
            }
            *known = condition;
        }
        None => conditions.push(condition),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_and_sorted_as_text() {
        let mut diagnosis = Diagnosis::default();
        for index in 0..11 {
            diagnosis.nodes.insert(format!("a{index}"), Unfit::resolvable("Insufficient cpu"));
        }
        diagnosis.nodes.insert("b".to_owned(), Unfit::unresolvable("node(s) were unschedulable"));
        let told = message(12, &diagnosis, "preemption: none.");
        assert_eq!(
            told,
            "0/12 nodes are available: 1 node(s) were unschedulable, 11 Insufficient cpu. preemption: none."
        );
    }

    #[test]
    fn what_was_known_before_any_node_was_asked_stands_alone() {
        let before = Some("persistentvolumeclaim \"a\" not found".to_owned());
        let diagnosis = Diagnosis { before, ..Diagnosis::default() };
        assert_eq!(message(3, &diagnosis, ""), "0/3 nodes are available: persistentvolumeclaim \"a\" not found.");
    }
}
