//! VolumeAttributesClass: attributes of volumes that may change while they live.
//! Source: `pkg/registry/storage/volumeattributesclass/strategy.go`.

use super::cells;
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
    strategy: Strategy::PLAIN,
    table: Table {
        columns: &[NAME, column("DriverName"), AGE],
        row: |class, now| vec![cells::name(class), cells::text(class, "/driverName"), age(class, now)],
    },
    stored_as: None,
};
