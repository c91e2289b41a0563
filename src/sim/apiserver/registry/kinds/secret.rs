//! Secret: data in base64, with a type that may ask for certain keys.
//! Source: `pkg/apis/core/v1/defaults.go`, `conversion.go` and `pkg/registry/core/secret/strategy.go`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::at::At;
use super::cells;
use super::configmap;
use super::filling::zero;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
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
        validate,
        validate_update,
        changes_first: true,
        warnings,
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

/// The keys a type asks for.
fn wanted(kind: &str) -> &'static [&'static str] {
    match kind {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        _ => &[],
    }
}

fn validate(secret: &Value, errors: &mut ErrorList) {
    let root = At::root(secret);
    let data = root.key("data");
    let mut size = 0;
    for (key, entry) in data.entries() {
        if let Some(why) = configmap::config_key(key) {
            errors.invalid(entry.path(), key, why);
        }
        size += entry.text().len() / 4 * 3;
    }
    if size > configmap::MAX_SIZE {
        errors.too_long("data", configmap::MAX_SIZE);
    }
    let kind = meta::text(secret, "/type");
    for key in wanted(kind) {
        let entry = data.entry(key);
        // A certificate and its key may be empty, a key of SSH may not.
        let lacks = if *key == "ssh-privatekey" { entry.is_empty() } else { !entry.is_set() };
        if lacks {
            entry.required(errors);
        } else if key.starts_with(".docker")
            && let Some(why) = not_json(entry.text())
        {
            errors.invalid(entry.path(), "<secret contents redacted>", why);
        }
    }
    match kind {
        "kubernetes.io/basic-auth" if !data.entry("username").is_set() && !data.entry("password").is_set() => {
            data.entry("username").required(errors);
            data.entry("password").required(errors);
        }
        "kubernetes.io/service-account-token" => {
            let account = "kubernetes.io/service-account.name";
            if meta::annotation(secret, account).is_none_or(str::is_empty) {
                errors.required(format!("metadata.annotations[{account}]"), "");
            }
        }
        _ => {}
    }
}

/// Why base64 data is no JSON, in Go's words.
fn not_json(data: &str) -> Option<&'static str> {
    let bytes = STANDARD.decode(data).unwrap_or_default();
    let error = serde_json::from_slice::<serde_json::Map<String, Value>>(&bytes).err()?;
    Some(if error.is_eof() { "unexpected end of JSON input" } else { "invalid character in JSON" })
}

fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    if new.get("type") != old.get("type") {
        errors.immutable("type", new["type"].clone());
    }
    if !meta::truth(old, "/immutable") {
        return;
    }
    if !meta::truth(new, "/immutable") {
        errors.forbidden("immutable", "field is immutable when `immutable` is set");
    }
    if new.get("data") != old.get("data") {
        errors.forbidden("data", "field is immutable when `immutable` is set");
    }
}

fn warnings(secret: &Value) -> Vec<String> {
    let certificate = STANDARD.decode(meta::text(secret, "/data/tls.crt")).unwrap_or_default();
    let is_pem = String::from_utf8_lossy(&certificate).contains("-----BEGIN ");
    if meta::text(secret, "/type") == "kubernetes.io/tls" && !is_pem {
        return vec!["tls: failed to find any PEM data in certificate input".to_owned()];
    }
    Vec::new()
}
