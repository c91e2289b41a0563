//! StorageClass: how volumes are made for claims.
//! Source: `pkg/apis/storage/v1/defaults.go` and `pkg/registry/storage/storageclass/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells;
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
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
    strategy: Strategy { defaults, ..Strategy::PLAIN },
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
