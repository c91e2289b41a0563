//! ReplicaSets and ReplicationControllers: numbers kept, orphans adopted, Pods released, failures told.
//! Which Pod goes first is tried beside the code.

use std::time::Duration;

use kubedrill::object::meta;
use serde_json::json;

use super::{World, counter, said, template, workload};

#[tokio::test(start_paused = true)]
async fn pods_are_made_owned_and_counted() {
    let world = World::with(&["replicaset-controller"]);
    let set = world.make(workload("ReplicaSet", "web", 3));
    world.live().await;
    let pods = world.active();
    assert_eq!(pods.len(), 3);
    for pod in &pods {
        assert!(meta::name(pod).starts_with("web-") && meta::name(pod).len() == 9, "{}", meta::name(pod));
        assert_eq!(pod["metadata"]["ownerReferences"], json!([meta::controller_reference(&set)]));
        assert_eq!(pod["metadata"]["labels"], json!({"app": "web"}));
    }
    let status = world.get("ReplicaSet", "web")["status"].clone();
    let expected = json!({
        "replicas": 3, "fullyLabeledReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
        "terminatingReplicas": 0, "observedGeneration": 1,
    });
    assert_eq!(status, expected);
    let created = world.events("ReplicaSet");
    assert_eq!(created.len(), 3);
    assert!(created[0].starts_with("SuccessfulCreate: Created pod: web-"), "{created:?}");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_pod_is_replaced_and_the_unready_go_first() {
    let world = World::with(&["replicaset-controller"]);
    world.make(workload("ReplicaSet", "web", 3));
    world.live().await;
    let victim = world.names("Pod").remove(0);
    world.delete("Pod", &victim, None);
    world.settle().await;
    assert_eq!(counter(&world.get("ReplicaSet", "web"), "terminatingReplicas"), 1);
    assert_eq!(world.active().len(), 3, "replaced before the old one is gone");
    world.change("ReplicaSet", "web", json!({"spec": {"replicas": 2}}));
    world.settle().await;
    let left = world.active();
    assert!(left.iter().all(|pod| meta::text(pod, "/status/phase") == "Running"), "the pending one went");
    assert!(world.events("ReplicaSet").iter().any(|event| event.starts_with("SuccessfulDelete: Deleted pod: web-")));
}

#[tokio::test(start_paused = true)]
async fn orphans_are_adopted_and_relabelled_pods_released() {
    let world = World::with(&["replicaset-controller"]);
    let mut orphan = json!({"apiVersion": "v1", "kind": "Pod"});
    orphan["metadata"] = json!({"name": "lonely", "labels": {"app": "web"}});
    orphan["spec"] = template("web", "nginx")["spec"].clone();
    world.make(orphan);
    let set = world.make(workload("ReplicaSet", "web", 2));
    world.live().await;
    assert_eq!(world.active().len(), 2);
    assert_eq!(meta::text(meta::controller_of(&world.get("Pod", "lonely")).unwrap(), "/uid"), meta::uid(&set));
    world.change("Pod", "lonely", json!({"metadata": {"labels": {"app": "debug"}}}));
    world.live().await;
    assert_eq!(meta::controller_of(&world.get("Pod", "lonely")), None);
    assert_eq!(world.active().len(), 3, "the released one and two of the set");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_told_once_and_tried_again() {
    let world = World::with(&["replicaset-controller"]);
    let mut set = workload("ReplicaSet", "web", 4);
    set["spec"]["template"]["spec"]["serviceAccountName"] = json!("missing");
    world.make(set);
    world.settle().await;
    let failed = world.get("ReplicaSet", "web");
    assert_eq!(said(&failed, "ReplicaFailure"), ("True".to_owned(), "FailedCreate".to_owned()));
    let events = world.events("ReplicaSet");
    let words = "is forbidden: error looking up service account default/missing: serviceaccount \"missing\" not found";
    assert!(
        events[0].starts_with("FailedCreate: Error creating: pods \"web-") && events[0].ends_with(words),
        "{events:?}"
    );
    assert!(events.len() < 12, "not every missing Pod is tried every time: {}", events.len());
    world.make(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "missing"}}));
    world.pass(Duration::from_secs(30)).await;
    let mended = world.get("ReplicaSet", "web");
    assert_eq!(world.active().len(), 4);
    assert_eq!(said(&mended, "ReplicaFailure"), (String::new(), String::new()));
}

#[tokio::test(start_paused = true)]
async fn available_is_ready_for_long_enough() {
    let world = World::with(&["replicaset-controller"]);
    let mut set = workload("ReplicaSet", "web", 2);
    set["spec"]["minReadySeconds"] = json!(10);
    world.make(set);
    world.live().await;
    let early = world.get("ReplicaSet", "web");
    assert_eq!((counter(&early, "readyReplicas"), counter(&early, "availableReplicas")), (2, 0));
    world.pass(Duration::from_secs(11)).await;
    assert_eq!(counter(&world.get("ReplicaSet", "web"), "availableReplicas"), 2);
}

#[tokio::test(start_paused = true)]
async fn replication_controllers_do_the_same() {
    let world = World::with(&["replication-controller"]);
    world.make(json!({
        "apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "old"},
        "spec": {"replicas": 2, "selector": {"app": "old"}, "template": template("old", "nginx")},
    }));
    world.live().await;
    let status = world.get("ReplicationController", "old")["status"].clone();
    assert_eq!(world.active().len(), 2);
    assert_eq!(status["readyReplicas"], 2);
    assert_eq!(status.get("terminatingReplicas"), None);
}
