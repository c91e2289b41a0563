//! PriorityClass: a name for a priority; admission puts the number into Pods.
//! Source: `pkg/apis/scheduling/v1/defaults.go` and `pkg/registry/scheduling/priorityclass/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::At;
use super::cells;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
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
        validate,
        validate_update,
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

const HIGHEST: i64 = 1_000_000_000;
/// The classes that may be above, and their values.
const SYSTEM: [(&str, i64); 2] = [("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000)];

fn validate(class: &Value, errors: &mut ErrorList) {
    let root = At::root(class);
    let name = meta::name(class);
    let system = SYSTEM.iter().find(|(known, _)| *known == name);
    if name.starts_with("system-") {
        // Only what is new is looked at so closely: an update is told that the value may not change.
        let is_new = meta::text(class, "/metadata/resourceVersion").is_empty();
        let why = match system {
            None => Some(format!("{name} is not a known system priority class")),
            Some((_, value)) if is_new && root.key("value").count() != *value => {
                Some(format!("value of {name} PriorityClass must be {value}"))
            }
            Some(_) if is_new && meta::truth(class, "/globalDefault") => {
                Some(format!("globalDefault of {name} PriorityClass must be false"))
            }
            Some(_) => None,
        };
        if let Some(why) = why {
            let reserved = "priority class names with 'system-' prefix are reserved for system use only. error: ";
            errors.forbidden("metadata.name", format!("{reserved}{why}"));
        }
    } else if root.key("value").count() > HIGHEST {
        let why = format!("maximum allowed value of a user defined priority is {HIGHEST}");
        root.key("value").forbidden(why, errors);
    }
    root.key("preemptionPolicy").one_of_if_set(&["PreemptLowerPriority", "Never"], errors);
}

fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    if meta::number(new, "/value") != meta::number(old, "/value") {
        errors.forbidden("value", "may not be changed in an update.");
    }
    if new.get("preemptionPolicy") != old.get("preemptionPolicy") {
        errors.immutable("preemptionPolicy", new["preemptionPolicy"].clone());
    }
}
