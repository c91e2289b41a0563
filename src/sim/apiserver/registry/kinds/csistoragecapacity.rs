//! CSIStorageCapacity: how much a driver can still give.
//! Source: `pkg/registry/storage/csistoragecapacity/strategy.go`, `pkg/apis/storage/validation/validation.go`.

use serde_json::Value;

use super::at::At;
use super::cells;
use super::check;
use super::pod_spec::resources::quantity;
use crate::object::quantity::Quantity;
use crate::sim::apiserver::field::ErrorList;
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
    strategy: Strategy { validate, unconditional_update: false, ..Strategy::PLAIN },
    table: cells::CREATED_TABLE,
    stored_as: None,
};

fn validate(capacity: &Value, errors: &mut ErrorList) {
    let root = At::root(capacity);
    check::subdomain(root.key("storageClassName"), errors);
    for key in ["capacity", "maximumVolumeSize"] {
        let amount = root.key(key);
        let found = quantity(amount.value());
        if found < Quantity::ZERO {
            errors.invalid(amount.path(), found.to_string(), check::NOT_NEGATIVE);
        }
    }
    check::selector(root.key("nodeTopology"), errors);
}
