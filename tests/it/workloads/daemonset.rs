//! DaemonSets: a Pod on each node that may have one, counted, replaced node by node, with history to go back to.
//! Where a Pod may be is tried beside the code.

use kubedrill::object::meta;
use serde_json::{Value, json};

use super::{MEANT_FOR, World, counter, template};

const ONE: &[&str] = &["daemonset-controller"];

fn with_nodes(names: &[&str]) -> World {
    let world = World::with(ONE);
    for name in names {
        add_node(&world, name, json!({"disk": "ssd"}));
    }
    world
}

/// A node that is past its first taint.
fn add_node(world: &World, name: &str, labels: Value) {
    world.make(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}));
    world.change("Node", name, json!({"spec": {"taints": null}}));
}

fn daemons(strategy: Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"},
        "spec": {
            "selector": {"matchLabels": {"app": "agent"}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": strategy},
            "template": template("agent", "agent:1"),
        },
    })
}

fn set_image(world: &World, image: &str) {
    let containers = json!([{ "name": "c", "image": image }]);
    world.change("DaemonSet", "agent", json!({"spec": {"template": {"spec": {"containers": containers}}}}));
}

/// Node and image of the active Pods.
fn placed(world: &World) -> Vec<(String, String)> {
    let text = |pod: &Value, pointer: &str| meta::text(pod, pointer).to_owned();
    let mut found: Vec<_> =
        world.active().iter().map(|pod| (text(pod, MEANT_FOR), text(pod, "/spec/containers/0/image"))).collect();
    found.sort();
    found
}

fn numbers(world: &World) -> [i64; 6] {
    let set = world.get("DaemonSet", "agent");
    [
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberMisscheduled",
    ]
    .map(|key| counter(&set, key))
}

#[tokio::test(start_paused = true)]
async fn every_eligible_node_has_one() {
    let world = with_nodes(&["n1", "n2"]);
    world.make(daemons(json!({})));
    world.live().await;
    assert_eq!(placed(&world).iter().map(|(node, _)| node.as_str()).collect::<Vec<_>>(), ["n1", "n2"]);
    assert_eq!(numbers(&world), [2, 2, 2, 2, 2, 0]);
    let pod = world.active().remove(0);
    assert_eq!(meta::label(&pod, "pod-template-generation"), Some("1"));
    assert!(meta::label(&pod, "controller-revision-hash").is_some());
    let tolerates = meta::list(&pod, "/spec/tolerations").iter().any(|toleration| {
        *toleration == json!({"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"})
    });
    assert!(tolerates, "{}", pod["spec"]["tolerations"]);

    add_node(&world, "n3", json!({}));
    world.live().await;
    assert_eq!(numbers(&world)[0..2], [3, 3], "a new node gets its Pod");
    world.change("DaemonSet", "agent", json!({"spec": {"template": {"spec": {"nodeSelector": {"disk": "ssd"}}}}}));
    world.live().await;
    assert_eq!(numbers(&world), [2, 2, 2, 2, 2, 0], "n3 is no longer wanted");
    assert!(world.events("DaemonSet").iter().any(|event| event.starts_with("SuccessfulCreate: Created pod: agent-")));
}

#[tokio::test(start_paused = true)]
async fn taints_that_come_later_are_judged_by_effect() {
    let world = with_nodes(&["n1", "n2"]);
    world.make(daemons(json!({})));
    world.live().await;
    world.change("Node", "n1", json!({"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}));
    world.live().await;
    assert_eq!(numbers(&world), [1, 1, 1, 1, 1, 1], "it stays, but should not be there");
    world.change("Node", "n1", json!({"spec": {"taints": [{"key": "a", "effect": "NoExecute"}]}}));
    world.live().await;
    assert_eq!((placed(&world).len(), numbers(&world)[5]), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_rolling_update_replaces_one_node_at_a_time_and_can_be_undone() {
    let world = with_nodes(&["n1", "n2", "n3"]);
    world.make(daemons(json!({})));
    world.live().await;
    set_image(&world, "agent:bad");
    world.live_unless(|pod| meta::text(pod, "/spec/containers/0/image") == "agent:bad").await;
    let bad = placed(&world).iter().filter(|(_, image)| image == "agent:bad").count();
    assert_eq!((bad, numbers(&world)[4]), (1, 2), "it stops at the first that is not available");
    set_image(&world, "agent:1");
    world.live().await;
    assert!(placed(&world).iter().all(|(_, image)| image == "agent:1"));
    let mut revisions: Vec<i64> =
        world.list("ControllerRevision").iter().map(|found| found["revision"].as_i64().unwrap()).collect();
    revisions.sort_unstable();
    assert_eq!(revisions, [2, 3], "the first is taken again as the third");
    assert_eq!(world.list("ControllerRevision")[0]["data"]["spec"]["template"]["$patch"], "replace");
}

#[tokio::test(start_paused = true)]
async fn surge_keeps_the_old_until_the_new_is_available() {
    let world = with_nodes(&["n1", "n2"]);
    world.make(daemons(json!({"maxSurge": 1, "maxUnavailable": 0})));
    world.live().await;
    // Times have whole seconds, and the older Pod of a node is the one that counts.
    world.pass(std::time::Duration::from_secs(2)).await;
    set_image(&world, "agent:2");
    world.live_unless(|pod| meta::text(pod, "/spec/containers/0/image") == "agent:2").await;
    assert_eq!((placed(&world).len(), numbers(&world)[4]), (3, 2));
    world.live().await;
    assert_eq!(placed(&world), [("n1".into(), "agent:2".into()), ("n2".into(), "agent:2".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_daemon_is_replaced() {
    let world = with_nodes(&["n1"]);
    world.make(daemons(json!({})));
    world.live().await;
    let first = world.active().remove(0);
    world.report(&first, "Failed", false);
    world.pass(std::time::Duration::from_secs(2)).await;
    world.live().await;
    let second = world.active().remove(0);
    assert_ne!(meta::name(&first), meta::name(&second));
    let told = format!(
        "FailedDaemonPod: Found failed daemon pod default/{} on node n1, will try to kill it",
        meta::name(&first)
    );
    assert!(world.events("DaemonSet").contains(&told), "{:?}", world.events("DaemonSet"));
}
