//! ConfigMap: plain data, which may be made immutable.
//! Source: `pkg/apis/core/validation/validation.go`, ValidateConfigMap and ValidateConfigMapUpdate.

use serde_json::{Value, json};

use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `v1 ConfigMap`.
pub static CONFIGMAP: Resource = Resource {
    group: "",
    version: "v1",
    kind: "ConfigMap",
    plural: "configmaps",
    singular: "configmap",
    short_names: &["cm"],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy { validate, validate_update, ..Strategy::PLAIN },
    table: Table {
        columns: &[NAME, column("Data"), AGE],
        row: |map, now| vec![json!(meta::name(map)), json!(entries(map)), age(map, now)],
    },
    stored_as: None,
};

/// Data in one object is limited to this many bytes.
pub const MAX_SIZE: usize = 1024 * 1024;

fn entries(map: &Value) -> usize {
    ["/data", "/binaryData"].iter().filter_map(|part| meta::map(map, part)).map(serde_json::Map::len).sum()
}

fn validate(map: &Value, errors: &mut ErrorList) {
    let mut size = 0;
    for part in ["data", "binaryData"] {
        for (key, value) in map.get(part).and_then(Value::as_object).into_iter().flatten() {
            size += value.as_str().map_or(0, str::len);
            if let Some(why) = config_key(key) {
                errors.invalid(format!("{part}[{key}]"), key.as_str(), why);
            }
            if part == "data" && map.get("binaryData").is_some_and(|other| other.get(key).is_some()) {
                errors.invalid(format!("data[{key}]"), key.as_str(), "duplicate of key present in binaryData");
            }
        }
    }
    if size > MAX_SIZE {
        // So Go shows a path without a name.
        errors.too_long("[]", MAX_SIZE);
    }
}

/// What is wrong with a key of a ConfigMap or Secret.
pub fn config_key(key: &str) -> Option<String> {
    let fits = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    match key {
        _ if key.len() > 253 => Some("must be no more than 253 characters".to_owned()),
        _ if !fits => Some("a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')".to_owned()),
        "." | ".." => Some(format!("must not be '{key}'")),
        _ if key.starts_with("..") => Some("must not start with '..'".to_owned()),
        _ => None,
    }
}

fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    if !meta::truth(old, "/immutable") {
        return;
    }
    if !meta::truth(new, "/immutable") {
        errors.forbidden("immutable", "field is immutable when `immutable` is set");
    }
    for part in ["data", "binaryData"] {
        if new.get(part) != old.get(part) {
            errors.forbidden(part, "field is immutable when `immutable` is set");
        }
    }
}
