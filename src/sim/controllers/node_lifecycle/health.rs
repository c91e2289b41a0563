//! Whether a node's kubelet still gives signs of life, and what is told when it does not.
//! Which taints follow stands in `taints.rs`.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::object::meta;
use crate::object::selector::FieldSelector;
use crate::sim::apiserver::endpoints::timestamp;
use crate::sim::apiserver::registry::kinds::lease::LEASE;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::Result;
use crate::sim::reconciler::Context;

/// How long a kubelet may be silent (`--node-monitor-grace-period`).
const GRACE: SignedDuration = SignedDuration::from_secs(50);
/// How long a node may take to tell its first status (`--node-startup-grace-period`).
const STARTUP: SignedDuration = SignedDuration::from_secs(60);
/// The conditions a kubelet tells of.
const TYPES: [&str; 4] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/// The nodes the controller knows.
#[derive(Default)]
struct Known(HashMap<String, Seen>);

struct Seen {
    uid: String,
    /// The last sign of life as the lease tells it, and when it was seen.
    renewed: String,
    at: Timestamp,
}

/// A node that is gone is known no more.
pub fn forget(context: &Context, name: &str) {
    let gone = context.remember(|known: &mut Known| known.0.remove(name));
    if let Some(seen) = gone {
        let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name, "uid": seen.uid } });
        let message = format!("Node {name} event: Removing Node {name} from Controller");
        context.events.normal(&node, "RemovingNode", &message);
    }
}

/// Marks the node Unknown when its kubelet has been silent for too long; says when that could be the case next.
pub fn watch_over(context: &Context, node: &Value) -> Result<Duration> {
    let now = context.client.clock().now();
    let ready = condition(node, "Ready");
    let grace = if ready.is_some() { GRACE } else { STARTUP };
    let silent = now.duration_since(last_sign(context, node, now));
    if silent < grace {
        return Ok(Duration::try_from(grace - silent).unwrap_or_default());
    }
    let was_ready = ready.is_some_and(|ready| ready["status"] == "True");
    if condition(node, "Ready").is_none_or(|ready| ready["status"] != "Unknown") {
        context.client.modify_status(&NODE, "", meta::name(node), |node| give_up(node, now))?;
    }
    if was_ready {
        let message = format!("Node {} status is now: NodeNotReady", meta::name(node));
        context.events.normal(node, "NodeNotReady", &message);
        mark_pods(context, meta::name(node), now)?;
    }
    Ok(Duration::try_from(grace).unwrap_or_default())
}

/// When the kubelet was last heard of. What was written before the controller started counts as heard then.
fn last_sign(context: &Context, node: &Value, now: Timestamp) -> Timestamp {
    let lease = context.client.find(&LEASE, "kube-node-lease", meta::name(node));
    let mut renewed = lease.map(|lease| meta::text(&lease, "/spec/renewTime").to_owned()).unwrap_or_default();
    renewed.push_str(condition(node, "Ready").map_or("", |ready| meta::text(ready, "/lastHeartbeatTime")));
    let (at, is_new) = context.remember(|known: &mut Known| {
        let is_new = known.0.get(meta::name(node)).is_none_or(|seen| seen.uid != meta::uid(node));
        let seen = || Seen { uid: meta::uid(node).to_owned(), renewed: renewed.clone(), at: now };
        let entry = known.0.entry(meta::name(node).to_owned()).or_insert_with(seen);
        if is_new || entry.renewed != renewed {
            *entry = seen();
        }
        (entry.at, is_new)
    });
    if is_new {
        let name = meta::name(node);
        let message = format!("Node {name} event: Registered Node {name} in Controller");
        context.events.normal(node, "RegisteredNode", &message);
    }
    at
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    meta::list(object, "/status/conditions").iter().find(|condition| meta::text(condition, "/type") == kind)
}

fn give_up(node: &mut Value, now: Timestamp) {
    let now = timestamp(now);
    let born = node["metadata"]["creationTimestamp"].clone();
    let mut conditions: Vec<Value> = meta::list(node, "/status/conditions").to_vec();
    for kind in TYPES {
        let told = conditions.iter_mut().find(|condition| meta::text(condition, "/type") == kind);
        let unknown = |reason: &str, message: &str| json!({ "type": kind, "status": "Unknown", "reason": reason, "message": message, "lastHeartbeatTime": born, "lastTransitionTime": now });
        match told {
            Some(told) if told["status"] != "Unknown" => {
                let heartbeat = told["lastHeartbeatTime"].clone();
                *told = unknown("NodeStatusUnknown", "Kubelet stopped posting node status.");
                told["lastHeartbeatTime"] = heartbeat;
            }
            Some(_) => {}
            None => conditions.push(unknown("NodeStatusNeverUpdated", "Kubelet never posted node status.")),
        }
    }
    meta::child(node, "status")["conditions"] = Value::Array(conditions);
}

/// The Pods of a lost node are not ready any more, so Services leave them out.
fn mark_pods(context: &Context, node: &str, now: Timestamp) -> Result<()> {
    let Ok(on_node) = FieldSelector::parse(&format!("spec.nodeName={node}")) else { return Ok(()) };
    for pod in context.client.where_fields(&POD, "", &on_node) {
        if condition(&pod, "Ready").is_none_or(|ready| ready["status"] == "False") {
            continue;
        }
        let marked = context.client.modify_status(&POD, meta::namespace(&pod), meta::name(&pod), |pod| {
            let conditions = pod["status"].get_mut("conditions").and_then(Value::as_array_mut);
            for ready in conditions.into_iter().flatten().filter(|condition| condition["type"] == "Ready") {
                ready["status"] = json!("False");
                ready["lastTransitionTime"] = json!(timestamp(now));
            }
        });
        match marked {
            Ok(_) => context.events.warning(&pod, "NodeNotReady", "Node is not ready"),
            Err(status) if status.is_not_found() => {}
            Err(status) => return Err(status),
        }
    }
    Ok(())
}
