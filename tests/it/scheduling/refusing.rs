//! What a Pod is told that fits no node, word for word as the scheduler of Kubernetes 1.35.4 tells it.
//! Where Pods go that fit is `placing.rs`.

use serde_json::{Value, json};

use super::{World, asking};

const NO_HELP: &str = "Preemption is not helpful for scheduling.";

/// What a Pod is told in a world of two nodes.
async fn told(world: &World, spec: Value) -> String {
    world.pod("a", spec);
    world.settle().await;
    let (reason, message) = world.refusal("a");
    assert_eq!(reason, "Unschedulable");
    assert_eq!(world.events("a", "FailedScheduling"), std::slice::from_ref(&message));
    message
}

#[tokio::test(start_paused = true)]
async fn without_nodes() {
    let world = World::with_nodes(0).await;
    assert_eq!(told(&world, json!({})).await, "no nodes available to schedule pods");
}

#[tokio::test(start_paused = true)]
async fn each_node_says_its_own() {
    let world = World::with_nodes(1).await;
    world.node("n2", json!({ "spec": { "taints": [{ "key": "a", "value": "b", "effect": "NoSchedule" }] } }));
    world.node("n3", json!({ "spec": { "unschedulable": true } }));
    let expected = format!(
        "0/3 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable. no new claims to deallocate, preemption: 0/3 nodes are available: 3 {NO_HELP}"
    );
    assert_eq!(told(&world, asking(json!({ "memory": "100Gi" }))).await, expected);
}

#[tokio::test(start_paused = true)]
async fn where_others_have_the_room() {
    let world = World::with_nodes(2).await;
    let big = asking(json!({ "cpu": "1500m" }));
    world.pod("one", big.clone());
    world.pod("two", big.clone());
    world.settle().await;
    let expected = "0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.";
    assert_eq!(told(&world, big).await, expected);
}

#[tokio::test(start_paused = true)]
async fn no_node_is_so_labelled() {
    let world = World::with_nodes(2).await;
    let expected = format!(
        "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/2 nodes are available: 2 {NO_HELP}"
    );
    assert_eq!(told(&world, json!({ "nodeSelector": { "disk": "ssd" } })).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_named_node_is_not_there() {
    let world = World::with_nodes(2).await;
    let field = json!({ "key": "metadata.name", "operator": "In", "values": ["gone"] });
    let terms = json!({ "nodeSelectorTerms": [{ "matchFields": [field] }] });
    let spec = json!({ "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": terms } } });
    let expected = format!(
        "0/2 nodes are available: 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. no new claims to deallocate, preemption: 0/2 nodes are available: 2 {NO_HELP}"
    );
    assert_eq!(told(&world, spec).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_claim_is_not_there_and_then_not_bound() {
    let world = World::with_nodes(2).await;
    let volume = json!({ "name": "v", "persistentVolumeClaim": { "claimName": "data" } });
    let expected = "0/2 nodes are available: persistentvolumeclaim \"data\" not found. not found";
    assert_eq!(told(&world, json!({ "volumes": [volume] })).await, expected);
    world.make(json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data" },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } },
    }));
    world.settle().await;
    let expected = "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found";
    assert_eq!(world.refusal("a").1, expected);
}

#[tokio::test(start_paused = true)]
async fn a_port_is_taken() {
    let world = World::with_nodes(1).await;
    let port = json!({ "containers": [{ "name": "c", "image": "nginx", "ports": [{ "containerPort": 80, "hostPort": 80 }] }] });
    world.pod("first", port.clone());
    world.settle().await;
    let expected = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";
    assert_eq!(told(&world, port).await, expected);
}

#[tokio::test(start_paused = true)]
async fn others_are_too_near_or_too_many() {
    let world = World::with_nodes(1).await;
    let selector = json!({ "matchLabels": { "app": "web" } });
    let term = json!({ "labelSelector": selector, "topologyKey": "kubernetes.io/hostname" });
    let apart = json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [term] } });
    world.labelled("first", json!({ "app": "web" }), json!({ "affinity": apart }));
    world.settle().await;
    world.labelled("second", json!({ "app": "web" }), json!({ "affinity": apart }));
    world.labelled("plain", json!({ "app": "web" }), json!({}));
    let near = json!({ "labelSelector": { "matchLabels": { "app": "db" } }, "topologyKey": "kubernetes.io/hostname" });
    world.pod(
        "near",
        json!({ "affinity": { "podAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [near] } } }),
    );
    world.settle().await;
    let victims = "no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";
    let says = |why: &str, rest: &str| format!("0/1 nodes are available: 1 {why}. {rest}");
    assert_eq!(world.refusal("second").1, says("node(s) didn't match pod anti-affinity rules", victims));
    assert_eq!(world.refusal("plain").1, says("node(s) didn't satisfy existing pods anti-affinity rules", victims));
    let no_help = format!("no new claims to deallocate, preemption: 0/1 nodes are available: 1 {NO_HELP}");
    assert_eq!(world.refusal("near").1, says("node(s) didn't match pod affinity rules", &no_help));
}

#[tokio::test(start_paused = true)]
async fn the_spread_would_be_uneven() {
    let world = World::with_nodes(1).await;
    world.node("n2", json!({ "spec": { "unschedulable": true } }));
    let constraint = json!({
        "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": { "matchLabels": { "app": "web" } },
    });
    let spec = json!({ "topologySpreadConstraints": [constraint] });
    world.labelled("one", json!({ "app": "web" }), spec.clone());
    world.settle().await;
    assert_eq!(world.node_of("one"), "n1");
    world.labelled("two", json!({ "app": "web" }), spec);
    world.settle().await;
    let expected = "0/2 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 node(s) were unschedulable. no new claims to deallocate, preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.";
    assert_eq!(world.refusal("two").1, expected);
}
