//! The requests and limits that containers get, and the annotation that tells of it.
//! Refusing what is beyond them is the plugin's other file.

use serde_json::{Map, Value, json};

use crate::object::meta;

const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// Gives the Pod's containers what they lack.
pub fn fill(range: &Value, pod: &mut Value) {
    let limits = defaults(range, "/default");
    let requests = defaults(range, "/defaultRequest");
    let mut told = Vec::new();
    for (list, what) in [("containers", "container"), ("initContainers", "init container")] {
        for container in pod["spec"].get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let name = meta::text(container, "/name").to_owned();
            for (key, given, word) in [("requests", &requests, "request"), ("limits", &limits, "limit")] {
                let set = set(container, key, given);
                if !set.is_empty() {
                    told.push(format!("{} {word} for {what} {name}", set.join(", ")));
                }
            }
        }
    }
    if !told.is_empty() {
        meta::set_annotation(pod, ANNOTATION, &format!("LimitRanger plugin set: {}", told.join("; ")));
    }
}

fn defaults(range: &Value, pointer: &str) -> Map<String, Value> {
    let mut defaults = Map::new();
    for limit in meta::list(range, "/spec/limits").iter().filter(|limit| meta::text(limit, "/type") == "Container") {
        defaults.extend(meta::map(limit, pointer).cloned().unwrap_or_default());
    }
    defaults
}

/// Fills in what is missing; gives its names, in order.
fn set(container: &mut Value, key: &str, given: &Map<String, Value>) -> Vec<String> {
    let resources = meta::child(container, "resources");
    let missing = |name: &String| resources.get(key).is_none_or(|own| own.get(name).is_none());
    let mut names: Vec<String> = given.keys().filter(|name| missing(name)).cloned().collect();
    names.sort();
    for name in &names {
        meta::child(resources, key)[name] = json!(given[name]);
    }
    names
}
