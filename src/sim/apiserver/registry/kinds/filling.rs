//! How defaults are filled in: what stands there stays, and a second run changes nothing.
//! Which value a field gets is each kind's own.

use serde_json::Value;

use crate::object::meta;

/// Whether Go would call the value zero: absent, null, false, 0, "" (not empty lists and maps).
pub fn is_zero(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::Number(number)) => number.as_f64() == Some(0.0),
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    }
}

/// Sets `key` when it holds nothing or its zero value: fields that are not pointers in Go.
pub fn zero(object: &mut Value, key: &str, value: impl Into<Value>) {
    if let Some(map) = object.as_object_mut()
        && is_zero(map.get(key))
    {
        map.insert(key.to_owned(), value.into());
    }
}

/// Sets `key`, when the object is a map.
pub fn put(object: &mut Value, key: &str, value: impl Into<Value>) {
    if let Some(map) = object.as_object_mut() {
        map.insert(key.to_owned(), value.into());
    }
}

/// Makes `to` say of `key` what `from` says, be it nothing.
pub fn copy(from: &Value, to: &mut Value, key: &str) {
    match from.get(key) {
        Some(value) => put(to, key, value.clone()),
        None => drop(meta::remove(to, key)),
    }
}

/// Visits each element of the list under `key`.
pub fn each(object: &mut Value, key: &str, mut visit: impl FnMut(&mut Value)) {
    for item in object.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
        visit(item);
    }
}

/// Visits the map under `key`, where there is one.
pub fn part(object: &mut Value, key: &str, visit: impl FnOnce(&mut Value)) {
    if let Some(found) = object.get_mut(key).filter(|found| found.is_object()) {
        visit(found);
    }
}

/// Makes the map under `key` where it is absent, as structs that are no pointers are always written.
pub fn always(object: &mut Value, key: &str) {
    if object.is_object() {
        meta::child(object, key);
    }
}

/// Replaces `status`, as creation does.
pub fn reset_status(object: &mut Value, status: Value) {
    put(object, "status", status);
}

/// Counts the generation up when a part of metadata changed, for kinds whose controllers carry it on.
pub fn count_up(new: &mut Value, old: &Value, part: &str) {
    if new["metadata"].get(part) != old["metadata"].get(part) {
        let generation = meta::number(old, "/metadata/generation").unwrap_or_default();
        put(meta::child(new, "metadata"), "generation", generation + 1);
    }
}
