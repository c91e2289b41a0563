//! Server-side apply, its fields: what an applied configuration makes of the object as it stands.
//! Who owns which field, conflicts, and taking away what was applied before are the API server's business.
//! Source: sigs.k8s.io/structured-merge-diff `typed/merge.go`; the words of errors from there and from k8s.io/apimachinery `managedfields`.

use serde_json::{Map, Value};

use super::PatchError;
use crate::object::path::Path;
use crate::object::schema::{Field, ListType, Shape, Type};

/// Lays `wanted` over `object`: maps merge, lists merge by their keys or as sets where the schema says so, everything else is replaced.
/// Without a type (custom resources) lists are replaced. Leaves the object as it was when refused.
///
/// # Errors
/// `Internal`, as upstream, when an element lacks a key of its list or two have the same.
pub fn apply(object: &mut Value, wanted: &Value, of: Option<Type>) -> Result<(), PatchError> {
    let place = Place { path: Path::root(), field: None };
    let shape = of.map(Shape::Object);
    *object = merge(&place, shape.as_ref(), Some(object), wanted)
        .map_err(|why| PatchError::Internal(headed(wanted, &why)))?;
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

struct Place {
    path: Path,
    field: Option<&'static Field>,
}

fn merge(place: &Place, shape: Option<&Shape>, live: Option<&Value>, wanted: &Value) -> Result<Value, String> {
    let atomic = place.field.is_some_and(|field| field.atomic || field.list_type == Some(ListType::Atomic));
    match (live, wanted) {
        _ if atomic => Ok(wanted.clone()),
        (live, Value::Object(wanted)) => {
            let live = live.and_then(Value::as_object);
            merge_map(place, shape, live, wanted).map(Value::Object)
        }
        (live, Value::Array(wanted)) => {
            let live = live.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            merge_list(place, shape, live, wanted).map(Value::Array)
        }
        _ => Ok(wanted.clone()),
    }
}

fn merge_map(
    place: &Place,
    shape: Option<&Shape>,
    live: Option<&Map<String, Value>>,
    wanted: &Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let of = match shape {
        Some(Shape::Object(of)) => Some(*of),
        _ => None,
    };
    let mut merged = match of {
        Some(of) if of.atomic() => Map::new(),
        _ => live.cloned().unwrap_or_default(),
    };
    for (name, value) in wanted {
        let field = of.and_then(|of| of.field(name));
        let inner = match shape {
            Some(Shape::Map(inner)) => Some(&**inner),
            _ => field.map(|field| &field.shape),
        };
        if value.is_null() {
            merged.shift_remove(name);
            continue;
        }
        let value = merge(&Place { path: place.path.field(name), field }, inner, merged.get(name), value)?;
        merged.insert(name.clone(), value);
    }
    Ok(merged)
}

fn merge_list(place: &Place, shape: Option<&Shape>, live: &[Value], wanted: &[Value]) -> Result<Vec<Value>, String> {
    let inner = match shape {
        Some(Shape::List(inner)) => Some(&**inner),
        _ => None,
    };
    let keys: &[&str] = match place.field.and_then(|field| field.list_type.map(|kind| (kind, field))) {
        Some((ListType::Map, field)) => &field.list_map_keys,
        Some((ListType::Set, _)) => &[],
        _ => return Ok(wanted.to_vec()),
    };
    let refused = |why: String| format!(".{}: {why}", place.path);
    let wanted_keys = identities(wanted, keys, inner, false).map_err(refused)?;
    let live_keys = identities(live, keys, inner, true).map_err(refused)?;
    let element = Place { path: place.path.clone(), field: None };
    interleave(&live_keys, &wanted_keys)
        .into_iter()
        .filter_map(|(left, right)| match (left.and_then(|at| live.get(at)), right.and_then(|at| wanted.get(at))) {
            (left, Some(right)) => Some(merge(&element, inner, left, right)),
            (Some(left), None) => Some(Ok(left.clone())),
            (None, None) => None,
        })
        .collect()
}

/// What tells the elements of a list apart: the values of their keys, or themselves. A key that is not given has the schema's default.
fn identities(items: &[Value], keys: &[&str], inner: Option<&Shape>, lenient: bool) -> Result<Vec<Value>, String> {
    let of = inner.and_then(Shape::object);
    let mut seen: Vec<Value> = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        let mut identity = Map::new();
        for key in keys {
            let given = item.get(key).filter(|value| !value.is_null()).cloned();
            let omitted = || {
                format!(
                    "element {place}: associative list with keys has an element that omits key field {key:?} (and doesn't have default value)"
                )
            };
            let value = given.or_else(|| default(of?.field(key)?)).ok_or_else(omitted)?;
            identity.insert((*key).to_owned(), value);
        }
        let identity = if keys.is_empty() { item.clone() } else { Value::Object(identity) };
        if !lenient && seen.contains(&identity) {
            return Err(format!("duplicate entries for key {}", written(&identity)));
        }
        seen.push(identity);
    }
    Ok(seen)
}

/// A key's default: what OpenAPI declares, which for fields that Go always writes is their zero value.
fn default(field: &Field) -> Option<Value> {
    let zero = || match field.shape {
        Shape::String => Some(Value::from("")),
        Shape::Int32 | Shape::Int64 => Some(Value::from(0)),
        _ => None,
    };
    field.default.clone().or_else(|| zero().filter(|_| !field.go.omit_empty && !field.go.pointer))
}

fn written(identity: &Value) -> String {
    match identity {
        Value::Object(keys) => {
            let pairs: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("[{}]", pairs.join(","))
        }
        other => format!("[={other}]"),
    }
}

/// The order of the merged list, as places in the live and in the wanted list: elements of both come in the wanted order, elements only
/// live keep their places between them, new ones come where they are wanted.
fn interleave(live: &[Value], wanted: &[Value]) -> Vec<(Option<usize>, Option<usize>)> {
    let live_place = |identity: &Value| live.iter().position(|other| other == identity);
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
        apply(&mut object, &wanted, of).map(|()| object).map_err(|why| why.to_string())
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
    fn without_a_schema_maps_merge_and_lists_are_replaced() {
        let live = json!({"kind": "Widget", "spec": {"a": 1, "list": [1, 2]}});
        let merged = applied(live, json!({"kind": "Widget", "spec": {"b": 2, "list": [3]}})).unwrap();
        assert_eq!(merged["spec"], json!({"a": 1, "list": [3], "b": 2}));
    }
}
