//! What a schema makes of an object's fields: those it does not know go, and defaults come.
//! Source: `k8s.io/apiextensions-apiserver/pkg/apiserver/schema/{pruning,defaulting}/algorithm.go`.

use serde_json::Value;

use crate::object::schema::{self, Member, Place};

const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
const EMBEDDED: &str = "x-kubernetes-embedded-resource";

/// Takes out what the schema does not know; gives the paths of it, in the order in which the real server tells them.
pub(super) fn prune(object: &mut Value, schema: &Value) -> Vec<String> {
    let mut unknown = Unknown::default();
    walk(object, schema, (true, ""), &mut unknown);
    let (mut told, mut embedded): (Vec<String>, Vec<String>) =
        unknown.metadata.into_iter().partition(|path| path.starts_with("metadata."));
    unknown.fields.sort();
    embedded.sort();
    told.extend(unknown.fields);
    told.extend(embedded);
    told
}

/// What was taken out: the metadata of the object and of those inside of it apart from the rest.
#[derive(Default)]
struct Unknown {
    fields: Vec<String>,
    metadata: Vec<String>,
}

fn walk(value: &mut Value, schema: &Value, (resource, path): (bool, &str), unknown: &mut Unknown) {
    match value {
        Value::Object(map) => {
            let resource = resource || schema[EMBEDDED] == true;
            let own = |key: &str| resource && ["apiVersion", "kind", "metadata"].contains(&key);
            let (properties, additional) = (&schema["properties"], &schema["additionalProperties"]);
            let everything = schema[PRESERVE] == true || additional == true || additional.is_object();
            map.retain(|key, _| {
                let stays = everything || properties.get(key).is_some() || own(key);
                if !stays {
                    unknown.fields.push(below(path, key));
                }
                stays
            });
            if let Some(found) = map.get_mut("metadata").filter(|_| resource) {
                let of = schema::named("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
                metadata(found, Place::of(of), &below(path, "metadata"), &mut unknown.metadata);
            }
            for (key, value) in map.iter_mut().filter(|(key, _)| !own(key)) {
                let inner = properties.get(key).or_else(|| Some(additional).filter(|schema| schema.is_object()));
                if let Some(inner) = inner {
                    walk(value, inner, (false, &below(path, key)), unknown);
                }
            }
        }
        Value::Array(items) if schema["items"].is_object() => {
            for (index, item) in items.iter_mut().enumerate() {
                walk(item, &schema["items"], (false, &format!("{path}[{index}]")), unknown);
            }
        }
        _ => {}
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// What stands in metadata is known without a schema.
fn metadata(value: &mut Value, place: Place, path: &str, unknown: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.retain(|key, value| match place.member(key) {
            Member::Undeclared => {
                unknown.push(below(path, key));
                false
            }
            Member::Declared(inner) | Member::Free(inner) => {
                metadata(value, inner, &below(path, key), unknown);
                true
            }
        }),
        Value::Array(items) => items
            .iter_mut()
            .enumerate()
            .for_each(|(index, item)| metadata(item, place.element(), &format!("{path}[{index}]"), unknown)),
        _ => {}
    }
}

/// Takes away nulls that may not be and have no default to become (`defaulting/prunenulls.go`).
pub(super) fn drop_nulls(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(map) => {
            let of = |key: &str| schema["properties"].get(key).unwrap_or(&schema["additionalProperties"]);
            let goes =
                |schema: &Value| schema.is_object() && schema["nullable"] != true && schema.get("default").is_none();
            map.retain(|key, value| !(value.is_null() && goes(of(key))));
            map.iter_mut().for_each(|(key, value)| drop_nulls(value, of(key)));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| drop_nulls(item, &schema["items"])),
        _ => {}
    }
}

/// Whether a schema has a default anywhere.
pub(super) fn has_defaults(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => fields.contains_key("default") || fields.values().any(has_defaults),
        Value::Array(items) => items.iter().any(has_defaults),
        _ => false,
    }
}

/// Fills in the defaults of what is missing, and of nulls that may not be.
pub(super) fn fill(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(map) => {
            for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
                let missing = match map.get(key) {
                    None => true,
                    Some(Value::Null) => inner["nullable"] != true,
                    Some(_) => false,
                };
                if let Some(default) = inner.get("default").filter(|_| missing) {
                    map.insert(key.clone(), default.clone());
                }
                if let Some(found) = map.get_mut(key) {
                    fill(found, inner);
                }
            }
            let additional = &schema["additionalProperties"];
            if additional.is_object() {
                map.values_mut().for_each(|value| fill(value, additional));
            }
        }
        Value::Array(items) if schema["items"].is_object() => {
            items.iter_mut().for_each(|item| fill(item, &schema["items"]));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unknown_fields_go_and_defaults_come() {
        let schema = json!({ "type": "object", "properties": { "spec": { "type": "object", "properties": {
            "size": { "type": "integer", "default": 1 },
            "free": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
            "list": { "type": "array", "items": { "type": "object", "properties": { "a": { "type": "string" } } } },
        } } } });
        let mut object = json!({ "kind": "K", "metadata": { "name": "x" }, "spec": { "no": 1, "free": { "any": 1 }, "list": [{ "a": "x", "b": 1 }] } });
        assert!(has_defaults(&schema) && !has_defaults(&json!({ "items": [{ "type": "string" }] })));
        let unknown = prune(&mut object, &schema);
        fill(&mut object, &schema);
        assert_eq!(unknown, ["spec.list[0].b", "spec.no"]);
        assert_eq!(object["spec"], json!({ "free": { "any": 1 }, "list": [{ "a": "x" }], "size": 1 }));
    }

    #[test]
    fn metadata_is_known_wherever_an_object_stands() {
        let schema = json!({ "type": "object", "properties": { "spec": { "type": "object", "properties": {
            "pods": { "type": "array", "items": { "type": "object", "x-kubernetes-embedded-resource": true, "properties": { "spec": { "type": "object" } } } },
        } } } });
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a", "nam": "b" }, "phase": "x" });
        let mut object = json!({ "apiVersion": "e/v1", "kind": "K", "metadata": { "name": "x", "labls": {}, "ownerReferences": [{ "nme": "a" }] },
            "spec": { "pods": [pod] } });
        let told =
            ["metadata.labls", "metadata.ownerReferences[0].nme", "spec.pods[0].phase", "spec.pods[0].metadata.nam"];
        assert_eq!(prune(&mut object, &schema), told);
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a" } });
        assert_eq!(object["spec"]["pods"][0], pod);
    }

    #[test]
    fn nulls_stay_only_where_they_may() {
        let schema = json!({ "type": "object", "properties": { "spec": { "type": "object", "properties": {
            "size": { "type": "integer" }, "color": { "type": "string", "nullable": true }, "shape": { "type": "string", "default": "round" },
        } } } });
        let mut object = json!({ "spec": { "size": null, "color": null, "shape": null } });
        drop_nulls(&mut object, &schema);
        fill(&mut object, &schema);
        assert_eq!(object, json!({ "spec": { "color": null, "shape": "round" } }));
    }
}
