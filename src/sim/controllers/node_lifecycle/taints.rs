//! The taints that follow from a node's conditions and from cordoning it, and the old labels beside the new ones.
//! Source: `doNoScheduleTaintingPass`, `processTaintBaseEviction` and `handleDisruption`.

use serde_json::{Value, json};

use crate::object::{meta, taint};
use crate::sim::apiserver::endpoints::timestamp;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::status::Result;
use crate::sim::reconciler::Context;

/// Condition, status, and the taint that follows.
const TAINTS: [(&str, &str, &str); 6] = [
    ("Ready", "False", "node.kubernetes.io/not-ready"),
    ("Ready", "Unknown", "node.kubernetes.io/unreachable"),
    ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    ("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
];
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
/// The old labels that repeat new ones.
const LABELS: [(&str, &str); 2] =
    [("kubernetes.io/os", "beta.kubernetes.io/os"), ("kubernetes.io/arch", "beta.kubernetes.io/arch")];

fn status<'a>(node: &'a Value, kind: &str) -> Option<&'a str> {
    let conditions = meta::list(node, "/status/conditions");
    conditions.iter().find(|found| found["type"] == kind).map(|found| meta::text(found, "/status"))
}

/// Brings taints and labels of the node in line with its conditions.
pub fn reconcile(context: &Context, name: &str) -> Result<()> {
    // With every node lost it is the control plane that is cut off: then nobody is evicted.
    let nodes = context.client.list(&NODE, "");
    let any_ready = nodes.iter().any(|node| status(node, "Ready") == Some("True"));
    let now = timestamp(context.client.clock().now());
    let written = context.client.modify(&NODE, "", name, |node| {
        taint_node(node, any_ready, &now);
        for (new, old) in LABELS {
            if let Some(value) = meta::label(node, new).map(str::to_owned) {
                meta::set_label(node, old, &value);
            }
        }
    });
    match written {
        Err(status) if !status.is_not_found() => Err(status),
        _ => Ok(()),
    }
}

fn taint_node(node: &mut Value, any_ready: bool, now: &str) {
    let mut wanted: Vec<(&str, &str)> = Vec::new();
    for (kind, when, key) in TAINTS {
        if status(node, kind) == Some(when) {
            wanted.push((key, "NoSchedule"));
            if kind == "Ready" && any_ready {
                wanted.push((key, "NoExecute"));
            }
        }
    }
    if meta::truth(node, "/spec/unschedulable") {
        wanted.push((UNSCHEDULABLE, "NoSchedule"));
    }
    let is_ours = |taint: &Value| {
        let (key, effect) = (meta::text(taint, "/key"), meta::text(taint, "/effect"));
        let from_condition = TAINTS.iter().find(|(.., known)| *known == key);
        match effect {
            "NoSchedule" => key == UNSCHEDULABLE || from_condition.is_some(),
            "NoExecute" => from_condition.is_some_and(|(kind, ..)| *kind == "Ready"),
            _ => false,
        }
    };
    // A node that has told nothing yet keeps the taint it was born with.
    let is_born = |taint: &Value| status(node, "Ready").is_none() && meta::text(taint, "/key") == TAINTS[0].2;
    let before = meta::list(node, "/spec/taints");
    let mut taints: Vec<Value> = before.to_vec();
    let wants = |taint: &Value| wanted.iter().any(|(key, effect)| taint["key"] == *key && taint["effect"] == *effect);
    taints.retain(|taint| !is_ours(taint) || wants(taint) || is_born(taint));
    for (key, effect) in wanted {
        let added = json!({ "key": key, "effect": effect, "timeAdded": now });
        if !taints.iter().any(|found| taint::same(found, &added)) {
            taints.push(added);
        }
    }
    if taints == before {
        return;
    }
    let spec = meta::child(node, "spec");
    if taints.is_empty() {
        meta::remove(spec, "taints");
    } else {
        spec["taints"] = Value::Array(taints);
    }
}
