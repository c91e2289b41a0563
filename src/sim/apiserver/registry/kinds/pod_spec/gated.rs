//! What may change of a Pod that gates keep from being scheduled: gates may go, and where it may go may be narrowed.
//! What may change of every Pod is `update.rs`. Source: `pkg/apis/core/validation/validation.go`, validateOnlyDeletedSchedulingGates,
//! validateNodeSelectorMutation, validateNodeAffinityMutation.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::at::{At, go};
use super::super::filling::{copy, put};
use super::affinity::REQUIRED;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;

const NODE_AFFINITY: &str = "/affinity/nodeAffinity";

/// Checks the gates, of which none may come.
pub fn gates(new: At<'_, '_>, old: At<'_, '_>, errors: &mut ErrorList) {
    for gate in new.items() {
        if !old.list().contains(gate.value()) {
            let name = gate.key("name");
            let why = format!("only deletion is allowed, but found new scheduling gate '{}'", name.text());
            name.forbidden(why, errors);
        }
    }
}

/// Checks what a gated Pod says of its node: nodes that it did not want before it may not want now.
pub fn narrowed(new: At<'_, '_>, old: At<'_, '_>, errors: &mut ErrorList) {
    node_selector(new.key("nodeSelector"), old.key("nodeSelector"), errors);
    let (affinity, before) = (new.key("affinity"), old.key("affinity"));
    node_affinity(affinity.key("nodeAffinity"), before.key("nodeAffinity"), errors);
}

fn node_selector(new: At<'_, '_>, old: At<'_, '_>, errors: &mut ErrorList) {
    if old.entries().any(|(name, value)| new.entry(name).value() != value.value()) {
        let why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
        errors.invalid(new.path(), by_key(new.value()), why);
    }
}

fn node_affinity(new: At<'_, '_>, old: At<'_, '_>, errors: &mut ErrorList) {
    let (required, before) = (new.key(REQUIRED), old.key(REQUIRED));
    let (terms, known) = (required.key("nodeSelectorTerms"), before.key("nodeSelectorTerms"));
    if new.value() == old.value() || known.list().is_empty() {
        return;
    }
    if terms.list().len() != known.list().len() {
        let shown: Value = if terms.is_set() { terms.list().iter().map(in_go).collect() } else { Value::Null };
        let why = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
        return errors.invalid(terms.path(), shown, why);
    }
    for (term, known) in terms.items().zip(known.list()) {
        if !only_added(term.value(), known) {
            errors.invalid(term.path(), in_go(term.value()), "only additions are allowed (no mutations or deletions)");
        }
    }
}

/// Whether a term asks for all that it did, and perhaps for more.
fn only_added(new: &Value, old: &Value) -> bool {
    let lists = ["/matchExpressions", "/matchFields"];
    let grows = |list: &&str| meta::list(new, list).starts_with(meta::list(old, list));
    // A term that asks for nothing selects no node: to ask for something would widen it.
    let empty = |term: &Value| lists.iter().all(|list| meta::list(term, list).is_empty());
    if empty(old) { empty(new) } else { lists.iter().all(grows) }
}

/// A map as Go shows it, in the order of its keys.
fn by_key(map: &Value) -> Value {
    let ordered = |map: &Map<String, Value>| json!(map.iter().collect::<BTreeMap<_, _>>());
    map.as_object().map_or(Value::Null, ordered)
}

/// A term of a node selector as Go shows it.
fn in_go(term: &Value) -> Value {
    let names = [("Key", "key"), ("Operator", "operator"), ("Values", "values")];
    let shown = |list: &str| -> Value {
        let all = term.get(list).and_then(Value::as_array);
        all.map_or(Value::Null, |all| all.iter().map(|one| go(one, &names)).collect())
    };
    json!({ "MatchExpressions": shown("matchExpressions"), "MatchFields": shown("matchFields") })
}

/// Puts back what a gated Pod may change, so that only what it may not is left. Which Pods it wants to be near is none of it.
pub fn put_back(munged: &mut Value, old: &Value) {
    copy(old, munged, "nodeSelector");
    if munged.pointer(NODE_AFFINITY) == old.pointer(NODE_AFFINITY) {
        return;
    }
    let before = old.get("affinity").filter(|before| before.is_object());
    let now = munged.get("affinity").filter(|now| now.is_object()).cloned();
    let affinity = match now {
        None => json!({ "nodeAffinity": old.pointer(NODE_AFFINITY) }),
        Some(now) if before.is_none() && !wants_pods(&now) => Value::Null,
        Some(mut now) => {
            copy(before.unwrap_or(&Value::Null), &mut now, "nodeAffinity");
            now
        }
    };
    if affinity.is_null() {
        meta::remove(munged, "affinity");
    } else {
        put(munged, "affinity", affinity);
    }
}

fn wants_pods(affinity: &Value) -> bool {
    ["podAffinity", "podAntiAffinity"].iter().any(|side| affinity.get(side).is_some_and(|side| !side.is_null()))
}

#[cfg(test)]
mod tests {
    use super::super::update;
    use super::*;

    /// What is told of a change, the first line of each.
    fn told(old: &Value, new: &Value) -> Vec<String> {
        let pod = |spec: &Value| {
            let mut spec = spec.clone();
            spec["containers"] = json!([{ "name": "c", "image": "nginx" }]);
            json!({ "spec": spec })
        };
        let mut errors = ErrorList::default();
        update::pod(&pod(new), &pod(old), &mut errors);
        let line = |cause: &Value| {
            let message = meta::text(cause, "/message").lines().next().unwrap_or_default();
            format!("{}: {message}", meta::text(cause, "/field"))
        };
        errors.causes().as_array().into_iter().flatten().map(line).collect()
    }

    fn gated(mut spec: Value) -> Value {
        spec["schedulingGates"] = json!([{ "name": "wait" }]);
        spec
    }

    fn wants(terms: Value) -> Value {
        json!({ "nodeAffinity": { REQUIRED: { "nodeSelectorTerms": terms } } })
    }

    fn asks(key: &str) -> Value {
        json!({ "key": key, "operator": "Exists" })
    }

    #[test]
    fn gates_only_go() {
        let two = json!({ "schedulingGates": [{ "name": "wait" }, { "name": "more" }] });
        assert!(told(&two, &gated(json!({}))).is_empty());
        assert_eq!(
            told(&gated(json!({})), &two),
            ["spec.schedulingGates[1].name: Forbidden: only deletion is allowed, but found new scheduling gate 'more'"]
        );
    }

    #[test]
    fn a_gated_pod_may_narrow_its_selector() {
        let old = gated(json!({ "nodeSelector": { "disk": "ssd" } }));
        assert!(told(&old, &gated(json!({ "nodeSelector": { "disk": "ssd", "arch": "arm" } }))).is_empty());
        let why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
        assert_eq!(
            told(&old, &gated(json!({ "nodeSelector": { "disk": "hdd", "arch": "arm" } }))),
            [format!("spec.nodeSelector: Invalid value: {{\"arch\":\"arm\",\"disk\":\"hdd\"}}: {why}")]
        );
        assert_eq!(told(&old, &gated(json!({}))), [format!("spec.nodeSelector: Invalid value: null: {why}")]);
        let free = told(&json!({}), &json!({ "nodeSelector": { "disk": "ssd" } }));
        assert!(free.len() == 1 && free[0].starts_with("spec: Forbidden: pod updates may not change"), "{free:?}");
    }

    #[test]
    fn a_gated_pod_may_narrow_its_node_affinity() {
        let affinity = |terms: Value| gated(json!({ "affinity": wants(terms) }));
        let old = affinity(json!([{ "matchExpressions": [asks("a")] }]));
        assert!(told(&gated(json!({})), &old).is_empty());
        assert!(told(&old, &affinity(json!([{ "matchExpressions": [asks("a"), asks("b")] }]))).is_empty());
        let terms = format!("spec.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms");
        let b = "{\"MatchExpressions\":[{\"Key\":\"b\",\"Operator\":\"Exists\",\"Values\":null}],\"MatchFields\":null}";
        assert_eq!(
            told(&old, &affinity(json!([{ "matchExpressions": [asks("b")] }]))),
            [format!("{terms}[0]: Invalid value: {b}: only additions are allowed (no mutations or deletions)")]
        );
        assert_eq!(
            told(&old, &gated(json!({}))),
            [format!(
                "{terms}: Invalid value: null: no additions/deletions to non-empty NodeSelectorTerms list are allowed"
            )]
        );
    }

    #[test]
    fn which_pods_a_gated_pod_wants_stays() {
        let mut wanted = wants(json!([{ "matchExpressions": [asks("a")] }]));
        wanted["podAffinity"] = json!({ REQUIRED: [{ "topologyKey": "zone" }] });
        let told = told(&gated(json!({})), &gated(json!({ "affinity": wanted })));
        assert!(told.len() == 1 && told[0].starts_with("spec: Forbidden: pod updates may not change"), "{told:?}");
    }
}
