//! Reading and writing what every object has: names, labels, owners, finalizers; and typed reads anywhere by JSON pointer.
//! Reads of what is absent give the empty value, as Go's zero values do.

use serde_json::{Map, Value, json};

/// What stands at a JSON pointer (RFC 6901). [`Value::pointer`] does the same, but copies every key on its way;
/// this is asked millions of times while a large cluster settles.
pub fn at<'a>(object: &'a Value, pointer: &str) -> Option<&'a Value> {
    if pointer.contains('~') {
        return object.pointer(pointer);
    }
    let mut found = object;
    let mut rest = pointer;
    while !rest.is_empty() {
        rest = rest.strip_prefix('/')?;
        let end = rest.find('/').unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        found = match found {
            Value::Object(map) => map.get(key)?,
            Value::Array(list) => list.get(index(key)?)?,
            _ => return None,
        };
        rest = after;
    }
    Some(found)
}

fn index(key: &str) -> Option<usize> {
    let plain = key.bytes().all(|byte| byte.is_ascii_digit()) && (key == "0" || !key.starts_with('0'));
    key.parse().ok().filter(|_| plain)
}

/// The text at a JSON pointer such as `/spec/nodeName`; empty when absent.
pub fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    at(object, pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The whole number at a pointer; `None` when absent.
pub fn number(object: &Value, pointer: &str) -> Option<i64> {
    at(object, pointer).and_then(Value::as_i64)
}

/// The truth at a pointer; false when absent.
pub fn truth(object: &Value, pointer: &str) -> bool {
    at(object, pointer).and_then(Value::as_bool).unwrap_or_default()
}

/// The list at a pointer; empty when absent.
pub fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    at(object, pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The map at a pointer, when there is one.
pub fn map<'a>(object: &'a Value, pointer: &str) -> Option<&'a Map<String, Value>> {
    at(object, pointer).and_then(Value::as_object)
}

/// `metadata.name`.
pub fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// `metadata.namespace`; empty for cluster-scoped objects.
pub fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

/// `metadata.uid`.
pub fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// `metadata.resourceVersion` as the number it is here; 0 when absent.
pub fn revision(object: &Value) -> u64 {
    text(object, "/metadata/resourceVersion").parse().unwrap_or_default()
}

/// A label's value.
pub fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get("metadata")?.get("labels")?.get(key)?.as_str()
}

/// An annotation's value.
pub fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get("metadata")?.get("annotations")?.get(key)?.as_str()
}

/// Whether deletion was asked for.
pub fn is_terminating(object: &Value) -> bool {
    at(object, "/metadata/deletionTimestamp").is_some_and(|time| !time.is_null())
}

/// The owner reference with `controller: true`.
pub fn controller_of(object: &Value) -> Option<&Value> {
    list(object, "/metadata/ownerReferences").iter().find(|owner| truth(owner, "/controller"))
}

/// The names in `metadata.finalizers`.
pub fn finalizers(object: &Value) -> impl Iterator<Item = &str> {
    list(object, "/metadata/finalizers").iter().filter_map(Value::as_str)
}

/// An owner reference to `owner` as its controller (`metav1.NewControllerRef`).
pub fn controller_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": text(owner, "/apiVersion"),
        "kind": text(owner, "/kind"),
        "name": name(owner),
        "uid": uid(owner),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// The map under `key` of an object, made when absent or not a map.
pub fn child<'a>(object: &'a mut Value, key: &str) -> &'a mut Value {
    if !object.is_object() {
        *object = json!({});
    }
    let child = &mut object[key];
    if !child.is_object() {
        *child = json!({});
    }
    child
}

/// Edits the list under `key` of an object: an empty one when there is none, and none again when it is empty after.
pub fn edit_list<R>(object: &mut Value, key: &str, edit: impl FnOnce(&mut Vec<Value>) -> R) -> R {
    let mut list = match object.get_mut(key).map(Value::take) {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    };
    let edited = edit(&mut list);
    if list.is_empty() {
        remove(object, key);
    } else {
        object[key] = Value::Array(list);
    }
    edited
}

/// Sets a label.
pub fn set_label(object: &mut Value, key: &str, value: &str) {
    child(child(object, "metadata"), "labels")[key] = json!(value);
}

/// Sets an annotation.
pub fn set_annotation(object: &mut Value, key: &str, value: &str) {
    child(child(object, "metadata"), "annotations")[key] = json!(value);
}

/// Sets `key` to `value` unless something stands there already.
pub fn set_default(object: &mut Value, key: &str, value: impl Into<Value>) {
    let Some(map) = object.as_object_mut() else { return };
    match map.get(key) {
        Some(found) if !found.is_null() => {}
        _ => {
            map.insert(key.to_owned(), value.into());
        }
    }
}

/// Removes `key`, when the object is a map.
pub fn remove(object: &mut Value, key: &str) -> Option<Value> {
    object.as_object_mut()?.shift_remove(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_leads_where_the_standard_one_does() {
        let object = json!({ "a": { "b/c": 1, "~": [10, { "": 20 }] }, "": { "": 3 }, "l": [[5]] });
        let pointers = [
            "", "/", "//", "/a", "/a/b~1c", "/a/~0/1/", "/a/~0/00", "/l/0/0", "/l/+0", "/l/1", "/l/00/0", "a", "/a/",
            "/x/y",
        ];
        for pointer in pointers {
            assert_eq!(at(&object, pointer), object.pointer(pointer), "{pointer}");
        }
    }
}
