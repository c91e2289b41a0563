//! What decoding into Go's types and encoding again leaves of an object: which zero values go, which appear, and how quantities are written.
//! This is what a real API server stores and shows; call it on every object that enters the storage.

use super::{Field, Shape, Type};
use crate::object::quantity::Quantity;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Base64 as Go reads it: padded, and trailing bits do not matter.
pub const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Rewrites `value` as Kubernetes' own types would print it. Unknown fields are left alone (decoding drops them, with a word about it).
///
/// - `null` goes, and so do zero values of `omitempty` fields that are no pointers (`hostNetwork: false`, `labels: {}`, `args: []`);
/// - structs that Go always writes appear (`resources: {}`, `strategy: {}`, `targetPort: 0`, `divisor: "0"`), and so do zeros of fields without
///   `omitempty` (`restartCount: 0`), and unset times as `null` (`lastProbeTime: null`); a list or map without `omitempty` that was not set,
///   or is an empty list, is absent, where Go would print `null`;
/// - quantities, times and base64 take their canonical form.
///
/// Does nothing to what does not have its field's shape. Idempotent.
pub fn normalise(value: &mut Value, of: Type) {
    if let Value::Object(map) = value {
        object(map, of);
    }
}

fn object(map: &mut Map<String, Value>, of: Type) {
    for field in of.fields() {
        if let Some(value) = map.get_mut(field.name) {
            shape(value, &field.shape);
            if dropped(value, field) {
                map.shift_remove(field.name);
            }
        }
        if let (None, Some(zero)) = (map.get(field.name), always(field)) {
            map.insert(field.name.into(), zero);
        }
    }
}

fn shape(value: &mut Value, of: &Shape) {
    match (of, value) {
        (Shape::Object(of), Value::Object(map)) => object(map, *of),
        (Shape::Map(inner), Value::Object(map)) => map.values_mut().for_each(|value| element(value, inner)),
        (Shape::List(inner), Value::Array(items)) => items.iter_mut().for_each(|item| element(item, inner)),
        (Shape::Quantity, value @ (Value::String(_) | Value::Number(_))) => {
            if let Ok(quantity) = Quantity::of(value) {
                *value = quantity.to_string().into();
            }
        }
        (Shape::Bytes, Value::String(text)) => rewrite_base64(text),
        (Shape::Time, Value::String(text)) => rewrite_time(text, 0),
        (Shape::MicroTime, Value::String(text)) => rewrite_time(text, 6),
        _ => {}
    }
}

/// The value with its keys in the order Go writes them: those of a struct as it declares them, those of a map by the alphabet.
pub fn in_order(value: &Value, of: Type) -> Value {
    arranged(value, &Shape::Object(of))
}

fn arranged(value: &Value, shape: &Shape) -> Value {
    match (value, shape) {
        (Value::Object(map), Shape::Object(of)) => {
            let mut out = Map::new();
            for field in of.fields() {
                if let Some(value) = map.get(field.name) {
                    out.insert(field.name.to_owned(), arranged(value, &field.shape));
                }
            }
            for (key, value) in map.iter().filter(|(key, _)| of.field(key).is_none()) {
                out.insert(key.clone(), value.clone());
            }
            Value::Object(out)
        }
        (Value::Object(map), Shape::Map(inner)) => {
            let ordered: BTreeMap<&String, &Value> = map.iter().collect();
            ordered.into_iter().map(|(key, value)| (key.clone(), arranged(value, inner))).collect()
        }
        (Value::Array(items), Shape::List(inner)) => items.iter().map(|item| arranged(item, inner)).collect(),
        _ => value.clone(),
    }
}

/// List items and map values cannot be left out: `null` becomes the zero value.
fn element(value: &mut Value, of: &Shape) {
    if value.is_null()
        && let Some(zero) = zero(of)
    {
        *value = zero;
    }
    shape(value, of);
}

/// Line ends go, and so do bits that stand for nothing.
fn rewrite_base64(text: &mut String) {
    text.retain(|letter| !matches!(letter, '\r' | '\n'));
    if let Ok(bytes) = BASE64.decode(&*text) {
        *text = BASE64.encode(bytes);
    }
}

fn rewrite_time(text: &mut String, digits: usize) {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        let seconds = time.strftime("%Y-%m-%dT%H:%M:%S");
        *text = if digits == 0 {
            format!("{seconds}Z")
        } else {
            format!("{seconds}.{:06}Z", time.subsec_nanosecond().max(0) / 1000)
        };
    }
}

/// Whether Go would not write this value of the field.
fn dropped(value: &Value, field: &Field) -> bool {
    match value {
        Value::Null => !is_null_time(field),
        _ if field.go.pointer => false,
        // Storing makes an empty list none, whether or not it may be left out.
        Value::Array(items) => items.is_empty(),
        Value::Object(map) if map.is_empty() => match field.shape {
            Shape::Object(_) => field.go.omit_zero,
            Shape::Map(_) => field.go.omit_empty,
            _ => false,
        },
        Value::String(text) => {
            text.is_empty() && field.go.omit_empty && matches!(field.shape, Shape::String | Shape::Bytes)
        }
        Value::Number(number) => {
            number.as_i64() == Some(0) && field.go.omit_empty && matches!(field.shape, Shape::Int32 | Shape::Int64)
        }
        Value::Bool(truth) => !truth && field.go.omit_empty,
        Value::Object(_) => false,
    }
}

/// Whether Go writes the zero of a field as `null`: times are structs, which say so themselves (`apis/meta/v1/time.go`, MarshalJSON).
fn is_null_time(field: &Field) -> bool {
    matches!(field.shape, Shape::Time | Shape::MicroTime) && !field.go.pointer && !field.go.omit_zero
}

/// The zero value Go writes for a field that was not set, if any.
fn always(field: &Field) -> Option<Value> {
    if field.go.pointer || field.go.omit_zero {
        return None;
    }
    match field.shape {
        // `omitempty` says nothing about structs, and these are structs in Go.
        Shape::Object(_) | Shape::IntOrString | Shape::Quantity => zero(&field.shape),
        Shape::Time | Shape::MicroTime => Some(Value::Null),
        _ if field.go.omit_empty => None,
        Shape::List(_) | Shape::Map(_) => None,
        _ => zero(&field.shape),
    }
}

fn zero(of: &Shape) -> Option<Value> {
    Some(match of {
        Shape::Object(of) => {
            let mut map = Map::new();
            object(&mut map, *of);
            Value::Object(map)
        }
        Shape::String => json!(""),
        Shape::Int32 | Shape::Int64 | Shape::Number | Shape::IntOrString => json!(0),
        Shape::Bool => json!(false),
        Shape::Quantity => json!("0"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalised(api_version: &str, kind: &str, mut value: Value) -> Value {
        let of = crate::object::schema::of(api_version, kind).unwrap();
        normalise(&mut value, of);
        let once = value.clone();
        normalise(&mut value, of);
        assert_eq!(once, value, "not idempotent");
        value
    }

    #[test]
    fn zeros_of_plain_fields_go_and_zeros_of_pointers_stay() {
        let value = json!({"metadata": {"name": "p", "labels": {}, "creationTimestamp": null}, "spec": {"hostNetwork": false,
            "automountServiceAccountToken": false, "nodeName": "", "priority": 0, "tolerations": [], "containers": [{"name": "c", "args": [],
            "resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}}, "stdin": false, "securityContext": {"runAsUser": 0}}],
            "volumes": [{"name": "v", "emptyDir": {}}]}});
        let expected = json!({"metadata": {"name": "p"}, "spec": {
            "automountServiceAccountToken": false, "priority": 0, "containers": [{"name": "c",
            "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}}, "securityContext": {"runAsUser": 0}}],
            "volumes": [{"name": "v", "emptyDir": {}}]}, "status": {}});
        assert_eq!(normalised("v1", "Pod", value), expected);
    }

    #[test]
    fn what_go_always_writes_appears() {
        let value =
            json!({"metadata": {}, "spec": {"selector": {}, "template": {"spec": {"containers": [{"name": "c"}]}}}});
        let expected = json!({"metadata": {}, "spec": {"selector": {}, "template": {"spec": {"containers": [{"name": "c", "resources": {}}]},
            "metadata": {}}, "strategy": {}}, "status": {}});
        assert_eq!(normalised("apps/v1", "Deployment", value), expected);
        let status = normalised("apps/v1", "DaemonSet", json!({}));
        assert_eq!(status["status"]["desiredNumberScheduled"], 0);
        assert_eq!(normalised("rbac.authorization.k8s.io/v1", "Role", json!({"rules": []})), json!({"metadata": {}}));
    }

    #[test]
    fn base64_is_one_line() {
        let secret = normalised("v1", "Secret", json!({"data": {"a": "Z2Vo\nZWlt\n", "b": "YR=="}}));
        assert_eq!(secret["data"], json!({"a": "Z2VoZWlt", "b": "YQ=="}));
    }

    #[test]
    fn times_are_whole_seconds_in_utc() {
        let value = normalised("v1", "Pod", json!({"metadata": {"creationTimestamp": "2025-01-31T14:00:00.5+02:00"}}));
        assert_eq!(value["metadata"]["creationTimestamp"], "2025-01-31T12:00:00Z");
        let lease =
            normalised("coordination.k8s.io/v1", "Lease", json!({"spec": {"renewTime": "2025-01-31T12:00:00Z"}}));
        assert_eq!(lease["spec"]["renewTime"], "2025-01-31T12:00:00.000000Z");
    }
}
