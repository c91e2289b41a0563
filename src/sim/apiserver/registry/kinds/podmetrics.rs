//! PodMetrics: what the containers of a Pod use, as the metrics server last measured it; never stored.
//! Who measures is the nodes'. Source: `pkg/api/pod.go` and `pkg/api/table.go` of kubernetes-sigs/metrics-server.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells;
use crate::object::meta;
use crate::object::quantity::Quantity;
use crate::sim::apiserver::registry::resource::{NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `metrics.k8s.io/v1beta1 PodMetrics`.
pub static PODMETRICS: Resource = Resource {
    group: "metrics.k8s.io",
    version: "v1beta1",
    kind: "PodMetrics",
    plural: "pods",
    // metrics-server names none; clients take the kind for it, as in `kubectl get podmetrics`.
    singular: "",
    short_names: &[],
    categories: &[],
    namespaced: true,
    verbs: &["get", "list"],
    subresources: &[],
    strategy: Strategy::PLAIN,
    table: Table { columns: &[NAME, column("cpu"), column("memory"), column("Window")], row },
    stored_as: None,
};

fn row(metrics: &Value, _now: Timestamp) -> Vec<Value> {
    let of = |container: &Value, resource: &str| container.pointer("/usage")?.get(resource).cloned();
    let used = |resource: &str| {
        let each = meta::list(metrics, "/containers").iter().filter_map(|container| of(container, resource));
        let sum = each.filter_map(|used| Quantity::of(&used).ok()).reduce(|sum, used| sum + used);
        json!(sum.unwrap_or_default().to_string())
    };
    vec![cells::name(metrics), used("cpu"), used("memory"), metrics["window"].clone()]
}
