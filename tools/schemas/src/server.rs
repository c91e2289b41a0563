//! Asks a real API server for its OpenAPI v3 and keeps the facts of it, never its descriptions.

use crate::model::plain;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

pub type Schemas = BTreeMap<String, Value>;

/// All schemas of all served group versions, by name.
pub fn schemas(kubectl: &str) -> Result<Schemas> {
    let index = raw(kubectl, "/openapi/v3")?;
    let mut all = Schemas::new();
    for path in index["paths"].as_object().context("no paths")?.keys() {
        let document = raw(kubectl, &format!("/openapi/v3/{path}"))?;
        for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
            all.insert(name.clone(), schema.clone());
        }
    }
    Ok(all)
}

fn raw(kubectl: &str, path: &str) -> Result<Value> {
    let output = Command::new(kubectl).args(["get", "--raw", path]).output()?;
    ensure!(output.status.success(), "kubectl get --raw {path}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The facts of one field's schema.
pub fn field_facts(schema: &Value) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let mut put = |key: &str, value: &Value| {
        if !value.is_null() {
            facts.insert(key.to_string(), plain(value));
        }
    };
    put("list", &schema["x-kubernetes-list-type"]);
    put("keys", &schema["x-kubernetes-list-map-keys"]);
    put("map", &schema["x-kubernetes-map-type"]);
    put("strategy", &schema["x-kubernetes-patch-strategy"]);
    put("key", &schema["x-kubernetes-patch-merge-key"]);
    put("enum", &schema["enum"]);
    put("enum", &schema["items"]["enum"]);
    let default = &schema["default"];
    // Go's zero values are no defaults.
    let zero = matches!(default, Value::Null | Value::Bool(false))
        || default.as_str() == Some("")
        || default.as_i64() == Some(0)
        || default.as_object().is_some_and(serde_json::Map::is_empty);
    if !zero {
        facts.insert("default".into(), default.to_string());
    }
    facts
}
