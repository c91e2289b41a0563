//! Pod templates: when two are the same, and the short hash that names one.
//! The letters are Kubernetes'; the hash itself is of our JSON, not of Go's structs. Source: `pkg/controller/controller_utils.go`, ComputeHash.

use serde_json::{Map, Value};

use crate::object::meta;

/// The label that tells the Pods of one ReplicaSet of a Deployment from another's.
pub const POD_TEMPLATE_HASH: &str = "pod-template-hash";

const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Whether two templates make the same Pods, whatever their `pod-template-hash`.
pub fn same(one: &Value, other: &Value) -> bool {
    canonical(one) == canonical(other)
}

/// The name of a template: up to ten letters that spell no word. `collisions` makes another of the same template.
pub fn hash(template: &Value, collisions: Option<i64>) -> String {
    let mut text = canonical(template).to_string();
    if let Some(collisions) = collisions {
        text.push_str(&collisions.to_string());
    }
    encode(&fnv(text.as_bytes()).to_string())
}

/// Text in letters that spell no word, as Kubernetes encodes hashes.
pub fn encode(text: &str) -> String {
    text.bytes().map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()])).collect()
}

/// 32-bit FNV-1a.
pub fn fnv(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// The template with its keys in order, without what Go does not tell from absence.
fn canonical(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(labels) = template.pointer_mut("/metadata/labels") {
        meta::remove(labels, POD_TEMPLATE_HASH);
    }
    tidy(&template, "").unwrap_or(Value::Null)
}

/// `None` for what equals absence: null, and maps and lists of plain things that are empty.
fn tidy(value: &Value, key: &str) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => Some(items.iter().map(|item| tidy(item, "").unwrap_or(Value::Null)).collect()),
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort();
            let tidied: Map<String, Value> =
                keys.into_iter().filter_map(|key| Some((key.clone(), tidy(&fields[key], key)?))).collect();
            let plain = matches!(
                key,
                "metadata" | "labels" | "annotations" | "nodeSelector" | "limits" | "requests" | "resources"
            );
            (!tidied.is_empty() || !plain).then_some(Value::Object(tidied))
        }
        other => Some(other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn order_nulls_and_the_hash_label_make_no_difference() {
        let one = json!({"metadata": {"labels": {"app": "a"}, "creationTimestamp": null}, "spec": {"x": 1, "y": {}}});
        let other = json!({"spec": {"y": {}, "x": 1}, "metadata": {"labels": {"pod-template-hash": "z", "app": "a"}}});
        assert!(same(&one, &other));
        assert_eq!(hash(&one, None), hash(&other, None));
        assert!(
            !same(&one, &json!({"metadata": {"labels": {"app": "a"}}, "spec": {"x": 1}})),
            "{{}} may mean something"
        );
        assert_ne!(hash(&one, None), hash(&one, Some(1)));
    }

    #[test]
    fn hashes_have_the_letters_of_kubernetes() {
        assert_eq!(fnv(b"a"), 0xe40c_292c);
        assert_eq!(encode("0123456789"), "456789bcdf");
    }
}
