//! Strategic merge patches against what the real kubectl makes of them, and by property.
//! How the vectors were taken stands in `tests/golden/README.md`.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::strategic;
use crate::object::schema;

fn apply(object: &Value, patch: &Value) -> Result<Value, String> {
    let kind = |name: &str| object[name].as_str().unwrap_or_default();
    let mut patched = object.clone();
    strategic(&mut patched, patch, schema::of(kind("apiVersion"), kind("kind"))).map_err(|why| why.to_string())?;
    Ok(patched)
}

fn agrees(vectors: &str) {
    let vectors: Vec<Value> = serde_json::from_str(vectors).unwrap();
    let wrong: Vec<String> = vectors
        .iter()
        .filter_map(|vector| {
            let ours = apply(&vector["object"], &vector["patch"]);
            let theirs = match vector["error"].as_str() {
                Some(error) => Err(error.trim_end().to_owned()),
                None => Ok(vector["result"].clone()),
            };
            let ours = ours.map_err(|why| why.trim_end().to_owned());
            (ours != theirs).then(|| format!("{}\n  ours   {ours:?}\n  theirs {theirs:?}", vector["name"]))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
}

#[test]
fn maps_merge_as_kubectl_merges_them() {
    agrees(include_str!("../../../tests/golden/strategic/maps.json"));
}

#[test]
fn lists_merge_as_kubectl_merges_them() {
    agrees(include_str!("../../../tests/golden/strategic/lists.json"));
}

#[test]
fn lists_come_in_the_order_kubectl_gives_them() {
    agrees(include_str!("../../../tests/golden/strategic/order.json"));
}

#[test]
fn kinds_without_a_schema_have_no_strategic_merge() {
    let mut object = json!({"apiVersion": "example.com/v1", "kind": "Widget"});
    let refused = strategic(&mut object, &json!({}), None).unwrap_err();
    assert_eq!(refused.to_string(), "strategic merge patch format is not supported");
}

fn pod(names: &[(String, u8)]) -> Value {
    let containers: Vec<Value> =
        names.iter().map(|(name, tag)| json!({"name": name, "image": format!("x:{tag}")})).collect();
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": containers}})
}

/// Names with tags, in any order.
fn containers() -> impl Strategy<Value = Vec<(String, u8)>> {
    let maps = prop::collection::btree_map("[a-f]", 0u8..3, 1..6);
    maps.prop_map(|map| map.into_iter().collect::<Vec<_>>()).prop_shuffle()
}

const NAMES: &str = "spec|containers|metadata|finalizers|env|ports|containerPort|name|volumes|emptyDir|\
    [$](patch|retainKeys|setElementOrder/(containers|finalizers|env|zzz)|deleteFromPrimitiveList(/finalizers)?)";

/// Trees with the names and directives that lead deep into a Pod, and nonsense in places.
fn tree() -> impl Strategy<Value = Value> {
    let words = "replace|delete|merge|a|name|x";
    let leaf = prop_oneof![Just(Value::Null), (0..3).prop_map(Value::from), words.prop_map(Value::from)];
    leaf.prop_recursive(6, 48, 4, |inner| {
        let map = prop::collection::btree_map(NAMES, inner.clone(), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..3).prop_map(Value::from),
            map.prop_map(|map| map.into_iter().collect::<Value>())
        ]
    })
}

proptest! {
    #[test]
    fn no_patch_panics_and_refused_ones_leave_no_trace(object in tree(), patch in tree()) {
        let of = schema::of("v1", "Pod");
        type Change = fn(&mut Value, &Value, Option<schema::Type>) -> Result<(), super::PatchError>;
        let applied: Change = |object, patch, of| super::apply(object, patch, schema::Place::of(of));
        for change in [strategic as Change, applied] {
            let mut changed = object.clone();
            if change(&mut changed, &patch, of).is_err() {
                prop_assert_eq!(&changed, &object);
            }
        }
        let _ = super::json(&mut object.clone(), &patch);
    }

    #[test]
    fn applying_twice_is_applying_once(live in containers(), patch in containers()) {
        let (live, patch) = (pod(&live), pod(&patch));
        let once = apply(&live, &patch).unwrap();
        prop_assert_eq!(apply(&once, &patch).unwrap(), once);
    }

    #[test]
    fn an_order_and_all_elements_give_just_that_list(live in containers(), wanted in containers()) {
        let (live, wanted) = (pod(&live), pod(&wanted));
        let named = |list: &Value| list.as_array().unwrap().iter().map(|c| json!({"name": c["name"]})).collect::<Vec<_>>();
        let order = named(&wanted["spec"]["containers"]);
        let mut changes = wanted["spec"]["containers"].as_array().unwrap().clone();
        let gone = named(&live["spec"]["containers"]).into_iter().filter(|name| !order.contains(name));
        changes.extend(gone.map(|name| json!({"name": name["name"], "$patch": "delete"})));
        let patch = json!({"spec": {"$setElementOrder/containers": order, "containers": changes}});
        prop_assert_eq!(apply(&live, &patch).unwrap(), wanted);
    }
}
