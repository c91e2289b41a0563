//! Objects that are never stored and made at each read: how components are, and what is used of the machines.
//! Stored ones are `read.rs`. Measuring is the nodes'; who asks finds what they told last.

use std::sync::{Mutex, PoisonError};

use serde_json::json;

use super::ApiServer;
use crate::object::meta;
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::registry::kinds::apiservice::APISERVICE;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;

/// The APIService behind which the metrics server answers.
const METRICS: &str = "v1beta1.metrics.k8s.io";

/// What the metrics server measured last: NodeMetrics and PodMetrics, sorted by namespace and name.
#[derive(Default)]
pub struct Measured {
    nodes: Mutex<Vec<Object>>,
    pods: Mutex<Vec<Object>>,
}

impl Measured {
    /// Puts these in place of what was measured before.
    pub fn tell(&self, nodes: Vec<Object>, pods: Vec<Object>) {
        *self.nodes.lock().unwrap_or_else(PoisonError::into_inner) = nodes;
        *self.pods.lock().unwrap_or_else(PoisonError::into_inner) = pods;
    }
}

impl ApiServer {
    /// All objects of a resource that is not stored; `None` for one that is.
    pub(super) fn made(&self, resource: &Resource) -> Option<Result<Vec<Object>>> {
        let measured = |told: &Mutex<Vec<Object>>| {
            self.metrics_answer(resource).map(|()| told.lock().unwrap_or_else(PoisonError::into_inner).clone())
        };
        match (resource.group, resource.kind) {
            ("", "ComponentStatus") => Some(Ok(components())),
            ("metrics.k8s.io", "NodeMetrics") => Some(measured(&self.measured.nodes)),
            ("metrics.k8s.io", "PodMetrics") => Some(measured(&self.measured.pods)),
            _ => None,
        }
    }

    /// The error for an object of this name that is not made. metrics-server looks for the Pod or node first, and for what it measured
    /// then (`pkg/api/pod.go`, `pkg/api/node.go`); it names nodes in the singular, as the lister it asks does.
    pub(super) fn not_made(&self, resource: &Resource, namespace: &str, name: &str) -> Status {
        let is_there = |of: &str| self.storage.get(of, namespace, name).is_some();
        // Only running Pods are looked for (`pkg/server/config.go`, runningPodMetadataInformer).
        let runs = || {
            let pod = self.storage.get("pods", namespace, name);
            pod.is_some_and(|pod| meta::text(&pod, "/status/phase") == "Running")
        };
        match resource.kind {
            "PodMetrics" if runs() => Status::not_found("metrics.k8s.io", "podmetrics", &format!("{namespace}/{name}")),
            "PodMetrics" => Status::not_found("", "pods", name),
            "NodeMetrics" if is_there("nodes") => Status::not_found("metrics.k8s.io", "nodemetrics", name),
            "NodeMetrics" => Status::not_found("", "node", name),
            _ => Status::not_found("", "componentstatus", name),
        }
    }

    /// Whether the metrics server answers, as its APIService says.
    fn metrics_answer(&self, resource: &Resource) -> Result<()> {
        let Some(service) = self.storage.get(&APISERVICE.group_resource(), "", METRICS) else {
            return Err(Status::unknown_resource(&resource.group_resource()));
        };
        let available =
            |condition: &serde_json::Value| condition["type"] == "Available" && condition["status"] == "True";
        if meta::list(&service, "/status/conditions").iter().any(available) {
            return Ok(());
        }
        Err(Status::unavailable(&resource.group_resource()))
    }
}

/// The components `kubectl get componentstatuses` asks after; here they are well for as long as they answer.
fn components() -> Vec<Object> {
    let component = |name: &str| {
        json!({
            "kind": "ComponentStatus",
            "apiVersion": "v1",
            "metadata": { "name": name },
            "conditions": [{ "type": "Healthy", "status": "True", "message": "ok" }],
        })
    };
    ["controller-manager", "scheduler", "etcd-0"].into_iter().map(|name| component(name).into()).collect()
}
