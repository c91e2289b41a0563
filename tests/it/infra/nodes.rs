//! Nodes that fall silent, what taints follow, and where Pods go from tainted nodes.
//! What kubelets do is in the stories of the nodes.

use jiff::SignedDuration;
use kubedrill::sim::apiserver::endpoints::{DeleteOptions, timestamp};
use kubedrill::sim::apiserver::registry::kinds::lease::LEASE;
use kubedrill::sim::apiserver::registry::kinds::node::NODE;
use kubedrill::sim::apiserver::registry::kinds::pod::POD;
use serde_json::{Value, json};

use super::{World, pod};

const CONTROLLERS: &[&str] = &["node-controller", "taint-eviction-controller", "pod-garbage-collector", "event-ttl"];

impl World {
    /// A node with a kubelet that has said it is ready.
    fn node(&self, name: &str) {
        self.make(json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name } }));
        let lease = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": name, "namespace": "kube-node-lease" }, "spec": {} });
        self.make(lease);
        let ready = json!([{ "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status" }]);
        self.client.modify_status(&NODE, "", name, |node| node["status"]["conditions"] = ready.clone()).unwrap();
        self.beat(name);
    }

    fn beat(&self, name: &str) {
        let now = self.client.clock().now().to_string();
        self.client.modify(&LEASE, "kube-node-lease", name, |lease| lease["spec"]["renewTime"] = json!(now)).unwrap();
    }

    /// The taints of a node as `key:effect`.
    fn taints(&self, name: &str) -> Vec<String> {
        let node = self.client.get(&NODE, "", name).unwrap();
        let taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
        let text = |taint: &Value, key: &str| taint[key].as_str().unwrap_or_default().to_owned();
        taints.iter().map(|taint| format!("{}:{}", text(taint, "key"), text(taint, "effect"))).collect()
    }
}

async fn two_nodes() -> World {
    let world = World::with_controllers(CONTROLLERS);
    world.make(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "kube-node-lease" } }));
    world.node("node01");
    world.node("node02");
    world.settle().await;
    world
}

fn on_node(name: &str, node: &str) -> Value {
    let mut pod = pod(name);
    pod["spec"]["nodeName"] = json!(node);
    pod
}

#[tokio::test(start_paused = true)]
async fn a_ready_node_loses_the_taint_it_was_born_with_and_cordoning_adds_one() {
    let world = two_nodes().await;
    assert_eq!(world.taints("node01"), [""; 0]);
    assert_eq!(
        world.events("Node", "node01"),
        ["RegisteredNode: Node node01 event: Registered Node node01 in Controller"]
    );
    let cordon = |on| world.client.merge(&NODE, "", "node01", json!({ "spec": { "unschedulable": on } })).unwrap();
    cordon(json!(true));
    world.settle().await;
    assert_eq!(world.taints("node01"), ["node.kubernetes.io/unschedulable:NoSchedule"]);
    cordon(Value::Null);
    world.settle().await;
    assert_eq!(world.taints("node01"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_node_turns_unknown_and_its_pods_leave_after_five_minutes() {
    let world = two_nodes().await;
    world.make(on_node("web", "node01"));
    let ready = json!([{ "type": "Ready", "status": "True" }]);
    world.client.modify_status(&POD, "default", "web", |pod| pod["status"]["conditions"] = ready.clone()).unwrap();
    for _ in 0..6 {
        world.pass(10).await;
        world.beat("node02");
    }
    let node = world.client.get(&NODE, "", "node01").unwrap();
    let ready = &node["status"]["conditions"][0];
    assert_eq!(
        (&ready["status"], &ready["reason"], &ready["message"]),
        (&json!("Unknown"), &json!("NodeStatusUnknown"), &json!("Kubelet stopped posting node status."))
    );
    assert_eq!(
        world.taints("node01"),
        ["node.kubernetes.io/unreachable:NoSchedule", "node.kubernetes.io/unreachable:NoExecute"]
    );
    assert_eq!(world.taints("node02"), [""; 0]);
    assert!(
        world.events("Node", "node01").contains(&"NodeNotReady: Node node01 status is now: NodeNotReady".to_owned())
    );
    assert_eq!(world.events("Pod", "web"), ["NodeNotReady: Node is not ready"]);
    assert_eq!(world.client.get(&POD, "default", "web").unwrap()["status"]["conditions"][0]["status"], "False");

    for _ in 0..29 {
        assert!(world.client.get(&POD, "default", "web").unwrap()["metadata"].get("deletionTimestamp").is_none());
        world.pass(10).await;
        world.beat("node02");
    }
    world.pass(10).await;
    let gone = world.client.get(&POD, "default", "web").unwrap();
    assert!(gone["metadata"].get("deletionTimestamp").is_some(), "it stays Terminating: no kubelet stops it");
    assert!(
        world.events("Pod", "web").contains(&"TaintManagerEviction: Marking for deletion Pod default/web".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_kubelet_that_is_back_calls_off_the_eviction() {
    let world = two_nodes().await;
    world.make(on_node("web", "node01"));
    for _ in 0..7 {
        world.pass(10).await;
        world.beat("node02");
    }
    assert_eq!(world.taints("node01").len(), 2);
    world.beat("node01");
    let now = timestamp(world.client.clock().now());
    let ready = json!([{ "type": "Ready", "status": "True", "lastHeartbeatTime": now }]);
    world.client.modify_status(&NODE, "", "node01", |node| node["status"]["conditions"] = ready.clone()).unwrap();
    world.settle().await;
    assert_eq!(world.taints("node01"), [""; 0]);
    assert!(
        world.events("Pod", "web").contains(&"TaintManagerEviction: Cancelling deletion of Pod default/web".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn with_every_node_lost_nobody_is_evicted() {
    let world = two_nodes().await;
    world.make(on_node("web", "node01"));
    world.pass(70).await;
    assert_eq!(world.taints("node01"), ["node.kubernetes.io/unreachable:NoSchedule"]);
    assert_eq!(world.taints("node02"), ["node.kubernetes.io/unreachable:NoSchedule"]);
}

#[tokio::test(start_paused = true)]
async fn a_taint_nobody_tolerates_drives_pods_away_at_once() {
    let world = two_nodes().await;
    world.make(on_node("web", "node01"));
    let mut stays = on_node("stays", "node01");
    stays["spec"]["tolerations"] = json!([{ "key": "gpu", "operator": "Exists" }]);
    world.make(stays);
    let taint = json!({ "spec": { "taints": [{ "key": "gpu", "effect": "NoExecute" }] } });
    world.client.merge(&NODE, "", "node01", taint).unwrap();
    world.settle().await;
    let terminating =
        |name: &str| world.client.get(&POD, "default", name).unwrap()["metadata"].get("deletionTimestamp").is_some();
    assert!(terminating("web") && !terminating("stays"));
}

#[tokio::test(start_paused = true)]
async fn pods_of_a_node_that_is_gone_are_collected() {
    let world = two_nodes().await;
    world.make(on_node("web", "node01"));
    world.client.delete(&NODE, "", "node01", &DeleteOptions::default()).unwrap();
    world.pass(30).await;
    world.beat("node02");
    assert!(world.client.find(&POD, "default", "web").is_some());
    world.pass(40).await;
    assert!(world.client.find(&POD, "default", "web").is_none());
    assert_eq!(
        world.events("Node", "node01").last().map(String::as_str),
        Some("RemovingNode: Node node01 event: Removing Node node01 from Controller")
    );
}

#[tokio::test(start_paused = true)]
async fn events_are_forgotten_after_an_hour() {
    let world = two_nodes().await;
    assert!(!world.events("Node", "node01").is_empty());
    let hour = SignedDuration::from_mins(61);
    world.pass(hour.as_secs().unsigned_abs()).await;
    assert!(!world.events("Node", "node01").iter().any(|event| event.starts_with("RegisteredNode")));
}
