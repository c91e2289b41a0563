//! ComponentStatus: how scheduler, controller-manager and etcd are; made up at each read, never stored.
//! Source: `pkg/registry/core/componentstatus/rest.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells;
use crate::object::meta;
use crate::sim::apiserver::registry::resource::{NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `v1 ComponentStatus`.
pub static COMPONENTSTATUS: Resource = Resource {
    group: "",
    version: "v1",
    kind: "ComponentStatus",
    plural: "componentstatuses",
    singular: "componentstatus",
    short_names: &["cs"],
    categories: &[],
    namespaced: false,
    verbs: &["get", "list"],
    subresources: &[],
    strategy: Strategy::PLAIN,
    table: Table { columns: &[NAME, column("Status"), column("Message"), column("Error")], row },
    stored_as: None,
};

fn row(component: &Value, _now: Timestamp) -> Vec<Value> {
    let healthy =
        meta::list(component, "/conditions").iter().find(|condition| meta::text(condition, "/type") == "Healthy");
    let status = match healthy.map(|condition| meta::text(condition, "/status")) {
        Some("True") => "Healthy",
        Some(_) => "Unhealthy",
        None => "Unknown",
    };
    let part = |pointer: &str| healthy.map(|condition| meta::text(condition, pointer)).unwrap_or_default();
    vec![cells::name(component), json!(status), json!(part("/message")), json!(part("/error"))]
}
