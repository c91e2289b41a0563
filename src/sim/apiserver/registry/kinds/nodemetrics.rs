//! NodeMetrics: what a node uses, as the metrics server last measured it; never stored.
//! Who measures is the nodes'. Source: `pkg/api/node.go` and `pkg/api/table.go` of kubernetes-sigs/metrics-server.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells;
use crate::object::meta;
use crate::sim::apiserver::registry::resource::{NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `metrics.k8s.io/v1beta1 NodeMetrics`.
pub static NODEMETRICS: Resource = Resource {
    group: "metrics.k8s.io",
    version: "v1beta1",
    kind: "NodeMetrics",
    plural: "nodes",
    // metrics-server names none; clients take the kind for it, as in `kubectl get podmetrics`.
    singular: "",
    short_names: &[],
    categories: &[],
    namespaced: false,
    verbs: &["get", "list"],
    subresources: &[],
    strategy: Strategy::PLAIN,
    table: Table { columns: &[NAME, column("cpu"), column("memory"), column("Window")], row },
    stored_as: None,
};

fn row(metrics: &Value, _now: Timestamp) -> Vec<Value> {
    let used = |resource: &str| json!(meta::text(metrics, &format!("/usage/{resource}")));
    vec![cells::name(metrics), used("cpu"), used("memory"), metrics["window"].clone()]
}
