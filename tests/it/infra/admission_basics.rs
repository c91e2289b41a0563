//! What every Pod gets and needs: a namespace that stays, an account, a priority, tolerations.
//! Quotas, limits and pod security stand in files of their own.

use kubedrill::sim::apiserver::endpoints::DeleteOptions;
use kubedrill::sim::apiserver::registry::kinds::namespace::NAMESPACE;
use serde_json::json;

use super::{World, pod};

fn namespace(name: &str) -> serde_json::Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })
}

#[tokio::test(start_paused = true)]
async fn nothing_is_created_where_no_namespace_is_or_stays() {
    let world = World::new();
    let mut lost = pod("web");
    lost["metadata"]["namespace"] = json!("nowhere");
    let refused = world.try_make(lost.clone()).unwrap_err();
    assert_eq!((refused.code, refused.message.as_str()), (404, "namespaces \"nowhere\" not found"));

    world.make(namespace("nowhere"));
    world.make(lost.clone());
    world.client.delete(&NAMESPACE, "", "nowhere", &DeleteOptions::default()).unwrap();
    lost["metadata"]["name"] = json!("late");
    let refused = world.try_make(lost).unwrap_err();
    assert_eq!(
        refused.message,
        "pods \"late\" is forbidden: unable to create new content in namespace nowhere because it is being terminated"
    );
    let causes = &refused.to_value()["details"]["causes"];
    assert_eq!(
        causes[0],
        json!({ "reason": "NamespaceTerminating", "message": "namespace nowhere is being terminated", "field": "metadata.namespace" })
    );
}

#[tokio::test(start_paused = true)]
async fn some_namespaces_stay() {
    let world = World::new();
    let refused = world.client.delete(&NAMESPACE, "", "kube-system", &DeleteOptions::default()).err().unwrap();
    assert_eq!(refused.message, "namespaces \"kube-system\" is forbidden: this namespace may not be deleted");
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_somebody_and_carries_a_token() {
    let world = World::new();
    let made = world.make(pod("web"));
    let volume = &made["spec"]["volumes"][0];
    let name = volume["name"].as_str().unwrap();
    assert!(name.starts_with("kube-api-access-") && name.len() == 21, "{name}");
    assert_eq!(volume["projected"]["defaultMode"], 420);
    assert_eq!(
        volume["projected"]["sources"],
        json!([
            { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
            { "configMap": { "items": [{ "key": "ca.crt", "path": "ca.crt" }], "name": "kube-root-ca.crt" } },
            { "downwardAPI": { "items": [{ "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" }, "path": "namespace" }] } },
        ])
    );
    let mount = &made["spec"]["containers"][0]["volumeMounts"][0];
    assert_eq!(
        *mount,
        json!({ "name": name, "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount" })
    );
    assert_eq!(made["spec"]["serviceAccountName"], "default");
    assert_eq!(made["spec"]["serviceAccount"], "default");

    let mut quiet = pod("quiet");
    quiet["spec"]["automountServiceAccountToken"] = json!(false);
    assert!(world.make(quiet)["spec"].get("volumes").is_none());
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_not_there_is_asked_for_in_vain() {
    let world = World::new();
    let mut stranger = pod("web");
    stranger["spec"]["serviceAccountName"] = json!("builder");
    assert_eq!(
        world.refusal(stranger.clone()),
        "pods \"web\" is forbidden: error looking up service account default/builder: serviceaccount \"builder\" not found"
    );
    stranger["metadata"] = json!({ "generateName": "web-5d4b7-" });
    assert_eq!(
        world.refusal(stranger.clone()),
        "pods \"web-5d4b7-\" is forbidden: error looking up service account default/builder: serviceaccount \"builder\" not found"
    );
    world.make(json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": { "name": "builder" },
        "imagePullSecrets": [{ "name": "registry" }],
        "automountServiceAccountToken": false,
    }));
    let made = world.make(stranger);
    assert_eq!(made["spec"]["imagePullSecrets"], json!([{ "name": "registry" }]));
    assert!(made["spec"].get("volumes").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_class_gives_the_priority() {
    let world = World::new();
    let class = |name: &str, value: i64, default: bool| json!({ "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": { "name": name }, "value": value, "globalDefault": default });
    let plain = world.make(pod("plain"));
    assert_eq!(
        (&plain["spec"]["priority"], &plain["spec"]["preemptionPolicy"]),
        (&json!(0), &json!("PreemptLowerPriority"))
    );

    let mut high = pod("high");
    high["spec"]["priorityClassName"] = json!("high");
    assert_eq!(world.refusal(high.clone()), "pods \"high\" is forbidden: no PriorityClass with name high was found");
    world.make(class("high", 1000, false));
    assert_eq!(world.make(high.clone())["spec"]["priority"], 1000);
    high["metadata"]["name"] = json!("liar");
    high["spec"]["priority"] = json!(7);
    assert_eq!(
        world.refusal(high),
        "pods \"liar\" is forbidden: the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 1000 from the given PriorityClass name"
    );

    world.make(class("usual", 5, true));
    let usual = world.make(pod("usual"));
    assert_eq!((&usual["spec"]["priorityClassName"], &usual["spec"]["priority"]), (&json!("usual"), &json!(5)));
    assert_eq!(
        world.refusal(class("other", 6, true)),
        "priorityclasses.scheduling.k8s.io \"other\" is forbidden: PriorityClass usual is already marked as default. Only one default can exist"
    );
}

#[tokio::test(start_paused = true)]
async fn pods_wait_five_minutes_for_their_node() {
    let world = World::new();
    let tolerations = world.make(pod("web"))["spec"]["tolerations"].clone();
    let toleration =
        |key: &str| json!({ "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 });
    assert_eq!(
        tolerations,
        json!([toleration("node.kubernetes.io/not-ready"), toleration("node.kubernetes.io/unreachable")])
    );
    let mut all = pod("all");
    all["spec"]["tolerations"] = json!([{ "operator": "Exists" }]);
    assert_eq!(world.make(all)["spec"]["tolerations"], json!([{ "operator": "Exists" }]));
}

#[tokio::test(start_paused = true)]
async fn a_new_node_takes_no_pods_yet() {
    let world = World::new();
    let made = world.make(json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "node09" } }));
    assert_eq!(made["spec"]["taints"], json!([{ "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule" }]));
}
