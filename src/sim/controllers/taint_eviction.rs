//! taint-eviction-controller: Pods leave nodes whose `NoExecute` taints they do not tolerate, or tolerate only for a while.
//! Who taints nodes is the node lifecycle controller, or anybody. Source: `pkg/controller/tainteviction/taint_eviction.go`.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Controller;
use crate::object::selector::FieldSelector;
use crate::object::{meta, taint};
use crate::sim::apiserver::endpoints::{DeleteOptions, timestamp};
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Key, Next, Watched, key, own};

/// The controller; its keys are Pods.
pub static TAINT_EVICTION_CONTROLLER: Controller = Controller {
    name: "taint-eviction-controller",
    watches: &[Watched { resource: &NODE, keys: pods_of }, Watched { resource: &POD, keys: own }],
    reconcile,
};

/// Since when Pods wait for their eviction.
#[derive(Default)]
struct Waiting(HashMap<Key, Timestamp>);

fn pods_of(context: &Context, node: &Object) -> Vec<Key> {
    let Ok(on_node) = FieldSelector::parse(&format!("spec.nodeName={}", meta::name(node))) else { return Vec::new() };
    context.client.where_fields(&POD, "", &on_node).iter().map(key).collect()
}

fn reconcile(context: &Context, key: &Key) -> Result<Next> {
    let pod = context.client.find(&POD, &key.0, &key.1).filter(|pod| !meta::is_terminating(pod));
    let Some(pod) = pod else {
        context.remember(|waiting: &mut Waiting| waiting.0.remove(key));
        return Ok(Next::Done);
    };
    let Some(node) = context.client.find(&NODE, "", meta::text(&pod, "/spec/nodeName")) else { return Ok(Next::Done) };
    let Some(patience) = patience(meta::list(&node, "/spec/taints"), meta::list(&pod, "/spec/tolerations")) else {
        if context.remember(|waiting: &mut Waiting| waiting.0.remove(key)).is_some() {
            tell(context, key, "Cancelling deletion of Pod");
        }
        return Ok(Next::Done);
    };
    let now = context.client.clock().now();
    let since = context.remember(|waiting: &mut Waiting| *waiting.0.entry(key.clone()).or_insert(now));
    let left = patience - now.duration_since(since);
    if left > SignedDuration::ZERO {
        return Ok(Next::After(Duration::try_from(left).unwrap_or_default()));
    }
    context.remember(|waiting: &mut Waiting| waiting.0.remove(key));
    tell(context, key, "Marking for deletion Pod");
    evict(context, key, now)
}

/// How long a Pod may stay beside these taints; `None` for ever.
fn patience(taints: &[Value], tolerations: &[Value]) -> Option<SignedDuration> {
    let driving: Vec<&Value> = taints.iter().filter(|taint| meta::text(taint, "/effect") == "NoExecute").collect();
    let mut seconds: Option<i64> = None;
    for taint in driving {
        let Some(answer) = tolerations.iter().find(|toleration| taint::tolerates(toleration, taint)) else {
            return Some(SignedDuration::ZERO);
        };
        if let Some(own) = meta::number(answer, "/tolerationSeconds") {
            seconds = Some(seconds.map_or(own, |known| known.min(own)).max(0));
        }
    }
    seconds.map(SignedDuration::from_secs)
}

fn tell(context: &Context, (namespace, name): &Key, what: &str) {
    // The real controller names the Pod without its uid.
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "namespace": namespace, "name": name } });
    context.events.normal(&pod, "TaintManagerEviction", &format!("{what} {namespace}/{name}"));
}

fn evict(context: &Context, (namespace, name): &Key, now: Timestamp) -> Result<Next> {
    let condition = json!({
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "DeletionByTaintManager",
        "message": "Taint manager: deleting due to NoExecute taint",
        "lastProbeTime": null,
        "lastTransitionTime": timestamp(now),
    });
    let marked = context.client.modify_status(&POD, namespace, name, |pod| {
        let status = meta::child(pod, "status");
        let mut conditions: Vec<Value> = meta::list(status, "/conditions").to_vec();
        conditions.retain(|found| found["type"] != "DisruptionTarget");
        conditions.push(condition.clone());
        status["conditions"] = Value::Array(conditions);
    });
    let deleted =
        marked.and_then(|_| context.client.delete(&POD, namespace, name, &DeleteOptions::default()).map(drop));
    match deleted {
        Err(status) if !status.is_not_found() => Err(status),
        _ => Ok(Next::Done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_patience_counts_and_no_answer_is_none() {
        let taint = |key: &str| json!({ "key": key, "effect": "NoExecute" });
        let answer =
            |key: &str, seconds: Value| json!({ "key": key, "operator": "Exists", "tolerationSeconds": seconds });
        let seconds =
            |taints: &[Value], answers: &[Value]| patience(taints, answers).map(|patience| patience.as_secs());
        let (a, b) = (taint("a"), taint("b"));
        assert_eq!(seconds(std::slice::from_ref(&a), &[]), Some(0));
        assert_eq!(seconds(&[a.clone(), b.clone()], &[answer("a", json!(300))]), Some(0));
        assert_eq!(seconds(&[a.clone(), b.clone()], &[answer("a", json!(300)), answer("b", json!(60))]), Some(60));
        assert_eq!(seconds(&[a.clone(), b], &[answer("a", json!(300)), answer("b", Value::Null)]), Some(300));
        assert_eq!(seconds(&[a], &[answer("a", Value::Null)]), None);
        assert_eq!(seconds(&[json!({ "key": "a", "effect": "NoSchedule" })], &[]), None);
    }
}
