//! Which node a Pod gets.
//! What it is told when there is none is `refusing.rs`.

use std::collections::BTreeMap;
use std::time::Duration;

use kubedrill::object::meta;
use kubedrill::sim::apiserver::registry::kinds::node::NODE;
use kubedrill::sim::apiserver::registry::kinds::pod::POD;
use serde_json::json;

use super::{NS, World, asking};

#[tokio::test(start_paused = true)]
async fn a_pod_gets_a_node_and_is_told_so() {
    let world = World::with_nodes(2).await;
    world.pod("a", json!({}));
    world.settle().await;
    let node = world.node_of("a");
    assert!(["n1", "n2"].contains(&node.as_str()), "{node:?}");
    assert_eq!(world.events("a", "Scheduled"), [format!("Successfully assigned default/a to {node}")]);
}

#[tokio::test(start_paused = true)]
async fn pods_spread_over_the_nodes() {
    let world = World::with_nodes(3).await;
    for index in 0..9 {
        world.pod(&format!("p{index}"), json!({}));
    }
    world.settle().await;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for index in 0..9 {
        *counts.entry(world.node_of(&format!("p{index}"))).or_default() += 1;
    }
    assert_eq!(counts.values().copied().collect::<Vec<_>>(), [3, 3, 3], "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn other_schedulers_gates_and_named_nodes_are_left_alone() {
    let world = World::with_nodes(1).await;
    world.pod("other", json!({ "schedulerName": "mine" }));
    world.pod("gated", json!({ "schedulingGates": [{ "name": "wait" }] }));
    world.pod("manual", json!({ "nodeName": "elsewhere" }));
    world.settle().await;
    assert_eq!([world.node_of("other"), world.node_of("gated")], ["", ""]);
    assert_eq!(world.node_of("manual"), "elsewhere");
    assert!(world.events("gated", "FailedScheduling").is_empty());
    let opened =
        |pod: &mut serde_json::Value| drop(pod["spec"].as_object_mut().map(|spec| spec.remove("schedulingGates")));
    world.client.modify(&POD, NS, "gated", opened).expect("gates may be opened");
    world.settle().await;
    assert_eq!(world.node_of("gated"), "n1");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_fits_nowhere_is_tried_again_when_something_that_matters_changes() {
    let world = World::with_nodes(1).await;
    world.pod("picky", json!({ "nodeSelector": { "disk": "ssd" } }));
    world.settle().await;
    assert_eq!(world.node_of("picky"), "");
    world.client.modify(&NODE, "", "n1", |node| meta::set_label(node, "disk", "ssd")).expect("labelled");
    world.settle().await;
    assert_eq!(world.node_of("picky"), "n1");
    assert_eq!(world.events("picky", "FailedScheduling").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn affinity_counts() {
    let world = World::with_nodes(3).await;
    world.labelled("db", json!({ "app": "db" }), json!({ "nodeName": "n2" }));
    let near = json!({ "labelSelector": { "matchLabels": { "app": "db" } }, "topologyKey": "kubernetes.io/hostname" });
    world.pod(
        "web",
        json!({ "affinity": { "podAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [near] } } }),
    );
    let apart = json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [near] } });
    world.pod("shy", json!({ "affinity": apart }));
    world.settle().await;
    assert_eq!(world.node_of("web"), "n2");
    assert_ne!(world.node_of("shy"), "n2");
}

#[tokio::test(start_paused = true)]
async fn a_pod_keeps_away_from_those_that_share_its_own_label() {
    let world = World::with_nodes(2).await;
    world.labelled("one", json!({ "app": "web", "hash": "1" }), json!({ "nodeName": "n1" }));
    world.labelled("two", json!({ "app": "web", "hash": "2" }), json!({ "nodeName": "n2" }));
    let others = json!({
        "labelSelector": { "matchLabels": { "app": "web" } },
        "topologyKey": "kubernetes.io/hostname",
        "matchLabelKeys": ["hash"],
    });
    let apart = json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [others] } });
    world.labelled("three", json!({ "app": "web", "hash": "1" }), json!({ "affinity": apart }));
    world.settle().await;
    assert_eq!(world.node_of("three"), "n2");
    let terms = "/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution";
    let pod = world.get("three");
    let merged = &meta::list(&pod, terms)[0]["labelSelector"]["matchExpressions"];
    assert_eq!(*merged, json!([{ "key": "hash", "operator": "In", "values": ["1"] }]));
}

#[tokio::test(start_paused = true)]
async fn preferences_weigh_more_than_free_room() {
    let world = World::with_nodes(2).await;
    world.client.modify(&NODE, "", "n2", |node| meta::set_label(node, "disk", "ssd")).expect("labelled");
    world.pod("load", json!({ "nodeName": "n2", "containers": asking(json!({ "cpu": "500m" }))["containers"] }));
    let preference = json!({ "matchExpressions": [{ "key": "disk", "operator": "In", "values": ["ssd"] }] });
    let preferred = json!([{ "weight": 1, "preference": preference }]);
    world.pod(
        "a",
        json!({ "affinity": { "nodeAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": preferred } } }),
    );
    world.settle().await;
    assert_eq!(world.node_of("a"), "n2");
}

#[tokio::test(start_paused = true)]
async fn the_important_take_the_place_of_the_others() {
    let world = World::with_nodes(1).await;
    let class = |name: &str, value: i64| json!({ "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": { "name": name }, "value": value });
    world.make(class("low", 10));
    world.make(class("high", 1000));
    let mut low = asking(json!({ "cpu": "1500m" }));
    low["priorityClassName"] = json!("low");
    world.pod("low", low);
    world.settle().await;
    let mut high = asking(json!({ "cpu": "1" }));
    high["priorityClassName"] = json!("high");
    world.pod("high", high);
    world.settle().await;
    let victim = world.get("low");
    assert!(meta::is_terminating(&victim), "{victim}");
    let uid = meta::uid(&world.get("high")).to_owned();
    assert_eq!(world.events("low", "Preempted"), [format!("Preempted by pod {uid} on node n1")]);
    assert_eq!(meta::text(&world.get("high"), "/status/nominatedNodeName"), "n1");
    assert_eq!(world.refusal("high").1, "0/1 nodes are available: 1 Insufficient cpu.");
    let now = kubedrill::sim::apiserver::endpoints::DeleteOptions::now();
    world.client.delete(&POD, NS, "low", &now).expect("gone");
    world.settle().await;
    assert_eq!(world.node_of("high"), "n1");
    assert_eq!(meta::text(&world.get("high"), "/status/nominatedNodeName"), "", "bound, it is nominated no more");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_pods_all_find_one_of_a_hundred_nodes() {
    let world = World::with_nodes(0).await;
    for index in 0..100 {
        world.node(&format!("node{index:03}"), json!({}));
    }
    for index in 0..1000 {
        world.labelled(
            &format!("p{index:04}"),
            json!({ "app": "web" }),
            asking(json!({ "cpu": "10m", "memory": "1Mi" })),
        );
    }
    for _ in 0..100 {
        world.client.clock().sleep(Duration::from_millis(100)).await;
    }
    let waiting = world.client.list(&POD, NS).iter().filter(|pod| meta::text(pod, "/spec/nodeName").is_empty()).count();
    assert_eq!(waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn a_resize_counts_until_the_kubelet_says_that_it_cannot_be() {
    let world = World::with_nodes(1).await;
    world.pod("greedy", asking(json!({ "cpu": "1" })));
    world.settle().await;
    let running = json!([{
        "name": "c", "image": "nginx", "imageID": "", "ready": true, "restartCount": 0,
        "state": { "running": { "startedAt": "2026-03-01T12:00:00Z" } },
        "resources": { "requests": { "cpu": "1" } }, "allocatedResources": { "cpu": "1" },
    }]);
    let start = |pod: &mut serde_json::Value| pod["status"]["containerStatuses"] = running.clone();
    world.client.modify_status(&POD, NS, "greedy", start).expect("it runs");
    let mut greedy = (*world.get("greedy")).clone();
    greedy["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!("8");
    world.client.update_part(&POD, greedy, "resize").expect("it may be asked for");
    world.pod("next", asking(json!({ "cpu": "1" })));
    world.settle().await;
    assert_eq!(world.node_of("next"), "", "the node has two CPUs");
    let refuse = |pod: &mut serde_json::Value| {
        let refused = json!({ "type": "PodResizePending", "status": "True", "reason": "Infeasible" });
        pod["status"]["conditions"] = json!([refused]);
    };
    world.client.modify_status(&POD, NS, "greedy", refuse).expect("it is told");
    world.client.clock().sleep(Duration::from_secs(30)).await;
    assert_eq!(world.node_of("next"), "n1");
}
