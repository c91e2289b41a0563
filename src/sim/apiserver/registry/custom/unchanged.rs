//! What an update leaves as it was: errors there are not held against who changes something else (ratcheting).
//! What is wrong is `check`'s. Source: `k8s.io/apiextensions-apiserver/pkg/apiserver/validation/ratcheting.go` and `k8s.io/apiserver/pkg/cel/common/values.go`.

use serde_json::Value;

/// Whether the place a path leads to, or something that it is part of, is the same in both objects. Items are found again in
/// lists that are maps only.
pub(super) fn is_unchanged(path: &str, schema: &Value, new: &Value, old: &Value) -> bool {
    let mut within = (schema, new, old);
    for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
        let (schema, new, old) = within;
        if new == old {
            return true;
        }
        match below(schema, new, old, step.trim_end_matches(']').trim_matches('"')) {
            Some(next) => within = next,
            None => return false,
        }
    }
    within.1 == within.2
}

type Within<'v> = (&'v Value, &'v Value, &'v Value);

fn below<'v>(schema: &'v Value, new: &'v Value, old: &'v Value, step: &str) -> Option<Within<'v>> {
    if let Some(map) = new.as_object() {
        let inner = schema["properties"].get(step).unwrap_or(&schema["additionalProperties"]);
        return Some((inner, map.get(step)?, old.get(step)?));
    }
    let item = new.get(step.parse::<usize>().ok()?)?;
    if schema["x-kubernetes-list-type"] != "map" {
        return None;
    }
    let keys = schema["x-kubernetes-list-map-keys"].as_array()?;
    let is_it = |other: &&Value| keys.iter().filter_map(Value::as_str).all(|key| other.get(key) == item.get(key));
    Some((&schema["items"], item, old.as_array()?.iter().find(is_it)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn items_are_found_again_where_they_have_keys() {
        let item =
            json!({ "type": "object", "properties": { "key": { "type": "string" }, "field": { "type": "string" } } });
        let schema = json!({ "type": "object", "properties": {
            "map": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["key"], "items": item },
            "plain": { "type": "array", "items": item },
        } });
        let a = json!({ "key": "a", "field": "old" });
        let old = json!({ "map": [a], "plain": [a], "same": [a] });
        let new =
            json!({ "map": [{ "key": "b" }, { "key": "a", "field": "old", "more": 1 }], "plain": [a, a], "same": [a] });
        let unchanged = |path: &str| is_unchanged(path, &schema, &new, &old);
        assert!(unchanged("map[1].field") && unchanged("same[0].field"));
        assert!(
            !unchanged("map[1]") && !unchanged("map[0].key") && !unchanged("plain[0].field") && !unchanged("other")
        );
    }
}
