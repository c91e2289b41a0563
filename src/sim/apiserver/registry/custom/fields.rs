//! What a schema makes of an object's fields: those it does not know go, and defaults come.
//! Source: `k8s.io/apiextensions-apiserver/pkg/apiserver/schema/{pruning,defaulting}/algorithm.go`.

use serde_json::Value;

use crate::object::schema;

const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
const EMBEDDED: &str = "x-kubernetes-embedded-resource";

fn keeps(schema: &Value) -> bool {
    schema[PRESERVE] == true
}

/// Takes out what the schema does not know; the paths of it go into `unknown`.
pub(super) fn prune(object: &mut Value, schema: &Value, unknown: &mut Vec<String>) {
    let root = ["apiVersion", "kind", "metadata"];
    walk(object, schema, (&root, ""), unknown);
}

fn walk(value: &mut Value, schema: &Value, (known, path): (&[&str], &str), unknown: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            let (properties, additional) = (&schema["properties"], &schema["additionalProperties"]);
            let everything = keeps(schema) || additional == true || additional.is_object();
            let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            map.retain(|key, _| {
                let stays = everything || properties.get(key).is_some() || known.contains(&key.as_str());
                if !stays {
                    unknown.push(below(key));
                }
                stays
            });
            if let Some(found) = map.get_mut("metadata").filter(|_| known.contains(&"metadata")) {
                metadata(found, &below("metadata"), unknown);
            }
            for (key, value) in map.iter_mut().filter(|(key, _)| !known.contains(&key.as_str())) {
                let inner = properties.get(key).or_else(|| Some(additional).filter(|schema| schema.is_object()));
                if let Some(inner) = inner {
                    let embedded: &[&str] =
                        if inner[EMBEDDED] == true { &["apiVersion", "kind", "metadata"] } else { &[] };
                    walk(value, inner, (embedded, &below(key)), unknown);
                }
            }
        }
        Value::Array(items) if schema["items"].is_object() => {
            for (index, item) in items.iter_mut().enumerate() {
                walk(item, &schema["items"], (&[], &format!("{path}[{index}]")), unknown);
            }
        }
        _ => {}
    }
}

/// What stands in metadata is known without a schema.
fn metadata(value: &mut Value, path: &str, unknown: &mut Vec<String>) {
    let Some(of) = schema::named("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta") else { return };
    let Some(map) = value.as_object_mut() else { return };
    map.retain(|key, _| {
        let stays = of.field(key).is_some();
        if !stays {
            unknown.push(format!("{path}.{key}"));
        }
        stays
    });
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
        let mut unknown = Vec::new();
        prune(&mut object, &schema, &mut unknown);
        fill(&mut object, &schema);
        assert_eq!(unknown, ["spec.no", "spec.list[0].b"]);
        assert_eq!(object["spec"], json!({ "free": { "any": 1 }, "list": [{ "a": "x" }], "size": 1 }));
    }
}
