//! Which part of an object a write may change: the object without its status, the status alone, or what a subresource is for.
//! Source: the strategies of each subresource below `pkg/registry`.

use serde_json::Value;

use super::Request;
use crate::object::meta;
use crate::sim::apiserver::registry::Resource;

/// Puts back what a write to this subresource must leave as it was.
pub fn keep_apart(request: &Request, resource: &Resource, object: &mut Value, old: &Value) {
    match request.subresource.as_str() {
        "" => {
            if resource.has_status() {
                take_over(object, old, "status");
            }
            (resource.strategy.prepare_update)(object, old);
        }
        // These take metadata too.
        part @ ("status" | "finalize" | "approval") => {
            let metadata = object["metadata"].clone();
            let place = match part {
                "status" => "/status",
                "finalize" => "/spec/finalizers",
                _ => "/status/conditions",
            };
            *object = only(object, old, place);
            object["metadata"] = metadata;
            if part != "finalize" {
                (resource.strategy.prepare_status)(object, old);
            } else if meta::list(object, place).is_empty() {
                drop(meta::remove(meta::child(object, "spec"), "finalizers"));
            }
        }
        "ephemeralcontainers" => *object = only(object, old, "/spec/ephemeralContainers"),
        "resize" => *object = resized(object, old),
        _ => {}
    }
}

/// The old Pod with what its containers may use, where it has the same containers (`pkg/registry/core/pod/strategy.go`, dropNonResizeUpdates).
fn resized(new: &Value, old: &Value) -> Value {
    let mut kept = old.clone();
    kept["metadata"]["managedFields"] = new["metadata"]["managedFields"].clone();
    for list in ["containers", "initContainers"] {
        let (after, before) = (&new["spec"][list], &old["spec"][list]);
        let names = |list: &Value| -> Vec<Value> {
            list.as_array().into_iter().flatten().map(|container| container["name"].clone()).collect()
        };
        if names(after) != names(before) {
            kept["spec"][list] = after.clone();
            continue;
        }
        for (index, container) in after.as_array().into_iter().flatten().enumerate() {
            let place = &mut kept["spec"][list][index];
            for key in ["resources", "resizePolicy"] {
                take_over(place, container, key);
            }
        }
    }
    kept
}

/// The old object with the new one's value at `pointer`.
fn only(new: &Value, old: &Value, pointer: &str) -> Value {
    let mut kept = old.clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    let mut place = &mut kept;
    for step in parent.split('/').filter(|step| !step.is_empty()) {
        place = meta::child(place, step);
    }
    match new.pointer(pointer) {
        Some(value) => place[key] = value.clone(),
        None => drop(meta::remove(place, key)),
    }
    kept
}

fn take_over(object: &mut Value, old: &Value, key: &str) {
    match old.get(key) {
        Some(value) => object[key] = value.clone(),
        None => drop(meta::remove(object, key)),
    }
}
