//! CSINode: the storage drivers of a node.
//! Source: `pkg/registry/storage/csinode/strategy.go`.

use serde_json::{Value, json};

use super::cells;
use super::filling::part;
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
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
        unconditional_update: false,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[NAME, integer("Drivers"), AGE],
        row: |node, now| vec![cells::name(node), json!(meta::list(node, "/spec/drivers").len()), age(node, now)],
    },
    stored_as: None,
};
