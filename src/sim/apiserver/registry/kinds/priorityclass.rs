//! PriorityClass: a name for a priority; admission puts the number into Pods.
//! Source: `pkg/apis/scheduling/v1/defaults.go` and `pkg/registry/scheduling/priorityclass/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells;
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column, integer};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `scheduling.k8s.io/v1 PriorityClass`.
pub static PRIORITYCLASS: Resource = Resource {
    group: "scheduling.k8s.io",
    version: "v1",
    kind: "PriorityClass",
    plural: "priorityclasses",
    singular: "priorityclass",
    short_names: &["pc"],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy {
        defaults: |class| meta::set_default(class, "preemptionPolicy", "PreemptLowerPriority"),
        generation: true,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[NAME, integer("Value"), cells::boolean("Global-Default"), AGE, column("PreemptionPolicy")],
        row,
    },
    stored_as: None,
};

fn row(class: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        cells::name(class),
        cells::count(class, "/value"),
        json!(meta::truth(class, "/globalDefault")),
        age(class, now),
        cells::text(class, "/preemptionPolicy"),
    ]
}
