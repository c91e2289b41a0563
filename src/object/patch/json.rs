//! JSON patch, RFC 6902: a list of operations, all or nothing.
//! Leniencies and words of errors as in github.com/evanphx/json-patch v4, which the API server uses: `replace` of an absent key adds it,
//! absent keys read as null, negative indices count from the end.

use serde_json::{Map, Value};

use super::{PatchError, golang};

/// The most operations the API server takes in one patch (k8s.io/apiserver `pkg/endpoints/handlers/patch.go`).
const MAX_OPERATIONS: usize = 10_000;

/// Applies the operations in `patch` to `object`; leaves it as it was when one fails.
///
/// # Errors
/// `BadRequest` when the patch is not a list of operations, `Unprocessable` when one does not apply.
pub fn json(object: &mut Value, patch: &Value) -> Result<(), PatchError> {
    let operations = patch.as_array().ok_or_else(|| undecodable("[]handlers.jsonPatchOp", patch))?;
    if operations.len() > MAX_OPERATIONS {
        let found = operations.len();
        let message = format!("The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {found}");
        return Err(PatchError::BadRequest(message));
    }
    let mut patched = object.clone();
    for operation in operations {
        let operation = operation.as_object().ok_or_else(|| undecodable("handlers.jsonPatchOp", operation))?;
        apply(&mut patched, operation).map_err(PatchError::Unprocessable)?;
    }
    *object = patched;
    Ok(())
}

fn undecodable(wanted: &str, found: &Value) -> PatchError {
    PatchError::BadRequest(format!("error decoding patch: {}", golang::not_a(wanted, found)))
}

fn apply(object: &mut Value, operation: &Map<String, Value>) -> Result<(), String> {
    let text = |name: &str| operation.get(name).and_then(Value::as_str);
    let kind = text("op").unwrap_or("unknown");
    let undecoded = |name: &str| format!("{kind} operation failed to decode {name}: missing value");
    let path = text("path").ok_or_else(|| undecoded("path"));
    let from = text("from").ok_or_else(|| undecoded("from"));
    let value = operation.get("value").cloned().unwrap_or_default();
    match kind {
        "add" => add(object, path?, value),
        "remove" => remove(object, path?),
        "replace" => replace(object, path?, value),
        "move" => shift(object, from?, path?),
        "test" => test(object, path?, &value),
        "copy" => copy(object, from?, path?),
        other => Err(format!("Unexpected kind: {other}")),
    }
}

fn add(object: &mut Value, path: &str, value: Value) -> Result<(), String> {
    let (container, key) = find(object, path)
        .ok_or_else(|| format!("add operation does not apply: doc is missing path: \"{path}\": missing value"))?;
    insert(container, &key, value).map_err(|why| format!("error in add for path: '{path}': {why}"))
}

fn remove(object: &mut Value, path: &str) -> Result<(), String> {
    let (container, key) = find(object, path)
        .ok_or_else(|| format!("remove operation does not apply: doc is missing path: \"{path}\": missing value"))?;
    take(container, &key).map(drop).map_err(|why| format!("error in remove for path: '{path}': {why}"))
}

fn replace(object: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        if !(value.is_object() || value.is_array()) {
            return Err("replace operation value must be object or array: %!w(<nil>)".to_owned());
        }
        *object = value;
        return Ok(());
    }
    let missing =
        |what: &str| format!("replace operation does not apply: doc is missing {what}: {path}: missing value");
    let (container, key) = find(object, path).ok_or_else(|| missing("path"))?;
    match container {
        Value::Object(fields) => {
            fields.insert(key, value);
        }
        Value::Array(items) => {
            let index = existing(&key, items.len()).map_err(|_| missing("key"))?;
            items[index] = value;
        }
        _ => return Err(missing("path")),
    }
    Ok(())
}

fn shift(object: &mut Value, from: &str, path: &str) -> Result<(), String> {
    let (container, key) = find(object, from)
        .ok_or_else(|| format!("move operation does not apply: doc is missing from path: {from}: missing value"))?;
    let value = take(container, &key).map_err(|why| format!("error in move for path: '{key}': {why}"))?;
    let (container, key) = find(object, path).ok_or_else(|| {
        format!("move operation does not apply: doc is missing destination path: {path}: missing value")
    })?;
    insert(container, &key, value).map_err(|why| format!("error in move for path: '{path}': {why}"))
}

fn test(object: &mut Value, path: &str, value: &Value) -> Result<(), String> {
    let failed = || Err(format!("testing value {path} failed: test failed"));
    if path.is_empty() {
        return if object == value { Ok(()) } else { failed() };
    }
    let (container, key) = find(object, path)
        .ok_or_else(|| format!("test operation does not apply: is missing path: {path}: missing value"))?;
    let found = read(container, &key).map_err(|why| format!("error in test for path: '{path}': {why}"))?;
    if found.unwrap_or(&Value::Null) == value { Ok(()) } else { failed() }
}

fn copy(object: &mut Value, from: &str, path: &str) -> Result<(), String> {
    let (container, key) = find(object, from)
        .ok_or_else(|| format!("copy operation does not apply: doc is missing from path: {from}: missing value"))?;
    let value = read(container, &key)
        .map_err(|why| format!("error in copy for from: '{from}': {why}"))?
        .cloned()
        .unwrap_or_default();
    let (container, key) = find(object, path).ok_or_else(|| {
        format!("copy operation does not apply: doc is missing destination path: {path}: missing value")
    })?;
    insert(container, &key, value).map_err(|why| format!("error while adding value during copy: {why}"))
}

/// The map or list that holds what `path` leads to, and the last word of the path.
fn find<'o>(object: &'o mut Value, path: &str) -> Option<(&'o mut Value, String)> {
    let (parents, key) = path.rsplit_once('/')?;
    let mut container = object;
    for word in parents.split('/').skip(1) {
        let word = decode(word);
        container = match container {
            Value::Object(fields) => fields.get_mut(&word)?,
            Value::Array(items) => {
                let index = existing(&word, items.len()).ok()?;
                items.get_mut(index)?
            }
            _ => return None,
        };
    }
    (container.is_object() || container.is_array()).then(|| (container, decode(key)))
}

fn decode(word: &str) -> String {
    word.replace("~1", "/").replace("~0", "~")
}

fn read<'o>(container: &'o Value, key: &str) -> Result<Option<&'o Value>, String> {
    match container {
        Value::Array(items) => Ok(items.get(existing(key, items.len())?)),
        fields => Ok(fields.get(key)),
    }
}

fn insert(container: &mut Value, key: &str, value: Value) -> Result<(), String> {
    match container {
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            let why = |why: String| {
                if key.parse::<i64>().is_ok() {
                    why
                } else {
                    format!("value was not a proper array index: '{key}': {why}")
                }
            };
            let index = existing(key, items.len() + 1).map_err(why)?;
            items.insert(index, value);
        }
        Value::Object(fields) => {
            fields.insert(key.to_owned(), value);
        }
        _ => {}
    }
    Ok(())
}

fn take(container: &mut Value, key: &str) -> Result<Value, String> {
    let missing = || format!("Unable to remove nonexistent key: {key}: missing value");
    match container {
        Value::Array(items) => {
            let index = existing(key, items.len())?;
            Ok(items.remove(index))
        }
        Value::Object(fields) => fields.shift_remove(key).ok_or_else(missing),
        _ => Err(missing()),
    }
}

/// An index that is within `length`; negative ones count from the end.
fn existing(key: &str, length: usize) -> Result<usize, String> {
    let index: i64 = key.parse().map_err(|_| format!("strconv.Atoi: parsing {key:?}: invalid syntax"))?;
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let place = if index < 0 { index.saturating_add(length) } else { index };
    usize::try_from(place)
        .ok()
        .filter(|_| place < length)
        .ok_or_else(|| format!("Unable to access invalid index: {index}: invalid index referenced"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn patched(patch: Value) -> Result<Value, String> {
        let mut object = json!({"spec": {"replicas": 1, "list": [1, 2]}, "metadata": {"labels": {"a/b": "c"}}});
        let before = object.clone();
        match json(&mut object, &patch) {
            Ok(()) => Ok(object),
            Err(why) => {
                assert_eq!(object, before, "a failed patch must leave no trace");
                Err(why.to_string())
            }
        }
    }

    #[test]
    fn operations_apply_in_order() {
        let patch = json!([
            {"op": "test", "path": "/spec/replicas", "value": 1},
            {"op": "replace", "path": "/spec/replicas", "value": 3},
            {"op": "add", "path": "/spec/list/-", "value": 3},
            {"op": "add", "path": "/spec/list/0", "value": 0},
            {"op": "remove", "path": "/metadata/labels/a~1b"},
            {"op": "copy", "from": "/spec/replicas", "path": "/spec/copy"},
            {"op": "move", "from": "/spec/copy", "path": "/moved"},
        ]);
        let expected = json!({"spec": {"replicas": 3, "list": [0, 1, 2, 3]}, "metadata": {"labels": {}}, "moved": 3});
        assert_eq!(patched(patch), Ok(expected));
    }

    #[test]
    fn absent_keys_may_be_replaced_and_are_null() {
        let patch = json!([{"op": "test", "path": "/spec/new", "value": null}, {"op": "replace", "path": "/spec/new", "value": 1}]);
        assert_eq!(patched(patch).unwrap()["spec"]["new"], 1);
    }

    #[test]
    fn errors_speak_as_the_api_server_does() {
        let vectors: Vec<Value> = serde_json::from_str(include_str!("../../../tests/golden/json-patch.json")).unwrap();
        for vector in vectors {
            let first = json!({"op": "replace", "path": "/spec/replicas", "value": 9});
            assert_eq!(patched(json!([first, vector["operation"]])).unwrap_err(), vector["error"], "{vector}");
        }
    }

    #[test]
    fn a_patch_must_be_a_list_of_maps() {
        let refused = |patch: Value| json(&mut json!({}), &patch).unwrap_err();
        let words = "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp";
        assert_eq!(refused(json!({"spec": 1})), PatchError::BadRequest(words.to_owned()));
        let words = "error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp";
        assert_eq!(refused(json!([1])), PatchError::BadRequest(words.to_owned()));
    }

    proptest! {
        #[test]
        fn the_difference_between_two_lists_turns_one_into_the_other(
            before in prop::collection::vec(0..4, 0..6), after in prop::collection::vec(0..4, 0..6)
        ) {
            let (mut object, after) = (json!({"a": before, "b": {"c": 1}}), json!({"a": after, "d": null}));
            let patch = serde_json::to_value(json_patch::diff(&object, &after)).unwrap();
            json(&mut object, &patch).unwrap();
            prop_assert_eq!(object, after);
        }
    }
}
