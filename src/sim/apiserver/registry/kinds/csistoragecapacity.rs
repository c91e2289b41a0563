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
    strategy: Strategy { validate, validate_update, unconditional_update: false, ..Strategy::PLAIN },
    table: cells::CREATED_TABLE,
    stored_as: None,
};

fn validate(capacity: &Value, errors: &mut ErrorList) {
    let root = At::root(capacity);
    check::selector(root.key("nodeTopology"), errors);
    check::subdomain(root.key("storageClassName"), errors);
    // The largest volume is not looked at.
    let amount = root.key("capacity");
    let found = quantity(amount.value());
    if found < Quantity::ZERO {
        errors.invalid(amount.path(), found.to_string(), check::NOT_NEGATIVE);
    }
}

/// What was asked of the driver stays, its answer may change (ValidateCSIStorageCapacityUpdate).
fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    for key in ["nodeTopology", "storageClassName"] {
        if new[key] != old[key] {
            errors.immutable(key, new[key].clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_asked_of_a_driver_stays() {
        let topology = |zone: &str| json!({ "matchLabels": { "zone": zone } });
        let old = json!({ "nodeTopology": topology("a"), "storageClassName": "fast", "capacity": "1Gi" });
        let new = json!({ "nodeTopology": topology("b"), "storageClassName": "slow", "capacity": "2Gi" });
        let mut errors = ErrorList::default();
        validate_update(&new, &old, &mut errors);
        let told = "[nodeTopology: Invalid value: {\"matchLabels\":{\"zone\":\"b\"}}: field is immutable, storageClassName: Invalid value: \"slow\": field is immutable]";
        assert_eq!(errors.sentence(), told);
    }
}
