//! StorageClass: how volumes are made for claims.
//! Source: `pkg/apis/storage/v1/defaults.go` and `pkg/registry/storage/storageclass/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::At;
use super::cells;
use super::check;
use super::pod_spec::warnings::old_label;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::names;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `storage.k8s.io/v1 StorageClass`.
pub static STORAGECLASS: Resource = Resource {
    group: "storage.k8s.io",
    version: "v1",
    kind: "StorageClass",
    plural: "storageclasses",
    singular: "storageclass",
    short_names: &["sc"],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy { defaults, validate, validate_update, warnings, ..Strategy::PLAIN },
    table: Table {
        columns: &[
            NAME,
            column("Provisioner"),
            column("ReclaimPolicy"),
            column("VolumeBindingMode"),
            column("AllowVolumeExpansion"),
            AGE,
        ],
        row,
    },
    stored_as: None,
};

fn defaults(class: &mut Value) {
    meta::set_default(class, "reclaimPolicy", "Delete");
    meta::set_default(class, "volumeBindingMode", "Immediate");
}

fn warnings(class: &Value) -> Vec<String> {
    let root = At::root(class);
    let topologies = root.key("allowedTopologies");
    let mut told = Vec::new();
    for topology in topologies.items() {
        let expressions = topology.key("matchLabelExpressions");
        for expression in expressions.items() {
            let key = expression.key("key");
            told.extend(old_label(key.text()).map(|why| format!("{}: {why}", key.path())));
        }
    }
    told
}

/// Whether claims without a class get this one.
pub fn is_default(class: &Value) -> bool {
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"]
        .iter()
        .any(|key| meta::annotation(class, key) == Some("true"))
}

fn row(class: &Value, now: Timestamp) -> Vec<Value> {
    let suffix = if is_default(class) { " (default)" } else { "" };
    vec![
        json!(format!("{}{suffix}", meta::name(class))),
        cells::text(class, "/provisioner"),
        cells::text_or(class, "/reclaimPolicy", "Delete"),
        cells::text_or(class, "/volumeBindingMode", "Immediate"),
        json!(meta::truth(class, "/allowVolumeExpansion")),
        age(class, now),
    ]
}

fn validate(class: &Value, errors: &mut ErrorList) {
    let root = At::root(class);
    let provisioner = root.key("provisioner");
    if provisioner.is_empty() {
        provisioner.required(errors);
    } else {
        let lower = provisioner.text().to_lowercase();
        for why in names::qualified(&lower) {
            errors.invalid(provisioner.path(), lower.as_str(), why);
        }
    }
    for (key, _) in root.key("parameters").entries() {
        if key.is_empty() {
            errors.invalid("parameters", "", "field can not be empty.");
        }
    }
    root.key("reclaimPolicy").one_of(&["Delete", "Retain"], errors);
    root.key("volumeBindingMode").one_of(&["Immediate", "WaitForFirstConsumer"], errors);
    let topologies = root.key("allowedTopologies");
    for topology in topologies.items() {
        let expressions = topology.key("matchLabelExpressions");
        for expression in expressions.items() {
            if expression.key("values").list().is_empty() {
                expression.key("values").required(errors);
            }
            check::qualified(expression.key("key"), errors);
        }
    }
}

fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    for field in ["parameters", "provisioner", "reclaimPolicy"] {
        if new.get(field) != old.get(field) {
            errors.forbidden(field, format!("updates to {field} are forbidden."));
        }
    }
    if new.get("volumeBindingMode") != old.get("volumeBindingMode") {
        errors.immutable("volumeBindingMode", new["volumeBindingMode"].clone());
    }
}
