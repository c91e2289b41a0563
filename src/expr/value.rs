//! JSON to CEL values and back.
//! Not kube-cel's own bridge, which turns a JSON `3` into an unsigned number, so that `replicas + 1` would have no overload.

use std::collections::{BTreeMap, HashMap};

use kube_cel::cel;
use kube_cel::cel::objects::{Key, Map};
use serde_json::Value;

/// A JSON tree as a CEL value; whole numbers become `int` wherever they fit.
pub(crate) fn to_cel(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(truth) => cel::Value::Bool(*truth),
        Value::String(text) => cel::Value::String(text.clone().into()),
        Value::Array(items) => cel::Value::List(items.iter().map(to_cel).collect::<Vec<_>>().into()),
        Value::Object(fields) => {
            let map: HashMap<Key, cel::Value> =
                fields.iter().map(|(name, value)| (Key::String(name.clone().into()), to_cel(value))).collect();
            cel::Value::Map(Map { map: map.into() })
        }
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => cel::Value::Int(int),
            (None, Some(uint)) => cel::Value::UInt(uint),
            (None, None) => cel::Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
    }
}

/// A CEL value as JSON; `None` for what JSON cannot say: functions, bytes, not-a-number, and Kubernetes' own types such as quantities.
/// Keys of maps come out sorted; times in RFC 3339; durations as whole seconds with an `s`, as protobuf's JSON does.
pub(crate) fn from_cel(value: &cel::Value) -> Option<Value> {
    Some(match value {
        cel::Value::Null => Value::Null,
        cel::Value::Bool(truth) => Value::Bool(*truth),
        cel::Value::Int(int) => Value::from(*int),
        cel::Value::UInt(uint) => Value::from(*uint),
        cel::Value::Float(float) => Value::Number(serde_json::Number::from_f64(*float)?),
        cel::Value::String(text) => Value::String(text.to_string()),
        cel::Value::Timestamp(time) => Value::String(time.to_rfc3339()),
        cel::Value::Duration(span) => Value::String(format!("{}s", span.num_seconds())),
        cel::Value::List(items) => Value::Array(items.iter().map(from_cel).collect::<Option<_>>()?),
        cel::Value::Map(map) => {
            let sorted: BTreeMap<String, Value> =
                map.map.iter().map(|(key, value)| Some((key.to_string(), from_cel(value)?))).collect::<Option<_>>()?;
            Value::Object(sorted.into_iter().collect())
        }
        _ => return None,
    })
}
