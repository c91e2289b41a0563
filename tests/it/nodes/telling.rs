//! What kubelets tell: of sandboxes that cannot be made, of containers that never ran, and of their nodes.
//! The lives of Pods that run are `lives.rs`.

use std::sync::Arc;

use kubedrill::sim::apiserver::endpoints::DeleteOptions;
use kubedrill::sim::apiserver::registry::kinds::node::NODE;
use kubedrill::sim::apiserver::registry::kinds::pod::POD;
use kubedrill::sim::nodes::heartbeat;
use kubedrill::sim::nodes::runtime::Runtime;
use serde_json::{Value, json};

use super::lives::{World, shell};

#[tokio::test(start_paused = true)]
async fn a_pod_waits_for_a_container_runtime_that_its_node_does_not_have() {
    let world = World::new();
    for (name, handler) in [("gvisor", "runsc"), ("usual", "runc")] {
        world.make(json!({
            "apiVersion": "node.k8s.io/v1",
            "kind": "RuntimeClass",
            "metadata": { "name": name },
            "handler": handler,
        }));
        world.pod(name, json!({ "runtimeClassName": name, "containers": [shell("c", "sleep 9999")] }));
    }
    world.after(15).await;
    assert!(world.status("usual").pointer("/state/running").is_some(), "{}", world.status("usual"));
    assert_eq!(world.status("gvisor")["state"], json!({ "waiting": { "reason": "ContainerCreating" } }));
    let told = world.events("gvisor", "FailedCreatePodSandBox");
    assert_eq!(told.len(), 2, "each attempt has a sandbox of its own: {told:?}");
    let begin =
        "Failed to create pod sandbox: rpc error: code = Unknown desc = unable to get OCI runtime for sandbox \"";
    assert!(told.iter().all(|told| told.starts_with(begin)), "{told:?}");
    assert!(told.iter().all(|told| told.ends_with("\": no runtime for \"runsc\" is configured")), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_kubelet_tells_that_its_node_is_cordoned_and_that_it_is_not() {
    let world = World::new();
    let cordon = |on: Value| {
        world
            .client
            .merge(&NODE, "", "node01", json!({ "spec": { "unschedulable": on } }))
            .expect("there is such a node");
    };
    tokio::spawn(heartbeat::run(world.client.clone(), Arc::new(Runtime::default())));
    world.after(1).await;
    cordon(json!(true));
    world.after(30).await;
    assert_eq!(world.events("node01", "NodeNotSchedulable"), ["Node node01 status is now: NodeNotSchedulable"]);
    assert!(world.events("node01", "NodeSchedulable").is_empty());
    cordon(Value::Null);
    world.after(30).await;
    assert_eq!(world.events("node01", "NodeSchedulable"), ["Node node01 status is now: NodeSchedulable"]);
    assert_eq!(world.events("node01", "NodeNotSchedulable").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_init_container_ends_the_sidecar_beside_it_and_containers_are_told_by_name() {
    let world = World::new();
    let mut side = shell("side", "sleep 9999");
    side["restartPolicy"] = json!("Always");
    world.pod(
        "one",
        json!({
            "restartPolicy": "Never",
            "initContainers": [side, shell("init", "exit 1")],
            "containers": [shell("z", "sleep 9999"), shell("a", "sleep 9999")],
        }),
    );
    world.after(90).await;
    let pod = world.client.list(&POD, "").pop().expect("there is one");
    let named = |list: &str| pod["status"][list].as_array().into_iter().flatten().map(|one| one["name"].clone());
    assert_eq!(named("containerStatuses").collect::<Vec<_>>(), ["a", "z"]);
    assert_eq!(named("initContainerStatuses").collect::<Vec<_>>(), ["side", "init"]);
    assert!(pod.pointer("/status/initContainerStatuses/0/state/terminated").is_some(), "{}", pod["status"]);
    assert_eq!(pod["status"]["phase"], "Failed");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_deleted_before_it_ran_has_failed() {
    let world = World::new();
    let mut waits = shell("c", "sleep 9999");
    waits["env"] = json!([{ "name": "A", "valueFrom": { "configMapKeyRef": { "name": "none", "key": "a" } } }]);
    let metadata = json!({ "name": "one", "namespace": "default", "finalizers": ["example.com/held"] });
    let spec = json!({ "nodeName": "node01", "automountServiceAccountToken": false, "containers": [waits] });
    world.make(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec }));
    world.after(5).await;
    assert_eq!(world.status("one").pointer("/state/waiting/reason"), Some(&json!("CreateContainerConfigError")));
    world.client.delete(&POD, "default", "one", &DeleteOptions::default()).expect("it may be deleted");
    world.after(60).await;
    let pod = world.client.list(&POD, "").pop().expect("it is held");
    assert_eq!(pod["status"]["phase"], "Failed");
    let ended = &world.status("one")["state"]["terminated"];
    assert_eq!((&ended["exitCode"], &ended["reason"]), (&json!(137), &json!("ContainerStatusUnknown")));
}
