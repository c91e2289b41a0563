//! The Scale of an object: how many replicas it has and should have, wherever it keeps that.
//! Reading and writing it is the endpoints'. Source: `pkg/registry/apps/deployment/storage/storage.go` and its like for the other workloads.

use serde_json::{Value, json};

use super::Resource;
use super::custom::Custom;
use crate::object::meta;
use crate::object::selector::LabelSelector;

/// The built-in workloads keep it where most definitions do.
pub fn paths(resource: &Resource) -> (&str, &str, Option<&str>) {
    match resource.strategy.custom.and_then(Custom::scale) {
        Some(scale) => (&scale.wanted, &scale.there, Some(&scale.selector)),
        None => ("/spec/replicas", "/status/replicas", None),
    }
}

fn selector(object: &Value, path: Option<&str>) -> String {
    if let Some(path) = path {
        return meta::text(object, path).to_owned();
    }
    let selector = match object.pointer("/spec/selector") {
        // Replication controllers select by plain labels.
        Some(plain) if plain.get("matchLabels").is_none() && plain.get("matchExpressions").is_none() => {
            LabelSelector::from_map(plain.as_object())
        }
        selector => LabelSelector::from_object(selector),
    };
    selector.map(|selector| selector.to_string()).unwrap_or_default()
}

/// The Scale of an object. What is wanted stands there unless it is none (`k8s.io/api/autoscaling/v1/types.go`, ScaleSpec), and so does the selector.
pub fn of(resource: &Resource, object: &Value) -> Value {
    let (wanted, there, path) = paths(resource);
    let mut metadata = json!({});
    for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        metadata[key] = object["metadata"][key].clone();
    }
    let mut scale = json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {},
        "status": { "replicas": meta::number(object, there).unwrap_or_default() },
    });
    let wanted = meta::number(object, wanted).unwrap_or_default();
    if wanted != 0 {
        scale["spec"]["replicas"] = json!(wanted);
    }
    let selector = selector(object, path);
    if !selector.is_empty() {
        scale["status"]["selector"] = json!(selector);
    }
    scale
}
