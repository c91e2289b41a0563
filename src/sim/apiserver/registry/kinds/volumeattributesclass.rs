//! VolumeAttributesClass: attributes of volumes that may change while they live.
//! Source: `pkg/registry/storage/volumeattributesclass/strategy.go`, `pkg/apis/storage/validation/validation.go`.

use serde_json::Value;

use super::at::At;
use super::cells;
use super::storageclass;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `storage.k8s.io/v1 VolumeAttributesClass`.
pub static VOLUMEATTRIBUTESCLASS: Resource = Resource {
    group: "storage.k8s.io",
    version: "v1",
    kind: "VolumeAttributesClass",
    plural: "volumeattributesclasses",
    singular: "volumeattributesclass",
    short_names: &["vac"],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy { validate, validate_update, changes_first: true, ..Strategy::PLAIN },
    table: Table {
        columns: &[NAME, column("DriverName"), AGE],
        row: |class, now| vec![cells::name(class), cells::text(class, "/driverName"), age(class, now)],
    },
    stored_as: None,
};

fn validate(class: &Value, errors: &mut ErrorList) {
    let root = At::root(class);
    let parameters = root.key("parameters");
    storageclass::provisioner(root.key("driverName"), errors);
    storageclass::parameters(parameters, errors);
    if parameters.is_empty() {
        parameters.required_because("must contain at least one key/value pair", errors);
    }
}

fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    for (key, why) in
        [("driverName", "updates to driverName are forbidden."), ("parameters", "updates to parameters are forbidden.")]
    {
        if new.get(key) != old.get(key) {
            errors.forbidden(key, why);
        }
    }
}
