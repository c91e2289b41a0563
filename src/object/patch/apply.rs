//! Server-side apply, its fields: what an applied configuration makes of the object as it stands.
//! Who owns which field, conflicts, and taking away what was applied before are the API server's business.
//! Source: sigs.k8s.io/structured-merge-diff `typed/merge.go`; the words of errors from there and from k8s.io/apimachinery `managedfields`.

use serde_json::Value;

use super::{PatchError, golang};
use crate::object::schema::{Holds, ListType, Member, Place, path_shown};

/// Lays `wanted` over `object`: maps merge, lists merge by their keys or as sets where the schema says so, everything else is replaced.
/// Leaves the object as it was when refused.
///
/// # Errors
/// `Internal`, as upstream, where `wanted` is not as its schema says: fields it does not have, values of another type, elements that lack the
/// keys of their list or are there twice.
pub fn apply(object: &mut Value, wanted: &Value, root: Place) -> Result<(), PatchError> {
    let mut found = Vec::new();
    faults(root, wanted, "", &mut found);
    match &found[..] {
        [] => {}
        [one] => return Err(PatchError::Internal(headed(wanted, one))),
        several => return Err(PatchError::Internal(headed(wanted, &format!("errors:\n  {}", several.join("\n  "))))),
    }
    *object = merge(root, Some(object), wanted);
    Ok(())
}

/// Upstream's head of such an error: which object could not be read.
fn headed(wanted: &Value, why: &str) -> String {
    let text = |pointer: &str| wanted.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    let (version, kind) = (text("/apiVersion"), text("/kind"));
    let version = if version.contains('/') { version.to_owned() } else { format!("/{version}") };
    format!("failed to create typed patch object ({namespace}/{name}; {version}, Kind={kind}): {why}")
}

/// Where a configuration is not as its schema says (`typed/validate.go`).
fn faults(place: Place, value: &Value, path: &str, found: &mut Vec<String>) {
    if let Some(why) = misfit(place.holds(), value) {
        found.push(if path.is_empty() { why } else { format!("{path}: {why}") });
        return;
    }
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let path = format!("{path}.{name}");
                match place.member(name) {
                    Member::Declared(inner) | Member::Free(inner) => faults(inner, value, &path, found),
                    // The others are not looked at.
                    Member::Undeclared => return found.push(format!("{path}: field not declared in schema")),
                }
            }
        }
        Value::Array(items) if place.list_type() == ListType::Atomic => {
            for (index, item) in items.iter().enumerate() {
                faults(place.element(), item, &format!("{path}[{index}]"), found);
            }
        }
        Value::Array(items) => {
            let mut seen: Vec<String> = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                let element = match place.path_element(item) {
                    Ok(element) => element,
                    Err(why) => return found.push(format!("{path}: element {index}: {why}")),
                };
                let shown = path_shown(&element);
                if seen.contains(&element) {
                    found.push(format!("{path}: duplicate entries for key {shown}"));
                }
                seen.push(element);
                faults(place.element(), item, &format!("{path}{shown}"), found);
            }
        }
        _ => {}
    }
}

/// Why a value may not stand where only some do; null stands everywhere.
fn misfit(holds: Holds, value: &Value) -> Option<String> {
    let printed = || format!("&{{{}}}", golang::printed(value));
    let expected = match (holds, value) {
        (_, Value::Null)
        | (Holds::Anything, _)
        | (Holds::Map, Value::Object(_))
        | (Holds::List, Value::Array(_))
        | (Holds::Number, Value::Number(_))
        | (Holds::Text, Value::String(_))
        | (Holds::Truth, Value::Bool(_))
        | (Holds::Scalar, Value::Number(_) | Value::String(_) | Value::Bool(_)) => return None,
        (Holds::Map, _) => format!("map, got {}", printed()),
        (Holds::List, _) => format!("list, got {}", printed()),
        (Holds::Number, _) => format!("numeric (int or float), got {}", golang::type_name(value)),
        (Holds::Text, _) => format!("string, got &value.valueUnstructured{{Value:{}}}", golang::source(value)),
        (Holds::Truth, _) => format!("boolean, got {}", printed()),
        (Holds::Scalar, _) => format!("any scalar, got {}", printed()),
    };
    Some(format!("expected {expected}"))
}

fn merge(place: Place, live: Option<&Value>, wanted: &Value) -> Value {
    match wanted {
        Value::Object(wanted) if !place.is_atomic() => {
            let mut merged = live.and_then(Value::as_object).cloned().unwrap_or_default();
            for (name, value) in wanted {
                let inner = place.below(name);
                if value.is_null() && inner.drops_null() {
                    merged.shift_remove(name);
                } else {
                    let value = merge(inner, merged.get(name), value);
                    merged.insert(name.clone(), value);
                }
            }
            Value::Object(merged)
        }
        Value::Array(wanted) if place.list_type() != ListType::Atomic && !place.is_atomic() => {
            let live = live.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            Value::Array(merge_list(place, live, wanted))
        }
        _ => wanted.clone(),
    }
}

fn merge_list(place: Place, live: &[Value], wanted: &[Value]) -> Vec<Value> {
    // What cannot be told apart stands for itself; in what is wanted there is no such element any more.
    let identities = |items: &[Value]| -> Vec<String> {
        items.iter().map(|item| place.path_element(item).unwrap_or_else(|_| item.to_string())).collect()
    };
    interleave(&identities(live), &identities(wanted))
        .into_iter()
        .filter_map(|(left, right)| match (left.and_then(|at| live.get(at)), right.and_then(|at| wanted.get(at))) {
            (left, Some(right)) => Some(merge(place.element(), left, right)),
            (left, None) => left.cloned(),
        })
        .collect()
}

/// The order of the merged list, as places in the live and in the wanted list: elements of both come in the wanted order, elements only
/// live keep their places between them, new ones come where they are wanted.
fn interleave(live: &[String], wanted: &[String]) -> Vec<(Option<usize>, Option<usize>)> {
    let live_place = |identity: &String| live.iter().position(|other| other == identity);
    let mut shared = wanted.iter().filter(|identity| live.contains(identity));
    let mut next_shared = shared.next();
    let mut out = Vec::new();
    let (mut left, mut right) = (0, 0);
    while left < live.len() || right < wanted.len() {
        if let (Some(ours), Some(theirs)) = (live.get(left), wanted.get(right)) {
            if ours == theirs {
                out.push((Some(left), Some(right)));
                (left, right) = (left + 1, right + 1);
                next_shared = shared.next();
                continue;
            }
            if wanted.contains(ours) && next_shared.is_some_and(|next| next != ours) {
                left += 1;
                continue;
            }
        }
        if let Some(ours) = live.get(left) {
            if !wanted.contains(ours) {
                out.push((Some(left), None));
                left += 1;
                continue;
            }
            if wanted[..right].contains(ours) {
                left += 1;
            }
        }
        if let Some(theirs) = wanted.get(right) {
            out.push((live_place(theirs), Some(right)));
            right += 1;
            if next_shared == Some(theirs) {
                next_shared = shared.next();
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::schema;
    use serde_json::json;

    fn applied(mut object: Value, wanted: Value) -> Result<Value, String> {
        let kind = |name: &str| wanted[name].as_str().unwrap_or_default();
        let of = schema::of(kind("apiVersion"), kind("kind"));
        apply(&mut object, &wanted, Place::of(of)).map(|()| object).map_err(|why| why.to_string())
    }

    fn pod(spec: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "d"}, "spec": spec})
    }

    #[test]
    fn lists_come_in_upstreams_order() {
        let rows: Vec<[String; 3]> =
            serde_json::from_str(include_str!("../../../tests/golden/apply-order.json")).unwrap();
        for [live, wanted, merged] in rows {
            let letters = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
            let named = |text: &str| letters(text).iter().map(|name| json!({"name": name})).collect::<Vec<_>>();
            let object = |text: &str| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"finalizers": letters(text)}, "spec": {"containers": named(text)}});
            assert_eq!(applied(object(&live), object(&wanted)).unwrap(), object(&merged), "{live} {wanted}");
        }
    }

    #[test]
    fn keys_may_be_several_and_have_defaults() {
        let ports = |ports: Value| pod(json!({"containers": [{"name": "c", "ports": ports}]}));
        let live = ports(json!([{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53, "protocol": "TCP"}]));
        let both = applied(live, ports(json!([{"containerPort": 53, "name": "dns"}]))).unwrap();
        let expected =
            json!([{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53, "protocol": "TCP", "name": "dns"}]);
        assert_eq!(both["spec"]["containers"][0]["ports"], expected);
    }

    #[test]
    fn what_is_atomic_is_replaced() {
        let live =
            pod(json!({"nodeSelector": {"disk": "ssd"}, "tolerations": [{"key": "a"}], "restartPolicy": "Never"}));
        let wanted = pod(json!({"nodeSelector": {"zone": "a"}, "tolerations": [{"key": "b"}], "restartPolicy": null}));
        let merged = applied(live, wanted).unwrap();
        assert_eq!(merged["spec"], json!({"nodeSelector": {"zone": "a"}, "tolerations": [{"key": "b"}]}));
    }

    #[test]
    fn elements_must_be_told_apart() {
        let head = "failed to create typed patch object (d/p; /v1, Kind=Pod): .spec.containers: ";
        let refused = applied(json!({}), pod(json!({"containers": [{"name": "x"}, {"name": "x"}]}))).unwrap_err();
        assert_eq!(refused, format!("{head}duplicate entries for key [name=\"x\"]"));
    }

    #[test]
    fn values_are_of_the_types_the_schema_says() {
        let head = "failed to create typed patch object (d/p; /v1, Kind=Pod): ";
        let refused = |spec: Value| applied(json!({}), pod(spec)).unwrap_err();
        for (spec, told) in [
            (json!({"priority": "x"}), ".spec.priority: expected numeric (int or float), got string"),
            (json!({"nodeName": 80}), ".spec.nodeName: expected string, got &value.valueUnstructured{Value:80}"),
            (json!({"hostNetwork": "yes"}), ".spec.hostNetwork: expected boolean, got &{yes}"),
            (json!({"containers": "x"}), ".spec.containers: expected list, got &{x}"),
            (json!({"nodeSelector": ["x"]}), ".spec.nodeSelector: expected map, got &{[x]}"),
            (json!({"contaners": []}), ".spec.contaners: field not declared in schema"),
            (
                json!({"priority": "x", "nodeName": true}),
                "errors:\n  .spec.priority: expected numeric (int or float), got string\n  .spec.nodeName: expected string, got &value.valueUnstructured{Value:true}",
            ),
        ] {
            assert_eq!(refused(spec), format!("{head}{told}"));
        }
    }

    #[test]
    fn lists_of_custom_resources_merge_as_their_schema_says() {
        let schema = json!({ "type": "object", "properties": { "spec": { "type": "object", "properties": {
            "parts": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": {
                "type": "object", "properties": { "name": { "type": "string" }, "size": { "type": "integer" }, "color": { "type": "string" } } } },
            "tags": { "type": "array", "x-kubernetes-list-type": "set", "items": { "type": "string" } },
            "order": { "type": "array", "items": { "type": "string" } },
            "whole": { "type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": { "type": "string" } },
        } } } });
        let widget = |spec: Value| json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec});
        let mut object = widget(
            json!({"parts": [{"name": "a", "size": 1}, {"name": "b", "size": 2}], "tags": ["x"], "order": ["1"], "whole": {"k": "v"}}),
        );
        let wanted = widget(
            json!({"parts": [{"name": "b", "color": "red"}, {"name": "c"}], "tags": ["y"], "order": ["2"], "whole": {"l": "w"}}),
        );
        apply(&mut object, &wanted, Place::defined(&schema)).unwrap();
        let merged = json!({"parts": [{"name": "a", "size": 1}, {"name": "b", "size": 2, "color": "red"}, {"name": "c"}],
            "tags": ["x", "y"], "order": ["2"], "whole": {"l": "w"}});
        assert_eq!(object["spec"], merged);
        let refused =
            apply(&mut object, &widget(json!({"parts": [{"size": 1}]})), Place::defined(&schema)).unwrap_err();
        let why = "failed to create typed patch object (/w; example.com/v1, Kind=Widget): .spec.parts: element 0: associative list with keys has an element that omits all key fields [\"name\"] (and doesn't have default values for any key fields)";
        assert_eq!(refused.to_string(), why);
    }

    #[test]
    fn without_a_schema_maps_merge_and_lists_are_replaced() {
        let live = json!({"kind": "Widget", "spec": {"a": 1, "list": [1, 2]}});
        let merged = applied(live, json!({"kind": "Widget", "spec": {"b": 2, "list": [3]}})).unwrap();
        assert_eq!(merged["spec"], json!({"a": 1, "list": [3], "b": 2}));
    }
}
