//! CSINode: the storage drivers of a node.
//! Source: `pkg/registry/storage/csinode/strategy.go`, `pkg/apis/storage/validation/validation.go`.

use serde_json::{Value, json};

use super::at::{At, go};
use super::cells;
use super::check;
use super::filling::{part, put};
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
        validate_update,
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
        check::csi_driver(name, errors);
        if id.is_empty() {
            id.required(errors);
        } else if id.text().len() > 256 {
            id.invalid("must be 256 characters or less", errors);
        }
        let allocatable = driver.key("allocatable");
        check::not_negative(allocatable.key("count"), errors);
        if seen.contains(&name.text()) {
            errors.duplicate(name.path(), name.text());
        }
        seen.push(name.text());
        topology(driver, errors);
    }
}

/// The keys of labels that say where a driver's volumes can be reached. Upstream names the driver, not the key.
fn topology(driver: At<'_, '_>, errors: &mut ErrorList) {
    let keys = driver.key("topologyKeys");
    let mut seen: Vec<&str> = Vec::new();
    for key in keys.items() {
        if key.is_empty() {
            driver.required(errors);
        }
        if seen.contains(&key.text()) {
            errors.duplicate(driver.path(), key.text());
        }
        seen.push(key.text());
        for why in names::qualified(key.text()) {
            errors.invalid(driver.path(), key.text(), why);
        }
    }
}

/// Drivers come and go; of one that stays only what it can still take may change (ValidateCSINodeUpdate).
fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    // Upstream looks at the new object twice.
    validate(new, errors);
    for before in meta::list(old, "/spec/drivers") {
        for after in meta::list(new, "/spec/drivers").iter().filter(|driver| driver["name"] == before["name"]) {
            let keys = |driver| meta::list(driver, "/topologyKeys");
            if after["nodeID"] != before["nodeID"] || keys(after) != keys(before) {
                errors.immutable("spec.drivers", shown(after));
            }
        }
    }
}

/// A driver as Go writes it, without what may change.
fn shown(driver: &Value) -> Value {
    let mut shown = go(driver, &[("Name", "name"), ("NodeID", "nodeID"), ("TopologyKeys", "topologyKeys")]);
    put(&mut shown, "Allocatable", Value::Null);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(before: Value, after: Value) -> String {
        let node = |drivers: Value| json!({ "spec": { "drivers": drivers } });
        let mut errors = ErrorList::default();
        validate_update(&node(after), &node(before), &mut errors);
        errors.sentence()
    }

    #[test]
    fn a_driver_that_stays_keeps_its_name_for_the_node() {
        let before = json!([{ "name": "a.example.com", "nodeID": "n1", "topologyKeys": ["zone"], "allocatable": { "count": 5 } }]);
        let told = "spec.drivers: Invalid value: {\"Name\":\"a.example.com\",\"NodeID\":\"n2\",\"TopologyKeys\":[\"zone\"],\"Allocatable\":null}: field is immutable";
        let mut after = before.clone();
        after[0]["nodeID"] = json!("n2");
        assert_eq!(refused(before.clone(), after), told);
        let mut after = before.clone();
        after[0]["allocatable"] = json!({ "count": 4 });
        let allowed = [after, json!([]), json!([{ "name": "b.example.com", "nodeID": "n2" }])];
        for after in allowed {
            assert!(!refused(before.clone(), after).contains("immutable"));
        }
    }

    #[test]
    fn a_topology_key_stands_once() {
        let driver = json!({ "name": "A.example.com", "nodeID": "n1", "topologyKeys": ["zone", "zone"] });
        let mut errors = ErrorList::default();
        validate(&json!({ "spec": { "drivers": [driver] } }), &mut errors);
        assert_eq!(errors.sentence(), "spec.drivers[0]: Duplicate value: \"zone\"");
    }
}
