//! CSIDriver: a storage driver and what it needs.
//! Source: `pkg/apis/storage/v1/defaults.go`, `pkg/apis/storage/validation/validation.go` and `pkg/registry/storage/csidriver/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::At;
use super::cells::{self, NONE, UNSET};
use super::filling::put;
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
    strategy: Strategy {
        defaults,
        prepare_update,
        validate,
        validate_update,
        unconditional_update: false,
        ..Strategy::PLAIN
    },
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

/// The generation counts changes of the spec; a new driver has none (`strategy.go`, PrepareForUpdate).
fn prepare_update(new: &mut Value, old: &Value) {
    if new.get("spec") != old.get("spec") {
        let generation = meta::number(old, "/metadata/generation").unwrap_or_default();
        put(meta::child(new, "metadata"), "generation", generation + 1);
    }
}

fn validate(driver: &Value, errors: &mut ErrorList) {
    let root = At::root(driver);
    let spec = root.key("spec");
    spec.key("fsGroupPolicy").one_of_if_set(&["File", "None", "ReadWriteOnceWithFSType"], errors);
    let requests = spec.key("tokenRequests");
    tokens(requests, errors);
    let modes = spec.key("volumeLifecycleModes");
    let supported = ["Persistent", "Ephemeral"];
    for mode in modes.items().filter(|mode| !supported.contains(&mode.text())) {
        errors.not_supported(modes.path(), mode.text(), &supported);
    }
    let (period, in_secrets) =
        (spec.key("nodeAllocatableUpdatePeriodSeconds"), spec.key("serviceAccountTokenInSecrets"));
    if period.number().is_some_and(|seconds| seconds < 10) {
        period.invalid("must be greater than or equal to 10 seconds", errors);
    }
    if in_secrets.is_set() && requests.is_empty() {
        in_secrets.invalid("serviceAccountTokenInSecrets is set but no tokenRequests are specified", errors);
    }
}

/// What tokens are asked for: each for another audience, and for a time that is allowed.
fn tokens(requests: At<'_, '_>, errors: &mut ErrorList) {
    let mut audiences: Vec<&str> = Vec::new();
    for request in requests.items() {
        let (audience, expiration) = (request.key("audience"), request.key("expirationSeconds"));
        if audiences.contains(&audience.text()) {
            errors.duplicate(audience.path(), audience.text());
            continue;
        }
        audiences.push(audience.text());
        if expiration.number().is_some_and(|seconds| seconds < 600) {
            expiration.invalid("may not specify a duration less than 10 minutes", errors);
        }
        if expiration.number().is_some_and(|seconds| seconds > 1 << 32) {
            expiration.invalid("may not specify a duration larger than 2^32 seconds", errors);
        }
    }
}

/// All may change but how volumes are attached and what they are used for (ValidateCSIDriverUpdate).
fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    // Upstream gives the first this name.
    for (key, shown) in [("attachRequired", "attachedRequired"), ("volumeLifecycleModes", "volumeLifecycleModes")] {
        let (after, before) = (&new["spec"][key], &old["spec"][key]);
        if after != before {
            errors.immutable(format!("spec.{shown}"), after.clone());
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_volumes_are_attached_stays() {
        let mut old = json!({ "metadata": {}, "spec": {} });
        defaults(&mut old);
        let mut new = old.clone();
        new["spec"]["attachRequired"] = json!(false);
        new["spec"]["volumeLifecycleModes"] = json!(["Ephemeral"]);
        new["spec"]["podInfoOnMount"] = json!(true);
        new["spec"]["fsGroupPolicy"] = json!("File");
        prepare_update(&mut new, &old);
        assert_eq!(new["metadata"]["generation"], 1);
        let mut errors = ErrorList::default();
        validate_update(&new, &old, &mut errors);
        let told = "[spec.attachedRequired: Invalid value: false: field is immutable, spec.volumeLifecycleModes: Invalid value: [\"Ephemeral\"]: field is immutable]";
        assert_eq!(errors.sentence(), told);
    }

    #[test]
    fn times_have_bounds_and_secrets_need_tokens() {
        let spec = json!({ "nodeAllocatableUpdatePeriodSeconds": 9, "serviceAccountTokenInSecrets": true });
        let mut errors = ErrorList::default();
        validate(&json!({ "spec": spec }), &mut errors);
        let told = "[spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 9: must be greater than or equal to 10 seconds, spec.serviceAccountTokenInSecrets: Invalid value: true: serviceAccountTokenInSecrets is set but no tokenRequests are specified]";
        assert_eq!(errors.sentence(), told);
    }
}
