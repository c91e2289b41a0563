//! StatefulSets: names, claims, order up and down, updates from the end, partitions.
//! What an ordinal is, is tried beside the code.

use kubedrill::object::meta;
use kubedrill::sim::apiserver::storage::Object;
use serde_json::{Value, json};

use super::{World, counter, workload};

const ONE: &[&str] = &["statefulset-controller"];

fn set(replicas: i64, more: Value) -> Value {
    let mut set = workload("StatefulSet", "db", replicas);
    set["spec"]["serviceName"] = json!("db");
    set["spec"]["volumeClaimTemplates"] = json!([{
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }]);
    for (key, value) in more.as_object().unwrap() {
        set["spec"][key] = value.clone();
    }
    set
}

fn set_image(world: &World, image: &str) {
    let containers = json!([{ "name": "c", "image": image }]);
    world.change("StatefulSet", "db", json!({"spec": {"template": {"spec": {"containers": containers}}}}));
}

fn images(world: &World) -> Vec<String> {
    world.active().iter().map(|pod| meta::text(pod, "/spec/containers/0/image").to_owned()).collect()
}

fn status(world: &World) -> Object {
    world.get("StatefulSet", "db")
}

#[tokio::test(start_paused = true)]
async fn each_waits_for_the_one_before_and_has_its_claim() {
    let world = World::with(ONE);
    world.make(set(3, json!({})));
    world.settle().await;
    assert_eq!(world.names("Pod"), ["db-0"]);
    world.kubelet();
    world.settle().await;
    assert_eq!(world.names("Pod"), ["db-0", "db-1"]);
    world.live().await;
    assert_eq!(world.names("Pod"), ["db-0", "db-1", "db-2"]);
    assert_eq!(world.names("PersistentVolumeClaim"), ["data-db-0", "data-db-1", "data-db-2"]);
    let pod = world.get("Pod", "db-1");
    let revision = meta::text(&status(&world), "/status/updateRevision").to_owned();
    let labels = json!({
        "app": "db", "apps.kubernetes.io/pod-index": "1", "statefulset.kubernetes.io/pod-name": "db-1",
        "controller-revision-hash": revision,
    });
    assert_eq!(pod["metadata"]["labels"], labels);
    assert_eq!((meta::text(&pod, "/spec/hostname"), meta::text(&pod, "/spec/subdomain")), ("db-1", "db"));
    assert_eq!(pod["spec"]["volumes"][0], json!({"name": "data", "persistentVolumeClaim": {"claimName": "data-db-1"}}));
    assert_eq!(world.get("PersistentVolumeClaim", "data-db-1")["metadata"]["labels"], json!({"app": "db"}));
    let events = world.events("StatefulSet");
    let expected = [
        "SuccessfulCreate: Create Claim data-db-0 Pod db-0 in StatefulSet db success",
        "SuccessfulCreate: Create Pod db-0 in StatefulSet db successful",
    ];
    assert_eq!(events[..2], expected);
    let expected = json!({
        "replicas": 3, "readyReplicas": 3, "availableReplicas": 3, "currentReplicas": 3, "updatedReplicas": 3,
        "currentRevision": revision, "updateRevision": revision, "collisionCount": 0, "observedGeneration": 1,
    });
    assert_eq!(status(&world)["status"], expected);
}

#[tokio::test(start_paused = true)]
async fn scaling_down_takes_the_last_first_and_keeps_claims() {
    let world = World::with(ONE);
    world.make(set(3, json!({})));
    world.live().await;
    world.change("StatefulSet", "db", json!({"spec": {"replicas": 1}}));
    world.settle().await;
    let ending = |name: &str| meta::is_terminating(&world.get("Pod", name));
    assert!(ending("db-2") && !ending("db-1"), "one at a time, from the end");
    world.live().await;
    assert_eq!(world.names("Pod"), ["db-0"]);
    assert_eq!(world.list("PersistentVolumeClaim").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_update_goes_from_the_end_and_stops_at_the_partition() {
    let world = World::with(ONE);
    world.make(set(3, json!({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}})));
    world.live().await;
    set_image(&world, "db:2");
    world.live().await;
    assert_eq!(images(&world), ["nginx:1.27", "nginx:1.27", "db:2"]);
    let now = status(&world);
    assert_eq!((counter(&now, "updatedReplicas"), counter(&now, "currentReplicas")), (1, 2));
    assert_ne!(now["status"]["currentRevision"], now["status"]["updateRevision"]);
    world.delete("Pod", "db-0", None);
    world.live().await;
    assert_eq!(images(&world)[0], "nginx:1.27", "below the partition a Pod comes back as it was");
    world.change("StatefulSet", "db", json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}}));
    world.settle().await;
    let ending: Vec<bool> = world.list("Pod").iter().map(|pod| meta::is_terminating(pod)).collect();
    assert_eq!(ending, [false, true, false], "then one by one downwards");
    world.live().await;
    assert_eq!(images(&world), ["db:2"; 3]);
    let now = status(&world);
    assert_eq!(now["status"]["currentRevision"], now["status"]["updateRevision"]);
    let mut revisions: Vec<i64> =
        world.list("ControllerRevision").iter().map(|found| found["revision"].as_i64().unwrap()).collect();
    revisions.sort_unstable();
    assert_eq!(revisions, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn in_parallel_nobody_waits_and_on_delete_nobody_is_replaced() {
    let world = World::with(ONE);
    world.make(set(3, json!({"podManagementPolicy": "Parallel", "updateStrategy": {"type": "OnDelete"}})));
    world.settle().await;
    assert_eq!(world.list("Pod").len(), 3);
    world.live().await;
    set_image(&world, "db:2");
    world.live().await;
    assert_eq!(images(&world), ["nginx:1.27"; 3]);
    world.delete("Pod", "db-1", None);
    world.live().await;
    assert_eq!(images(&world), ["nginx:1.27", "db:2", "nginx:1.27"]);
}

#[tokio::test(start_paused = true)]
async fn claims_follow_the_retention_policy() {
    let world = World::with(ONE);
    let policy = json!({"whenScaled": "Delete", "whenDeleted": "Delete"});
    let owner_kind = |name: &str| {
        let claim = world.get("PersistentVolumeClaim", name);
        meta::controller_of(&claim).map(|owner| meta::text(owner, "/kind").to_owned())
    };
    world.make(set(2, json!({"persistentVolumeClaimRetentionPolicy": policy})));
    world.live().await;
    assert_eq!(owner_kind("data-db-1").as_deref(), Some("StatefulSet"));
    world.change("StatefulSet", "db", json!({"spec": {"replicas": 1}}));
    world.settle().await;
    assert_eq!(owner_kind("data-db-1").as_deref(), Some("Pod"), "it goes with its Pod");
    assert_eq!(owner_kind("data-db-0").as_deref(), Some("StatefulSet"));
}

#[tokio::test(start_paused = true)]
async fn a_failed_pod_comes_back_under_its_name() {
    let world = World::with(ONE);
    world.make(set(2, json!({})));
    world.live().await;
    let before = world.get("Pod", "db-0");
    world.report(&before, "Failed", false);
    world.live().await;
    assert_ne!(meta::uid(&world.get("Pod", "db-0")), meta::uid(&before));
    assert_eq!(counter(&status(&world), "readyReplicas"), 2);
}
