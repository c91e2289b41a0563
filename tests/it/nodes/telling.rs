//! What kubelets tell: of sandboxes that cannot be made, and of their nodes.
//! The lives of Pods that run are `lives.rs`.

use std::sync::Arc;

use kubedrill::sim::apiserver::registry::kinds::node::NODE;
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
