//! Pods that wait: who is tried again when something happens, how that is told, and how somebody else may bind them.
//! What a Pod is told that fits nowhere is `refusing.rs`.

use kubedrill::object::meta;
use kubedrill::sim::apiserver::endpoints::DeleteOptions;
use kubedrill::sim::apiserver::registry::kinds::event::EVENT;
use kubedrill::sim::apiserver::registry::kinds::node::NODE;
use kubedrill::sim::apiserver::registry::kinds::pod::POD;
use serde_json::{Value, json};

use super::{NS, World, asking};

impl World {
    /// How often a Pod was told that it fits nowhere: one number for each event, in the order they were told.
    fn refusals(&self, name: &str) -> Vec<i64> {
        let mut told = self.client.list(&EVENT, NS);
        told.retain(|event| {
            meta::text(event, "/involvedObject/name") == name && meta::text(event, "/reason") == "FailedScheduling"
        });
        told.sort_by_key(|event| meta::revision(event));
        told.iter().map(|event| meta::number(event, "/series/count").unwrap_or(1)).collect()
    }

    fn drop_pod(&self, name: &str) {
        self.client.delete(&POD, NS, name, &DeleteOptions::now()).expect("there");
    }
}

fn picky() -> Value {
    json!({ "nodeSelector": { "disk": "ssd" } })
}

#[tokio::test(start_paused = true)]
async fn only_what_concerns_a_pod_has_it_tried_again() {
    let world = World::with_nodes(1).await;
    world.pod("picky", picky());
    world.pod("big", asking(json!({ "cpu": "64" })));
    let near = json!({ "labelSelector": { "matchLabels": { "app": "db" } }, "topologyKey": "kubernetes.io/hostname" });
    let near = json!({ "podAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [near] } });
    world.pod("near", json!({ "affinity": near }));
    world.settle().await;
    // None of this can help any of them, but a new node might lead to others for the one that wants company.
    world.node("n2", json!({}));
    world.client.modify(&NODE, "", "n1", |node| meta::set_label(node, "colour", "blue")).expect("labelled");
    world.labelled("other", json!({ "app": "web" }), json!({}));
    world.settle().await;
    for name in ["picky", "big"] {
        assert_eq!(world.refusals(name), [1], "{name}");
    }
    assert_eq!(world.refusals("near"), [1, 1]);
    world.labelled("db", json!({ "app": "db" }), json!({}));
    world.settle().await;
    assert_eq!(world.node_of("near"), world.node_of("db"));
    // What is free again may help the big one, as far as anybody can tell before trying.
    world.drop_pod("other");
    world.settle().await;
    assert_eq!((world.refusals("picky"), world.refusals("big")), (vec![1], vec![1, 1]));
}

#[tokio::test(start_paused = true)]
async fn refusals_of_the_same_state_are_a_series() {
    let world = World::with_nodes(1).await;
    world.pod("big", asking(json!({ "cpu": "64" })));
    for name in ["one", "two", "three"] {
        world.pod(name, json!({}));
        world.settle().await;
        world.drop_pod(name);
        world.settle().await;
    }
    // The first refusal changed the Pod's status; those after it are about the same state, and the API shows two of a series.
    assert_eq!(world.refusals("big"), [1, 2]);
    let events = world.client.list(&EVENT, NS);
    let told = events.iter().find(|event| event["reason"] == "FailedScheduling").expect("told");
    assert_eq!((&told["action"], &told["reportingComponent"]), (&json!("Scheduling"), &json!("default-scheduler")));
    assert_eq!((&told["count"], &told["firstTimestamp"]), (&Value::Null, &Value::Null));
}

#[tokio::test(start_paused = true)]
async fn a_binding_by_hand_has_its_rules() {
    let world = World::with_nodes(1).await;
    world
        .client
        .modify(&NODE, "", "n1", |node| meta::set_label(node, "topology.kubernetes.io/zone", "a"))
        .expect("there");
    world.pod("gated", json!({ "schedulingGates": [{ "name": "wait" }] }));
    world.pod("mine", json!({ "schedulerName": "mine" }));
    world.settle().await;
    let refused = world.client.bind(NS, "gated", "n1").expect_err("gated").to_string();
    assert!(refused.ends_with("pod gated has non-empty .spec.schedulingGates"), "{refused}");
    assert_eq!(world.client.bind(NS, "mine", "").expect_err("no node").to_string(), "target.name: Required value");
    world.client.bind(NS, "mine", "n1").expect("free to go");
    assert_eq!(meta::label(&world.get("mine"), "topology.kubernetes.io/zone"), Some("a"), "as its node has it");
    let refused = world.client.bind(NS, "mine", "n1").expect_err("bound").to_string();
    assert!(refused.ends_with("pod mine is already assigned to node \"n1\""), "{refused}");
}
