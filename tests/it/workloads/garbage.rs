//! Deleting what owns others: in the background, in the foreground, and leaving orphans behind.
//! The workload controllers run beside the garbage collector, as they would undo its work if it were wrong.

use std::time::Duration;

use kubedrill::object::meta;
use kubedrill::sim::apiserver::endpoints::{DeleteOptions, Propagation};
use serde_json::{Value, json};

use super::{World, workload};

const ALL: &[&str] = &["generic-garbage-collector", "deployment-controller", "replicaset-controller"];

fn config_map(name: &str, owners: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "ownerReferences": owners}})
}

fn owner(object: &Value, blocks: bool) -> Value {
    json!({
        "apiVersion": object["apiVersion"], "kind": object["kind"], "name": meta::name(object), "uid": meta::uid(object),
        "blockOwnerDeletion": blocks,
    })
}

async fn with_deployment() -> World {
    let world = World::with(ALL);
    world.make(workload("Deployment", "web", 2));
    world.live().await;
    world
}

#[tokio::test(start_paused = true)]
async fn in_the_background_the_owner_goes_first() {
    let world = with_deployment().await;
    world.delete("Deployment", "web", None);
    assert_eq!(world.find("Deployment", "web"), None);
    world.live().await;
    assert_eq!((world.names("ReplicaSet"), world.names("Pod")), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn in_the_foreground_the_owner_goes_last() {
    let world = with_deployment().await;
    world.delete("Deployment", "web", Some(Propagation::Foreground));
    world.settle().await;
    assert!(meta::is_terminating(&world.get("Deployment", "web")));
    assert!(meta::is_terminating(&world.list("ReplicaSet")[0]), "it waits for its Pods");
    assert!(world.list("Pod").iter().all(|pod| meta::is_terminating(pod)));
    world.live().await;
    assert_eq!((world.names("Pod"), world.names("ReplicaSet"), world.names("Deployment")), (vec![], vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn orphans_stay_and_are_adopted_by_who_comes_next() {
    let world = with_deployment().await;
    let pods = world.names("Pod");
    world.delete("Deployment", "web", Some(Propagation::Orphan));
    world.live().await;
    assert_eq!(world.find("Deployment", "web"), None);
    let set = world.list("ReplicaSet").remove(0);
    assert_eq!((meta::controller_of(&set), world.names("Pod")), (None, pods.clone()));
    let again = world.make(workload("Deployment", "web", 2));
    world.live().await;
    let set = world.list("ReplicaSet").remove(0);
    assert_eq!(meta::controller_of(&set).map(|owner| meta::text(owner, "/uid")), Some(meta::uid(&again)));
    assert_eq!(world.names("Pod"), pods);
}

#[tokio::test(start_paused = true)]
async fn who_has_another_owner_stays_and_who_never_had_one_goes() {
    let world = World::with(ALL);
    let one = world.make(config_map("one", json!([])));
    let two = world.make(config_map("two", json!([])));
    world.make(config_map("shared", json!([owner(&one, false), owner(&two, false)])));
    world.make(config_map("chained", json!([owner(&one, false)])));
    let mut stranger = owner(&one, false);
    stranger["uid"] = json!("00000000-0000-4000-8000-000000000000");
    world.make(config_map("stranger", json!([stranger])));
    let mut unknown = owner(&one, false);
    unknown["kind"] = json!("Widget");
    world.make(config_map("unknown", json!([unknown])));
    world.delete("ConfigMap", "one", None);
    world.settle().await;
    assert_eq!(world.names("ConfigMap"), ["shared", "two", "unknown"]);
    assert_eq!(world.get("ConfigMap", "shared")["metadata"]["ownerReferences"], json!([owner(&two, false)]));
}

#[tokio::test(start_paused = true)]
async fn only_those_who_block_are_waited_for_and_circles_end() {
    let world = World::with(ALL);
    let one = world.make(config_map("one", json!([])));
    let two = world.make(config_map("two", json!([owner(&one, true)])));
    world.change("ConfigMap", "one", json!({"metadata": {"ownerReferences": [owner(&two, true)]}}));
    let mut held = config_map("held", json!([owner(&one, false)]));
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    world.make(held);
    world.delete("ConfigMap", "one", Some(Propagation::Foreground));
    world.settle().await;
    assert_eq!(world.names("ConfigMap"), ["held"]);
    assert!(meta::is_terminating(&world.get("ConfigMap", "held")));
}

#[tokio::test(start_paused = true)]
async fn what_a_custom_resource_owns_goes_with_it() {
    let world = World::with(&["generic-garbage-collector", "crd-establishing-controller"]);
    let schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    world.make(json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "crews.example.com" },
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": { "kind": "Crew", "plural": "crews", "singular": "crew" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } }],
        },
    }));
    world.settle().await;
    let crews = world.client.resource_of_kind("example.com/v1", "Crew").unwrap();
    let crew =
        json!({ "apiVersion": "example.com/v1", "kind": "Crew", "metadata": { "name": "a", "namespace": "default" } });
    let crew = world.client.create(crews, crew).unwrap();
    world.make(config_map("of-a", json!([owner(&crew, false)])));
    world.pass(Duration::from_secs(2)).await;
    assert!(world.find("ConfigMap", "of-a").is_some());
    world.client.delete(crews, "default", "a", &DeleteOptions::default()).unwrap();
    world.pass(Duration::from_secs(2)).await;
    assert_eq!(world.find("ConfigMap", "of-a"), None);
}
