//! Stories of the scheduler over an API server in the process: which node a Pod gets, and what it is told when there is none.
//! Nothing runs Pods here; time stands still until every task waits, so `settle` means that the scheduler is done.

mod placing;
mod refusing;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use kubedrill::base::clock::Clock;
use kubedrill::object::meta;
use kubedrill::sim::apiserver::auth::{Authenticator, TokenKey};
use kubedrill::sim::apiserver::client::Client;
use kubedrill::sim::apiserver::endpoints::ApiServer;
use kubedrill::sim::apiserver::pki::{Authority, KeyPair};
use kubedrill::sim::apiserver::registry::kinds::event::EVENT;
use kubedrill::sim::apiserver::registry::kinds::pod::POD;
use kubedrill::sim::apiserver::registry::{self, Resource};
use kubedrill::sim::apiserver::storage::{Object, Storage};
use kubedrill::sim::reconciler::{self, Context};
use kubedrill::sim::scheduler::Scheduler;
use serde_json::{Value, json};

/// The namespace of every story.
const NS: &str = "default";

/// An API server with a scheduler.
struct World {
    client: Client,
}

fn resource(object: &Value) -> &'static Resource {
    let found = registry::of_kind(meta::text(object, "/apiVersion"), meta::text(object, "/kind"));
    found.unwrap_or_else(|| panic!("no such kind: {object}"))
}

impl World {
    /// With nodes `n1`, `n2`, … of two CPUs and 4Gi each.
    async fn with_nodes(count: usize) -> Self {
        let clock = Clock::from_epoch("2026-03-01T12:00:00Z".parse().unwrap(), 1.0);
        let authority = Authority::generate("kubernetes", clock.now()).unwrap();
        let tokens = TokenKey::new(&KeyPair::generate().unwrap()).unwrap();
        let api = ApiServer::new(Storage::new(), clock, Authenticator::new(authority.certificate(), tokens));
        let world = Self { client: Client::of_component(Arc::clone(&api), "tester") };
        world.make(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NS } }));
        world.make(json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default" } }));
        for index in 1..=count {
            world.node(&format!("n{index}"), json!({}));
        }
        let context = Context::new(api, "default-scheduler", Arc::new(authority));
        tokio::spawn(async move { reconciler::run(&Scheduler::default(), context).await });
        world.settle().await;
        world
    }

    /// Waits until the scheduler has done what there was to do.
    async fn settle(&self) {
        self.client.clock().sleep(Duration::from_millis(1)).await;
    }

    fn make(&self, mut object: Value) -> Object {
        let resource = resource(&object);
        if resource.namespaced {
            object["metadata"]["namespace"] = json!(NS);
        }
        self.client.create(resource, object.clone()).unwrap_or_else(|status| panic!("{status}: {object}"))
    }

    /// A node; `more` is merged over it.
    fn node(&self, name: &str, more: Value) -> Object {
        let mut node = json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": { "name": name, "labels": { "kubernetes.io/hostname": name } },
            "status": {
                "allocatable": { "cpu": "2", "memory": "4Gi", "ephemeral-storage": "10Gi", "pods": "110" },
                "conditions": [{ "type": "Ready", "status": "True" }],
            },
        });
        kubedrill::object::patch::merge(&mut node, &more);
        let made = self.make(node.clone());
        let mut made = (*made).clone();
        made["status"] = node["status"].clone();
        // What is tainted until it is ready is ready here.
        if let Some(taints) = made["spec"]["taints"].as_array_mut() {
            taints.retain(|taint| taint["key"] != "node.kubernetes.io/not-ready");
        }
        let status = made["status"].clone();
        let mut made = (*self.client.update(resource(&node), made).expect("the node is stored")).clone();
        made["status"] = status;
        self.client.update_status(resource(&node), made).expect("the status is stored")
    }

    /// A Pod with one container; `spec` is merged over its spec.
    fn pod(&self, name: &str, spec: Value) -> Object {
        self.labelled(name, json!({}), spec)
    }

    fn labelled(&self, name: &str, labels: Value, spec: Value) -> Object {
        let mut pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": name, "labels": labels },
            "spec": { "containers": [{ "name": "c", "image": "nginx" }] },
        });
        kubedrill::object::patch::merge(&mut pod["spec"], &spec);
        self.make(pod)
    }

    fn get(&self, name: &str) -> Object {
        self.client.get(&POD, NS, name).expect("there is such a Pod")
    }

    /// The node a Pod is on.
    fn node_of(&self, name: &str) -> String {
        meta::text(&self.get(name), "/spec/nodeName").to_owned()
    }

    /// What a Pod's PodScheduled condition says when it is false: reason and message.
    fn refusal(&self, name: &str) -> (String, String) {
        let pod = self.get(name);
        let condition =
            meta::list(&pod, "/status/conditions").iter().find(|condition| condition["type"] == "PodScheduled");
        let condition = condition.unwrap_or_else(|| panic!("{name} has no condition: {pod}"));
        assert_eq!(condition["status"], "False", "{name} is scheduled: {condition}");
        (meta::text(condition, "/reason").to_owned(), meta::text(condition, "/message").to_owned())
    }

    /// The messages of a Pod's events with this reason.
    fn events(&self, name: &str, reason: &str) -> Vec<String> {
        let events = self.client.list(&EVENT, NS);
        let about = |event: &&Object| {
            meta::text(event, "/involvedObject/name") == name && meta::text(event, "/reason") == reason
        };
        events.iter().filter(about).map(|event| meta::text(event, "/message").to_owned()).collect()
    }
}

/// A container that asks for so much.
fn asking(requests: Value) -> Value {
    json!({ "containers": [{ "name": "c", "image": "nginx", "resources": { "requests": requests } }] })
}
