//! CSIDriver: a storage driver and what it needs.
//! Source: `pkg/apis/storage/v1/defaults.go`, `pkg/apis/storage/validation/validation.go` and `pkg/registry/storage/csidriver/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::At;
use super::cells::{self, NONE, UNSET};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `storage.k8s.io/v1 CSIDriver`.
pub static CSIDRIVER: Resource = Resource {
    group: "storage.k8s.io",
    version: "v1",
    kind: "CSIDriver",
    plural: "csidrivers",
    singular: "csidriver",
    short_names: &[],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy { defaults, validate, unconditional_update: false, ..Strategy::PLAIN },
    table: Table {
        columns: &[
            NAME,
            cells::boolean("AttachRequired"),
            cells::boolean("PodInfoOnMount"),
            cells::boolean("StorageCapacity"),
            column("TokenRequests"),
            cells::boolean("RequiresRepublish"),
            column("Modes"),
            AGE,
        ],
        row,
    },
    stored_as: None,
};

fn defaults(driver: &mut Value) {
    let spec = meta::child(driver, "spec");
    meta::set_default(spec, "attachRequired", true);
    for key in ["podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"] {
        meta::set_default(spec, key, false);
    }
    meta::set_default(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType");
    if meta::list(spec, "/volumeLifecycleModes").is_empty() {
        spec["volumeLifecycleModes"] = json!(["Persistent"]);
    }
}

fn validate(driver: &Value, errors: &mut ErrorList) {
    let root = At::root(driver);
    let spec = root.key("spec");
    spec.key("fsGroupPolicy").one_of_if_set(&["File", "None", "ReadWriteOnceWithFSType"], errors);
    let requests = spec.key("tokenRequests");
    let mut audiences: Vec<&str> = Vec::new();
    for request in requests.items() {
        let (audience, expiration) = (request.key("audience"), request.key("expirationSeconds"));
        if audiences.contains(&audience.text()) {
            errors.duplicate(audience.path(), audience.text());
        }
        audiences.push(audience.text());
        if expiration.number().is_some_and(|seconds| seconds < 600) {
            expiration.invalid("may not specify a duration less than 10 minutes", errors);
        }
    }
    let modes = spec.key("volumeLifecycleModes");
    let supported = ["Persistent", "Ephemeral"];
    for mode in modes.items().filter(|mode| !supported.contains(&mode.text())) {
        errors.not_supported(modes.path(), mode.text(), &supported);
    }
}

fn row(driver: &Value, now: Timestamp) -> Vec<Value> {
    let truth = |key: &str| json!(meta::truth(driver, &format!("/spec/{key}")));
    let join =
        |items: Vec<&str>, otherwise: &str| if items.is_empty() { otherwise.to_owned() } else { items.join(",") };
    let modes = meta::list(driver, "/spec/volumeLifecycleModes").iter().filter_map(Value::as_str).collect();
    let audiences =
        meta::list(driver, "/spec/tokenRequests").iter().map(|token| meta::text(token, "/audience")).collect();
    vec![
        cells::name(driver),
        truth("attachRequired"),
        truth("podInfoOnMount"),
        truth("storageCapacity"),
        json!(join(audiences, UNSET)),
        truth("requiresRepublish"),
        json!(join(modes, NONE)),
        age(driver, now),
    ]
}
