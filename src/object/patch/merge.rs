//! JSON merge patch, RFC 7396: maps merge, `null` deletes, everything else replaces.
//! It knows no schema; `strategic` does.

use serde_json::{Map, Value};

/// Merges `patch` into `object`.
pub fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Value::Object(fields) = object else { return };
    for (name, change) in changes {
        if change.is_null() {
            fields.shift_remove(name);
        } else {
            merge(fields.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn rfc_7396_by_its_own_examples() {
        let cases = [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ];
        for (mut object, patch, expected) in cases {
            merge(&mut object, &patch);
            assert_eq!(object, expected, "{patch}");
        }
    }

    #[test]
    fn fields_keep_their_places() {
        let mut object = json!({"a": 1, "b": 2, "c": 3, "d": 4});
        merge(&mut object, &json!({"b": null, "c": 0, "e": 5}));
        assert_eq!(object.to_string(), r#"{"a":1,"c":0,"d":4,"e":5}"#);
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), (0..3).prop_map(Value::from)];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let map = prop::collection::btree_map("[a-d]", inner.clone(), 0..4);
            prop_oneof![
                prop::collection::vec(inner, 0..3).prop_map(Value::from),
                map.prop_map(|map| map.into_iter().collect::<Value>())
            ]
        })
    }

    proptest! {
        #[test]
        fn merging_twice_is_merging_once(mut object in tree(), patch in tree()) {
            merge(&mut object, &patch);
            let once = object.clone();
            merge(&mut object, &patch);
            prop_assert_eq!(object, once);
        }

        #[test]
        fn agrees_with_another_implementation(object in tree(), patch in tree()) {
            let (mut ours, mut theirs) = (object.clone(), object);
            merge(&mut ours, &patch);
            json_patch::merge(&mut theirs, &patch);
            prop_assert_eq!(ours, theirs);
        }
    }
}
