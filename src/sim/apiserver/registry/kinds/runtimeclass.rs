//! RuntimeClass: which container runtime a Pod runs with.
//! Source: `pkg/registry/node/runtimeclass/strategy.go`.

use serde_json::Value;

use super::at::At;
use super::cells;
use super::check;
use super::pod_spec::resources::quantity;
use super::pod_spec::spread::tolerations;
use super::pod_spec::warnings::old_label;
use crate::object::quantity::Quantity;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `node.k8s.io/v1 RuntimeClass`.
pub static RUNTIMECLASS: Resource = Resource {
    group: "node.k8s.io",
    version: "v1",
    kind: "RuntimeClass",
    plural: "runtimeclasses",
    singular: "runtimeclass",
    short_names: &[],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy {
        create_on_update: true,
        unconditional_update: false,
        validate,
        validate_update,
        warnings,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[NAME, column("Handler"), AGE],
        row: |class, now| vec![cells::name(class), cells::text(class, "/handler"), age(class, now)],
    },
    stored_as: None,
};

fn warnings(class: &Value) -> Vec<String> {
    let selector = class["scheduling"]["nodeSelector"].as_object();
    let old = selector.into_iter().flatten().filter_map(|(label, _)| old_label(label));
    old.map(|why| format!("scheduling.nodeSelector: {why}")).collect()
}

fn validate(class: &Value, errors: &mut ErrorList) {
    let root = At::root(class);
    check::dns_label(root.key("handler"), errors);
    let (overhead, scheduling) = (root.key("overhead"), root.key("scheduling"));
    let fixed = overhead.key("podFixed");
    for (name, amount) in fixed.entries() {
        // Upstream checks it as what a container asks for.
        let found = quantity(amount.value());
        if found < Quantity::ZERO {
            errors.invalid(format!("overhead.limits[{name}]"), found.to_string(), check::NOT_NEGATIVE);
        }
    }
    check::labels(scheduling.key("nodeSelector"), errors);
    tolerations(scheduling.key("tolerations"), errors);
}

fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    if new.get("handler") != old.get("handler") {
        errors.immutable("handler", new["handler"].clone());
    }
}
