//! What a namespace has from its birth, and how it goes.
//! That nothing is created in one that goes stands in `admission_basics.rs`.

use kubedrill::sim::apiserver::endpoints::DeleteOptions;
use kubedrill::sim::apiserver::registry::kinds::configmap::CONFIGMAP;
use kubedrill::sim::apiserver::registry::kinds::namespace::NAMESPACE;
use kubedrill::sim::apiserver::registry::kinds::pod::POD;
use kubedrill::sim::apiserver::registry::kinds::serviceaccount::SERVICEACCOUNT;
use serde_json::{Value, json};

use super::{World, pod};

const CONTROLLERS: &[&str] =
    &["namespace-controller", "service-account-controller", "root-ca-certificate-publisher-controller"];

fn namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })
}

fn conditions(world: &World, name: &str) -> Vec<String> {
    let found = world.client.get(&NAMESPACE, "", name).unwrap();
    let text = |condition: &Value, key: &str| condition[key].as_str().unwrap_or_default().to_owned();
    let conditions = found["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let bad = conditions.iter().filter(|condition| condition["status"] == "True");
    bad.map(|condition| format!("{}: {}", text(condition, "reason"), text(condition, "message"))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_namespace_has_an_account_and_the_clusters_certificate() {
    let world = World::with_controllers(CONTROLLERS);
    world.make(namespace("orion"));
    world.settle().await;
    assert!(world.client.find(&SERVICEACCOUNT, "orion", "default").is_some());
    let map = world.client.get(&CONFIGMAP, "orion", "kube-root-ca.crt").unwrap();
    assert_eq!(map["data"]["ca.crt"], json!(world.authority.certificate_pem()));

    world.client.delete(&SERVICEACCOUNT, "orion", "default", &DeleteOptions::default()).unwrap();
    world.client.merge(&CONFIGMAP, "orion", "kube-root-ca.crt", json!({ "data": { "ca.crt": "other" } })).unwrap();
    world.settle().await;
    assert!(world.client.find(&SERVICEACCOUNT, "orion", "default").is_some(), "it comes back");
    assert_eq!(world.client.get(&CONFIGMAP, "orion", "kube-root-ca.crt").unwrap()["data"], map["data"]);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_goes_with_all_it_holds() {
    let world = World::with_controllers(CONTROLLERS);
    world.make(namespace("orion"));
    let held = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "held", "namespace": "orion", "finalizers": ["example.com/hold"] } });
    world.make(held);
    let mut web = pod("web");
    web["metadata"]["namespace"] = json!("orion");
    web["spec"]["nodeName"] = json!("node01");
    world.make(web);
    world.settle().await;

    world.client.delete(&NAMESPACE, "", "orion", &DeleteOptions::default()).unwrap();
    world.settle().await;
    let found = world.client.get(&NAMESPACE, "", "orion").unwrap();
    assert_eq!(found["status"]["phase"], "Terminating");
    assert!(world.client.find(&CONFIGMAP, "orion", "kube-root-ca.crt").is_some(), "Pods go first");

    // What a kubelet does when the Pod has stopped.
    world.client.delete(&POD, "orion", "web", &DeleteOptions::now()).unwrap();
    world.settle().await;
    assert!(world.client.find(&CONFIGMAP, "orion", "kube-root-ca.crt").is_none());
    assert_eq!(
        conditions(&world, "orion"),
        [
            "SomeResourcesRemain: Some resources are remaining: configmaps. has 1 resource instances",
            "SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
        ]
    );

    world.client.merge(&CONFIGMAP, "orion", "held", json!({ "metadata": { "finalizers": null } })).unwrap();
    world.pass(3).await;
    assert!(world.client.find(&NAMESPACE, "", "orion").is_none());
}
