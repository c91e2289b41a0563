//! One document a group and version, made when first asked for and kept, and the index of them.
//! What is in a document is `paths` and `components`.

use super::{components, paths};
use crate::sim::apiserver::registry::Resource;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The index: every group and version served, with the address of its document.
pub fn index(resources: &[&Resource]) -> Value {
    let mut paths = Map::new();
    for resource in resources {
        let path = path_of(resource);
        let hash = fingerprint(&of_path(resources, &path));
        let url = format!("/openapi/v3/{path}?hash={hash}");
        paths.entry(path).or_insert_with(|| json!({ "serverRelativeURL": url }));
    }
    json!({ "paths": paths })
}

/// The document of a path such as `apis/apps/v1`, as JSON text; `None` when nothing of that group and version is served.
pub fn document(resources: &[&Resource], path: &str) -> Option<Vec<u8>> {
    static MADE: OnceLock<Mutex<HashMap<String, Arc<Vec<u8>>>>> = OnceLock::new();
    let served = of_path(resources, path);
    if served.is_empty() {
        return None;
    }
    let key = fingerprint(&served);
    let made = MADE.get_or_init(Mutex::default);
    let known = made.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    let document = known.unwrap_or_else(|| {
        let document = Arc::new(make(&served).to_string().into_bytes());
        made.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&document));
        document
    });
    Some(document.to_vec())
}

/// The definitions of the older document, `/openapi/v2`: those of custom resources alone, and what they refer to. Where a resource
/// may have any field, nothing is said of those that are known (`apiextensions-apiserver/pkg/controller/openapi/builder`, newBuilder).
pub fn definitions(resources: &[&Resource]) -> Value {
    let custom: Vec<&Resource> =
        resources.iter().copied().filter(|resource| resource.strategy.custom.is_some()).collect();
    if custom.is_empty() {
        return json!({});
    }
    let text = components::of(&custom).to_string().replace(components::PREFIX, "#/definitions/");
    let mut made: Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
    let open = made.values_mut().filter(|schema| schema["x-kubernetes-preserve-unknown-fields"] == true);
    for fields in open.filter_map(Value::as_object_mut) {
        fields.retain(|name, _| name == "type" || name == "x-kubernetes-group-version-kind");
    }
    Value::Object(made)
}

fn make(served: &[&Resource]) -> Value {
    json!({
        "openapi": "3.0.0",
        "info": { "title": "Kubernetes", "version": "1.35" },
        "paths": paths::of(served),
        "components": { "schemas": components::of(served) },
    })
}

fn of_path<'a>(resources: &[&'a Resource], path: &str) -> Vec<&'a Resource> {
    resources.iter().copied().filter(|resource| path_of(resource) == path).collect()
}

fn path_of(resource: &Resource) -> String {
    paths::prefix(resource).trim_start_matches('/').to_owned()
}

/// Changes whenever the document would.
fn fingerprint(served: &[&Resource]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(env!("CARGO_PKG_VERSION"));
    for resource in served {
        hasher.update(resource.api_version());
        hasher.update(resource.plural);
        hasher.update(resource.verbs.concat());
        if let Some(custom) = resource.strategy.custom {
            hasher.update(custom.schema().to_string());
        }
        for subresource in resource.subresources {
            hasher.update(subresource.name);
        }
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02X}")).collect()
}
