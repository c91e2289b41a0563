//! CSIStorageCapacity: how much a driver can still give.
//! Source: `pkg/registry/storage/csistoragecapacity/strategy.go`.

use super::cells;
use crate::sim::apiserver::registry::resource::{ALL_VERBS, Resource};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `storage.k8s.io/v1 CSIStorageCapacity`.
pub static CSISTORAGECAPACITY: Resource = Resource {
    group: "storage.k8s.io",
    version: "v1",
    kind: "CSIStorageCapacity",
    plural: "csistoragecapacities",
    singular: "csistoragecapacity",
    short_names: &[],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy { unconditional_update: false, ..Strategy::PLAIN },
    table: cells::CREATED_TABLE,
    stored_as: None,
};
