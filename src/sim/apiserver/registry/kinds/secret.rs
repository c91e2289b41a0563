//! Secret: data in base64, with a type that may ask for certain keys.
//! Source: `pkg/apis/core/v1/defaults.go`, `conversion.go` and `pkg/registry/core/secret/strategy.go`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::cells;
use super::filling::zero;
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// `v1 Secret`.
pub static SECRET: Resource = Resource {
    group: "",
    version: "v1",
    kind: "Secret",
    plural: "secrets",
    singular: "secret",
    short_names: &[],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy {
        defaults,
        prepare_update,
        fields: &[("type", |object| meta::text(object, "/type").to_owned())],
        ..Strategy::PLAIN
    },
    table: Table { columns: &[NAME, column("Type"), column("Data"), AGE], row },
    stored_as: None,
};

fn defaults(secret: &mut Value) {
    zero(secret, "type", "Opaque");
    // What was written in clear goes over what is there already.
    let Some(Value::Object(clear)) = meta::remove(secret, "stringData") else { return };
    let data = meta::child(secret, "data");
    for (key, value) in clear {
        data[key] = json!(STANDARD.encode(value.as_str().unwrap_or_default()));
    }
}

fn prepare_update(new: &mut Value, old: &Value) {
    let kind = meta::text(old, "/type").to_owned();
    zero(new, "type", kind);
}

fn row(secret: &Value, now: Timestamp) -> Vec<Value> {
    let entries = meta::map(secret, "/data").map_or(0, Map::len);
    vec![cells::name(secret), cells::text(secret, "/type"), json!(entries), age(secret, now)]
}
