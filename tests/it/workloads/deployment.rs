//! Deployments: rolled out, back, paused, scaled, stuck; by ReplicaSets with their revisions.
//! What the docs of Kubernetes show of rollouts is told here step by step.

use std::time::Duration;

use kubedrill::object::meta;
use kubedrill::sim::apiserver::storage::Object;
use serde_json::{Value, json};

use super::{World, counter, said, workload};

const BOTH: &[&str] = &["deployment-controller", "replicaset-controller"];

fn set_image(world: &World, image: &str) {
    let containers = json!([{ "name": "c", "image": image }]);
    world.change("Deployment", "web", json!({"spec": {"template": {"spec": {"containers": containers}}}}));
}

fn has_image(object: &Value, image: &str) -> bool {
    [object.pointer("/spec/containers/0/image"), object.pointer("/spec/template/spec/containers/0/image")]
        .iter()
        .flatten()
        .any(|found| **found == image)
}

fn set_of(world: &World, image: &str) -> Object {
    world
        .list("ReplicaSet")
        .into_iter()
        .find(|set| has_image(set, image))
        .unwrap_or_else(|| panic!("no set of {image}"))
}

fn revision(object: &Value) -> &str {
    meta::annotation(object, "deployment.kubernetes.io/revision").unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_rollout_goes_step_by_step_and_ends_complete() {
    let world = World::with(BOTH);
    world.make(workload("Deployment", "web", 4));
    world.live().await;
    let done = world.get("Deployment", "web");
    let status = &done["status"];
    for key in ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"] {
        assert_eq!(status[key], 4, "{key}: {status}");
    }
    assert_eq!((status.get("unavailableReplicas"), &status["terminatingReplicas"]), (None, &json!(0)));
    assert_eq!(said(&done, "Available"), ("True".to_owned(), "MinimumReplicasAvailable".to_owned()));
    assert_eq!(said(&done, "Progressing"), ("True".to_owned(), "NewReplicaSetAvailable".to_owned()));
    assert_eq!(revision(&done), "1");
    let first = set_of(&world, "nginx:1.27");
    let hash = meta::label(&first, "pod-template-hash").unwrap().to_owned();
    assert_eq!(meta::name(&first), format!("web-{hash}"));
    assert_eq!(first["spec"]["selector"]["matchLabels"], json!({"app": "web", "pod-template-hash": hash}));
    assert!(world.active().iter().all(|pod| meta::label(pod, "pod-template-hash") == Some(&hash)));

    set_image(&world, "nginx:1.28");
    for _ in 0..40 {
        world.settle().await;
        let ready = world.active().iter().filter(|pod| said(pod, "Ready").0 == "True").count();
        assert!((3..=5).contains(&ready), "at least 3 of 4 stay: {ready}");
        assert!(world.active().len() <= 5, "one more at most");
        world.kubelet();
    }
    world.live().await;
    assert!(world.active().iter().all(|pod| has_image(pod, "nginx:1.28")));
    let (first, second) = (first.clone(), set_of(&world, "nginx:1.28"));
    let (old, new) = (meta::name(&first), meta::name(&second));
    let events = world.events("Deployment");
    let expected = [
        format!("ScalingReplicaSet: Scaled up replica set {old} from 0 to 4"),
        format!("ScalingReplicaSet: Scaled up replica set {new} from 0 to 1"),
        format!("ScalingReplicaSet: Scaled down replica set {old} from 4 to 3"),
        format!("ScalingReplicaSet: Scaled up replica set {new} from 1 to 2"),
    ];
    assert_eq!(events[..4], expected, "{events:#?}");
    assert_eq!(events.last().unwrap(), &format!("ScalingReplicaSet: Scaled down replica set {old} from 1 to 0"));
    assert_eq!(world.get("Deployment", "web")["status"]["observedGeneration"], 2);
    assert_eq!(second["metadata"]["annotations"]["deployment.kubernetes.io/max-replicas"], "5");
}

#[tokio::test(start_paused = true)]
async fn an_undo_takes_the_old_set_again_under_a_new_revision() {
    let world = World::with(BOTH);
    let mut deployment = workload("Deployment", "web", 2);
    deployment["metadata"]["annotations"] = json!({"kubernetes.io/change-cause": "first"});
    world.make(deployment);
    world.live().await;
    world.change("Deployment", "web", json!({"metadata": {"annotations": {"kubernetes.io/change-cause": "second"}}}));
    set_image(&world, "nginx:9.99");
    world.live_unless(|pod| has_image(pod, "nginx:9.99")).await;
    let stuck = world.get("Deployment", "web");
    assert_eq!((counter(&stuck, "availableReplicas"), counter(&stuck, "updatedReplicas")), (2, 1));
    set_image(&world, "nginx:1.27");
    world.live().await;
    let (back, bad) = (set_of(&world, "nginx:1.27"), set_of(&world, "nginx:9.99"));
    assert_eq!((revision(&back), revision(&bad)), ("3", "2"));
    assert_eq!(meta::annotation(&back, "deployment.kubernetes.io/revision-history"), Some("1"));
    assert_eq!(meta::annotation(&bad, "kubernetes.io/change-cause"), Some("second"));
    assert_eq!(revision(&world.get("Deployment", "web")), "3");
    assert_eq!((counter(&back, "readyReplicas"), counter(&bad, "replicas")), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_paused_deployment_scales_but_does_not_roll() {
    let world = World::with(BOTH);
    world.make(workload("Deployment", "web", 2));
    world.live().await;
    world.change("Deployment", "web", json!({"spec": {"paused": true}}));
    world.settle().await;
    set_image(&world, "nginx:1.28");
    world.change("Deployment", "web", json!({"spec": {"replicas": 5}}));
    world.live().await;
    let paused = world.get("Deployment", "web");
    assert_eq!(said(&paused, "Progressing"), ("Unknown".to_owned(), "DeploymentPaused".to_owned()));
    assert_eq!((world.list("ReplicaSet").len(), world.active().len()), (1, 5));
    assert_eq!(paused["status"].get("updatedReplicas"), None);
    world.change("Deployment", "web", json!({"spec": {"paused": null}}));
    world.live().await;
    let resumed = world.get("Deployment", "web");
    assert_eq!(counter(&resumed, "updatedReplicas"), 5);
    assert_eq!(said(&resumed, "Progressing").1, "NewReplicaSetAvailable");
}

#[tokio::test(start_paused = true)]
async fn no_progress_within_the_deadline_is_said() {
    let world = World::with(BOTH);
    let mut deployment = workload("Deployment", "web", 1);
    deployment["spec"]["progressDeadlineSeconds"] = json!(60);
    world.make(deployment);
    world.live_unless(|_| true).await;
    assert_eq!(said(&world.get("Deployment", "web"), "Progressing").1, "ReplicaSetUpdated");
    world.pass(Duration::from_secs(50)).await;
    assert_eq!(said(&world.get("Deployment", "web"), "Progressing").0, "True");
    world.pass(Duration::from_secs(15)).await;
    let late = world.get("Deployment", "web");
    assert_eq!(said(&late, "Progressing"), ("False".to_owned(), "ProgressDeadlineExceeded".to_owned()));
    world.live().await;
    assert_eq!(said(&world.get("Deployment", "web"), "Progressing").1, "NewReplicaSetAvailable");
}

#[tokio::test(start_paused = true)]
async fn recreate_ends_all_before_it_begins() {
    let world = World::with(BOTH);
    let mut deployment = workload("Deployment", "web", 3);
    deployment["spec"]["strategy"] = json!({"type": "Recreate"});
    world.make(deployment);
    world.live().await;
    set_image(&world, "nginx:1.28");
    world.settle().await;
    assert_eq!((world.active().len(), world.list("Pod").len()), (0, 3), "old Pods are ending, no new one is there");
    assert_eq!(world.list("ReplicaSet").len(), 1);
    world.live().await;
    assert!(world.active().len() == 3 && world.active().iter().all(|pod| has_image(pod, "nginx:1.28")));
}

#[tokio::test(start_paused = true)]
async fn a_scale_amid_a_rollout_is_shared_in_proportion() {
    let world = World::with(BOTH);
    let mut deployment = workload("Deployment", "web", 10);
    deployment["spec"]["strategy"] = json!({"rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}});
    world.make(deployment);
    world.live().await;
    set_image(&world, "nginx:9.99");
    world.live_unless(|pod| has_image(pod, "nginx:9.99")).await;
    let sizes = || {
        let size = |image: &str| set_of(&world, image)["spec"]["replicas"].as_i64().unwrap();
        (size("nginx:1.27"), size("nginx:9.99"))
    };
    assert_eq!(sizes(), (8, 5), "the example of the Kubernetes documentation");
    world.change("Deployment", "web", json!({"spec": {"replicas": 15}}));
    world.live_unless(|pod| has_image(pod, "nginx:9.99")).await;
    assert_eq!(sizes(), (11, 7));
}

#[tokio::test(start_paused = true)]
async fn history_is_kept_within_its_limit() {
    let world = World::with(BOTH);
    let mut deployment = workload("Deployment", "web", 1);
    deployment["spec"]["revisionHistoryLimit"] = json!(2);
    world.make(deployment);
    for image in ["a", "b", "c", "d"] {
        world.live().await;
        set_image(&world, image);
    }
    world.live().await;
    let mut kept: Vec<String> = world.list("ReplicaSet").iter().map(|set| revision(set).to_owned()).collect();
    kept.sort();
    assert_eq!(kept, ["3", "4", "5"]);
}

#[tokio::test(start_paused = true)]
async fn failures_of_its_sets_and_foreign_sets_are_its_business() {
    let world = World::with(BOTH);
    let mut deployment = workload("Deployment", "web", 1);
    deployment["spec"]["template"]["spec"]["serviceAccountName"] = json!("missing");
    world.make(deployment);
    world.settle().await;
    let failed = world.get("Deployment", "web");
    assert_eq!(said(&failed, "ReplicaFailure"), ("True".to_owned(), "FailedCreate".to_owned()));
    assert_eq!(said(&failed, "Available").1, "MinimumReplicasUnavailable");

    let mut lonely = workload("ReplicaSet", "lonely", 1);
    lonely["metadata"]["labels"] = json!({"app": "other"});
    lonely["spec"]["template"]["metadata"]["labels"]["app"] = json!("other");
    lonely["spec"]["selector"]["matchLabels"]["app"] = json!("other");
    world.make(lonely);
    let other = world.make(workload("Deployment", "other", 1));
    world.settle().await;
    let adopted = world.get("ReplicaSet", "lonely");
    assert_eq!(meta::text(meta::controller_of(&adopted).unwrap(), "/uid"), meta::uid(&other));
    assert_eq!(world.list("ReplicaSet").len(), 2, "an equal template is taken as it is");
}
