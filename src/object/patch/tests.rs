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

fn containers() -> impl Strategy<Value = Vec<(String, u8)>> {
    prop::collection::btree_map("[a-f]", 0u8..3, 1..6).prop_shuffle_keys()
}

/// Maps give their keys in order; lists of containers must not.
trait ShuffleKeys {
    fn prop_shuffle_keys(self) -> impl Strategy<Value = Vec<(String, u8)>>;
}

impl<S: Strategy<Value = std::collections::BTreeMap<String, u8>>> ShuffleKeys for S {
    fn prop_shuffle_keys(self) -> impl Strategy<Value = Vec<(String, u8)>> {
        self.prop_map(|map| map.into_iter().collect::<Vec<_>>()).prop_shuffle()
    }
}

proptest! {
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
