//! pod-garbage-collector: takes away Pods that nobody else will: on nodes that are gone, and asked to end before they had one.
//! Source: `pkg/controller/podgc/gc_controller.go`.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Controller;
use crate::object::meta;
use crate::sim::apiserver::endpoints::{DeleteOptions, timestamp};
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Key, Next, Watched};

/// The controller; it has one key, for all Pods.
pub static POD_GARBAGE_COLLECTOR: Controller = Controller {
    name: "pod-garbage-collector",
    watches: &[Watched { resource: &NODE, keys: |_, _| vec![Key::default()] }],
    reconcile,
};

const PERIOD: Duration = Duration::from_secs(20);
/// How long a node must be gone.
const QUARANTINE: SignedDuration = SignedDuration::from_secs(40);

/// Since when nodes are missing that Pods name.
#[derive(Default)]
struct Missing(HashMap<String, Timestamp>);

fn reconcile(context: &Context, _: &Key) -> Result<Next> {
    let now = context.client.clock().now();
    let nodes = context.client.list(&NODE, "");
    let pods = context.client.list(&POD, "");
    let is_missing = |name: &str| !name.is_empty() && !nodes.iter().any(|node| meta::name(node) == name);
    context.remember(|missing: &mut Missing| missing.0.retain(|name, _| is_missing(name)));
    for pod in &pods {
        let node = meta::text(pod, "/spec/nodeName");
        if node.is_empty() && meta::is_terminating(pod) {
            collect(context, pod, None)?;
        } else if is_missing(node) {
            let since = context.remember(|missing: &mut Missing| *missing.0.entry(node.to_owned()).or_insert(now));
            if now.duration_since(since) >= QUARANTINE {
                collect(context, pod, Some(now))?;
            }
        } else if meta::is_terminating(pod) && nodes.iter().any(|found| meta::name(found) == node && is_out(found)) {
            collect(context, pod, None)?;
        }
    }
    Ok(Next::After(PERIOD))
}

/// Not ready, and declared out of service.
fn is_out(node: &Object) -> bool {
    let ready = meta::list(node, "/status/conditions").iter().any(|c| c["type"] == "Ready" && c["status"] == "True");
    let taints = meta::list(node, "/spec/taints");
    !ready && taints.iter().any(|taint| meta::text(taint, "/key") == "node.kubernetes.io/out-of-service")
}

/// Marks the Pod failed and deletes it at once; `lost` is told in its conditions.
fn collect(context: &Context, pod: &Value, lost: Option<Timestamp>) -> Result<()> {
    let (namespace, name) = (meta::namespace(pod), meta::name(pod));
    let marked = context.client.modify_status(&POD, namespace, name, |pod| {
        let status = meta::child(pod, "status");
        if !matches!(meta::text(status, "/phase"), "Succeeded" | "Failed") {
            status["phase"] = json!("Failed");
        }
        if let Some(now) = lost {
            let mut conditions: Vec<Value> = meta::list(status, "/conditions").to_vec();
            conditions.retain(|found| found["type"] != "DisruptionTarget");
            conditions.push(json!({
                "type": "DisruptionTarget",
                "status": "True",
                "reason": "DeletionByPodGC",
                "message": "PodGC: node no longer exists",
                "lastProbeTime": null,
                "lastTransitionTime": timestamp(now),
            }));
            status["conditions"] = Value::Array(conditions);
        }
    });
    match marked.and_then(|_| context.client.delete(&POD, namespace, name, &DeleteOptions::now()).map(drop)) {
        Err(status) if !status.is_not_found() => Err(status),
        _ => Ok(()),
    }
}
