//! CSINode: the storage drivers of a node.
//! Source: `pkg/registry/storage/csinode/strategy.go`, `pkg/apis/storage/validation/validation.go`.

use serde_json::{Value, json};

use super::at::At;
use super::cells;
use super::check;
use super::filling::part;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::names;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, integer};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `storage.k8s.io/v1 CSINode`.
pub static CSINODE: Resource = Resource {
    group: "storage.k8s.io",
    version: "v1",
    kind: "CSINode",
    plural: "csinodes",
    singular: "csinode",
    short_names: &[],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy {
        defaults: |node| part(node, "spec", |spec| meta::set_default(spec, "drivers", Value::Null)),
        validate,
        unconditional_update: false,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[NAME, integer("Drivers"), AGE],
        row: |node, now| vec![cells::name(node), json!(meta::list(node, "/spec/drivers").len()), age(node, now)],
    },
    stored_as: None,
};

fn validate(node: &Value, errors: &mut ErrorList) {
    let root = At::root(node);
    let spec = root.key("spec");
    let drivers = spec.key("drivers");
    let mut seen: Vec<&str> = Vec::new();
    for driver in drivers.items() {
        let (name, id) = (driver.key("name"), driver.key("nodeID"));
        if name.is_empty() {
            name.required(errors);
        } else {
            check::subdomain(name, errors);
        }
        if id.is_empty() {
            id.required(errors);
        }
        let allocatable = driver.key("allocatable");
        check::not_negative(allocatable.key("count"), errors);
        if seen.contains(&name.text()) {
            errors.duplicate(name.path(), name.text());
        }
        seen.push(name.text());
        let keys = driver.key("topologyKeys");
        for key in keys.items() {
            if key.is_empty() {
                driver.required(errors);
            }
            for why in names::qualified(key.text()) {
                errors.invalid(driver.path(), key.text(), why);
            }
        }
    }
}
