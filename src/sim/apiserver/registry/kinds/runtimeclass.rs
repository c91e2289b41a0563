//! RuntimeClass: which container runtime a Pod runs with.
//! Source: `pkg/registry/node/runtimeclass/strategy.go`.

use serde_json::Value;

use super::at::At;
use super::cells;
use super::check;
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
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[NAME, column("Handler"), AGE],
        row: |class, now| vec![cells::name(class), cells::text(class, "/handler"), age(class, now)],
    },
    stored_as: None,
};

fn validate(class: &Value, errors: &mut ErrorList) {
    check::dns_label(At::root(class).key("handler"), errors);
}

fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    if new.get("handler") != old.get("handler") {
        errors.immutable("handler", new["handler"].clone());
    }
}
