//! Partial match over objects as an API server shows them.
//! Each test asks for a part of one object; the rules stand in `find`'s documentation.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Finding, find, matches};
use crate::object::path;
use crate::object::schema::{self, Type};

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "1", "labels": {"app": "web", "tier": "front"}},
        "spec": {
            "replicas": 2, "revisionHistoryLimit": 10,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "securityContext": {}, "restartPolicy": "Always", "serviceAccountName": "robot",
                    "containers": [
                        {"name": "web", "image": "nginx:1.25", "command": ["nginx", "-g"], "imagePullPolicy": "IfNotPresent",
                         "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}},
                         "ports": [{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53, "protocol": "TCP", "name": "dns"}],
                         "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
                        {"name": "log", "image": "busybox", "resources": {}}
                    ],
                    "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "512Mi"}}],
                    "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoSchedule"}, {"key": "b", "operator": "Exists"}]
                }
            }
        }
    })
}

fn of(object: &Value) -> Option<Type> {
    schema::of(object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap())
}

/// Findings when `expected` is asked of what the deployment has at `place`.
fn ask(place: &str, expected: Value) -> Vec<Finding> {
    let object = deployment();
    let mut asked = json!({});
    path::set(&mut asked, place, expected).unwrap();
    find(&asked, &object, of(&object))
}

fn finding(path: &str, expected: Value, found: impl Into<Option<Value>>) -> Vec<Finding> {
    vec![Finding { path: path.to_owned(), expected, found: found.into() }]
}

const POD: &str = "spec.template.spec";

#[test]
fn what_was_not_asked_never_matters() {
    assert_eq!(ask("spec.replicas", json!(2)), []);
    assert_eq!(ask("metadata.labels", json!({"app": "web"})), []);
    assert_eq!(ask(POD, json!({"containers": [{"name": "log"}]})), []);
}

#[test]
fn findings_say_where_what_and_what_instead() {
    assert_eq!(ask("spec.replicas", json!(3)), finding("spec.replicas", json!(3), json!(2)));
    assert_eq!(
        ask("metadata.annotations", json!({"a": "b"})),
        finding("metadata.annotations", json!({"a": "b"}), None)
    );
    let label = ask("metadata.labels", json!({"app.kubernetes.io/name": "web"}));
    assert_eq!(label, finding("metadata.labels[app.kubernetes.io/name]", json!("web"), None));
    let image = ask(POD, json!({"containers": [{"name": "web", "image": "nginx:1.27"}]}));
    assert_eq!(image, finding("spec.template.spec.containers[web].image", json!("nginx:1.27"), json!("nginx:1.25")));
    assert_eq!(image[0].to_string(), "spec.template.spec.containers[web].image: expected nginx:1.27, found nginx:1.25");
}

#[test]
fn quantities_and_texts_of_numbers_match_by_value() {
    let limits = |cpu: &str, memory: &str| json!({"containers": [{"name": "web", "resources": {"limits": {"cpu": cpu, "memory": memory}}}]});
    assert_eq!(ask(POD, limits("0.5", "1024Mi")), []);
    let path = "spec.template.spec.containers[web].resources.limits.memory";
    assert_eq!(ask(POD, limits("0.5", "1G")), finding(path, json!("1G"), json!("1Gi")));
    assert_eq!(ask(POD, json!({"volumes": [{"emptyDir": {"sizeLimit": "0.5Gi"}}]})), []);
    assert_eq!(ask("spec.replicas", json!("2")), []);
    assert_eq!(ask("spec.strategy.rollingUpdate", json!({"maxSurge": "25%", "maxUnavailable": "1"})), []);
    assert_eq!(ask(POD, json!({"containers": [{"name": "web", "env": [{"name": "A", "value": 1}]}]})), []);
}

#[test]
fn elements_are_found_by_their_merge_key() {
    let env = |list: Value| json!({"containers": [{"name": "web", "env": list}]});
    assert_eq!(ask(POD, env(json!([{"name": "B", "value": "2"}]))), []);
    let wrong = ask(POD, env(json!([{"name": "B", "value": "1"}])));
    assert_eq!(wrong, finding("spec.template.spec.containers[web].env[B].value", json!("1"), json!("2")));
    let missing = ask(POD, env(json!([{"name": "C"}])));
    assert_eq!(missing, finding("spec.template.spec.containers[web].env[C]", json!({"name": "C"}), None));
    let ports = |list: Value| json!({"containers": [{"name": "web", "ports": list}]});
    assert_eq!(
        ask(POD, ports(json!([{"containerPort": 53, "name": "dns"}, {"containerPort": 53, "protocol": "UDP"}]))),
        []
    );
    // What says less takes nothing from what says more.
    assert_eq!(ask(POD, ports(json!([{"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}]))), []);
    let twice = ask(POD, ports(json!([{"containerPort": 80}, {"containerPort": 80}])));
    assert_eq!(
        twice,
        finding("spec.template.spec.containers[web].ports[containerPort=80]", json!({"containerPort": 80}), None)
    );
}

#[test]
fn elements_without_a_key_match_in_any_order_each_its_own() {
    let tolerations = |list: Value| ask(POD, json!({"tolerations": list}));
    assert_eq!(tolerations(json!([{"key": "b"}, {"key": "a"}])), []);
    assert_eq!(tolerations(json!([{"operator": "Exists"}, {"key": "a"}])), []);
    let near = tolerations(json!([{"key": "a", "operator": "Exists", "effect": "NoExecute"}]));
    assert_eq!(near, finding("spec.template.spec.tolerations[0].effect", json!("NoExecute"), json!("NoSchedule")));
    let far = tolerations(json!([{"key": "c"}]));
    assert_eq!(far, finding("spec.template.spec.tolerations[*]", json!({"key": "c"}), None));
    let third = tolerations(json!([{"operator": "Exists"}, {"operator": "Exists"}, {"operator": "Exists"}]));
    assert_eq!(third, finding("spec.template.spec.tolerations[*]", json!({"operator": "Exists"}), None));
    // Without a name a container may be any container.
    assert_eq!(ask(POD, json!({"containers": [{"image": "busybox"}]})), []);
}

#[test]
fn command_lines_match_as_a_whole_and_in_order() {
    let command = |list: Value| ask(POD, json!({"containers": [{"name": "web", "command": list}]}));
    assert_eq!(command(json!(["nginx", "-g"])), []);
    let path = "spec.template.spec.containers[web].command";
    assert_eq!(command(json!(["nginx"])), finding(path, json!(["nginx"]), json!(["nginx", "-g"])));
    assert_eq!(command(json!(["-g", "nginx"])).len(), 1);
}

#[test]
fn null_asks_for_absence_and_defaults_count_as_absent() {
    assert_eq!(ask("spec.paused", Value::Null), []);
    assert_eq!(ask("spec.replicas", Value::Null), finding("spec.replicas", Value::Null, json!(2)));
    assert_eq!(ask(POD, json!({"securityContext": null, "hostNetwork": null, "initContainers": null})), []);
    assert_eq!(
        ask(POD, json!({"containers": [{"name": "log", "resources": {"limits": null}, "ports": [], "tty": false}]})),
        []
    );
    assert_eq!(ask(POD, json!({"hostNetwork": false, "dnsConfig": {"nameservers": null}})), []);
    // Pointers: absent is not false, and an absent emptyDir is not an empty one.
    assert_eq!(ask(POD, json!({"automountServiceAccountToken": false})).len(), 1);
    assert_eq!(ask(POD, json!({"volumes": [{"name": "tmp", "emptyDir": null}]})).len(), 1);
    assert_eq!(ask(POD, json!({"volumes": [{"name": "tmp", "configMap": {}}]})).len(), 1);
    assert_eq!(ask(POD, json!({"volumes": [{"name": "tmp", "emptyDir": {}}]})), []);
}

#[test]
fn empty_means_empty_where_empty_means_everything() {
    let policy = |spec: Value| json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": spec});
    let fits = |expected: Value, found: Value| matches(&policy(expected), &policy(found.clone()), of(&policy(found)));
    assert!(fits(json!({"podSelector": {}}), json!({"podSelector": {}})));
    assert!(!fits(json!({"podSelector": {}}), json!({"podSelector": {"matchLabels": {"a": "b"}}})));
    assert!(fits(json!({"ingress": [{}]}), json!({"ingress": [{}]})));
    assert!(!fits(json!({"ingress": [{}]}), json!({"ingress": [{"from": [{"podSelector": {}}]}]})));
    assert!(fits(json!({"ingress": []}), json!({"policyTypes": ["Ingress"]})));
    assert!(!fits(json!({"ingress": []}), json!({"ingress": [{}]})));
    assert!(fits(json!({"policyTypes": ["Egress"]}), json!({"policyTypes": ["Ingress", "Egress"]})));
    let from = json!({"ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "x"}}}], "ports": [{"port": 80, "protocol": "TCP"}]}]});
    assert!(fits(from.clone(), from));
}

#[test]
fn lists_of_scalars_hold_what_is_expected_in_any_order() {
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {"accessModes": ["ReadWriteOnce", "ReadOnlyMany"], "resources": {"requests": {"storage": "1Gi"}}}});
    let ask = |modes: Value| find(&json!({"spec": {"accessModes": modes}}), &claim, of(&claim));
    assert_eq!(ask(json!(["ReadOnlyMany"])), []);
    let whole = json!(["ReadWriteOnce", "ReadOnlyMany"]);
    assert_eq!(ask(json!(["ReadWriteMany"])), finding("spec.accessModes", json!(["ReadWriteMany"]), whole));
}

#[test]
fn secrets_match_by_their_text() {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "data": {"user": "YWRtaW4=", "pass": "czNjcmV0"}});
    assert_eq!(find(&json!({"stringData": {"user": "admin"}}), &secret, of(&secret)), []);
    let wrong = find(&json!({"stringData": {"pass": "x"}}), &secret, of(&secret));
    assert_eq!(wrong, finding("stringData.pass", json!("x"), json!("s3cret")));
    assert_eq!(find(&json!({"stringData": {"none": "x"}}), &secret, of(&secret)).len(), 1);
}

#[test]
fn objects_without_a_schema_match_too() {
    let widget = json!({"spec": {"size": 3, "parts": [{"name": "a", "n": 1}, {"name": "b", "n": 2}], "memory": "1Gi"}});
    assert!(matches(&json!({"spec": {"parts": [{"n": 2}], "size": "3"}}), &widget, None));
    assert!(!matches(&json!({"spec": {"memory": "1024Mi"}}), &widget, None));
    let near = find(&json!({"spec": {"parts": [{"name": "b", "n": 1}]}}), &widget, None);
    assert_eq!(near.len(), 1);
}

#[test]
fn shapes_that_differ_are_found_not_followed() {
    assert_eq!(ask("spec.replicas", json!({"a": 1})), finding("spec.replicas", json!({"a": 1}), json!(2)));
    assert_eq!(ask("metadata.labels", json!(["a"])).len(), 1);
    assert_eq!(find(&json!({"a": 1}), &json!(3), None).len(), 1);
}

#[test]
fn findings_survive_json() {
    let all = ask("metadata", json!({"name": "x", "annotations": {"a": "b"}}));
    let text = serde_json::to_string(&all).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Finding>>(&text).unwrap(), all);
}

/// Part of a tree: some keys and elements left out, never all: an empty map may mean everything.
fn part_of(tree: &Value, keep: &mut impl Iterator<Item = bool>) -> Value {
    match tree {
        Value::Object(fields) => {
            let key = |name: &str| matches!(name, "name" | "containerPort" | "protocol");
            let kept: Value = fields
                .iter()
                .filter(|(name, _)| keep.next().unwrap_or(true) || key(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            let kept = if kept.as_object().is_some_and(|kept| kept.is_empty()) { tree } else { &kept };
            let parts = kept.as_object().into_iter().flatten();
            parts.map(|(name, value)| (name.clone(), part_of(value, keep))).collect()
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let kept: Vec<Value> = items.iter().rev().filter(|_| keep.next().unwrap_or(true)).cloned().collect();
            let kept = if kept.is_empty() { items } else { &kept };
            kept.iter().map(|item| part_of(item, keep)).collect()
        }
        other => other.clone(),
    }
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3).prop_map(Value::from),
        "[a-c1]{0,2}".prop_map(Value::from)
    ];
    let names = "spec|template|containers|ports|containerPort|name|resources|limits|cpu|data|stringData|command|metadata|labels";
    leaf.prop_recursive(6, 48, 4, move |inner| {
        let map = prop::collection::btree_map(names, inner.clone(), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..3).prop_map(Value::from),
            map.prop_map(|map| map.into_iter().collect::<Value>())
        ]
    })
}

proptest! {
    #[test]
    fn anything_matches_itself(tree in tree()) {
        for kind in [schema::of("apps/v1", "Deployment"), schema::of("v1", "ConfigMap"), None] {
            prop_assert_eq!(find(&tree, &tree, kind), []);
        }
    }

    #[test]
    fn nothing_panics(expected in tree(), found in tree()) {
        let _ = crate::object::diff::text(&find(&expected, &found, schema::of("apps/v1", "Deployment")));
        let _ = find(&expected, &found, schema::of("v1", "Secret"));
    }

    #[test]
    fn every_part_of_an_object_matches_it(keep in prop::collection::vec(any::<bool>(), 80)) {
        let object = deployment();
        let part = part_of(&object, &mut keep.into_iter());
        prop_assert_eq!(find(&part, &object, of(&object)), []);
    }

    #[test]
    fn a_change_in_a_part_is_found(replicas in 3i64..99, image in "[a-z]{1,5}") {
        let found = ask("spec", json!({"replicas": replicas, "template": {"spec": {"containers": [{"name": "log", "image": format!("x{image}")}]}}}));
        let paths: Vec<&str> = found.iter().map(|finding| finding.path.as_str()).collect();
        prop_assert_eq!(paths, ["spec.replicas", "spec.template.spec.containers[log].image"]);
    }
}
