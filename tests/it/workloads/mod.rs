//! Stories of the controllers that keep workloads, over an API server in the process, with a kubelet played by the test.
//! Time stands still until every task waits, so `settle` means that everybody has done what there was to do.

mod cronjob;
mod daemonset;
mod deployment;
mod garbage;
mod job;
mod replicaset;
mod statefulset;

use std::sync::Arc;
use std::time::Duration;

use kubedrill::base::clock::Clock;
use kubedrill::object::meta;
use kubedrill::sim::apiserver::auth::{Authenticator, TokenKey};
use kubedrill::sim::apiserver::client::Client;
use kubedrill::sim::apiserver::endpoints::{ApiServer, DeleteOptions, Propagation, timestamp};
use kubedrill::sim::apiserver::pki::{Authority, KeyPair};
use kubedrill::sim::apiserver::registry::kinds::event::EVENT;
use kubedrill::sim::apiserver::registry::kinds::pod::POD;
use kubedrill::sim::apiserver::registry::{self, Resource};
use kubedrill::sim::apiserver::storage::{Object, Storage};
use kubedrill::sim::controllers::CONTROLLERS;
use kubedrill::sim::reconciler::{self, Context};
use serde_json::{Value, json};

/// The namespace of every story.
const NS: &str = "default";

/// Where a daemon's Pod says its node.
pub const MEANT_FOR: &str = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchFields/0/values/0";

/// An API server, the controllers a story names, and the story's own client.
pub struct World {
    pub api: Arc<ApiServer>,
    pub client: Client,
}

/// The resource of a kind in any of the groups workloads live in.
fn resource(kind: &str) -> &'static Resource {
    let found = ["apps/v1", "batch/v1", "v1"].into_iter().find_map(|version| registry::of_kind(version, kind));
    found.unwrap_or_else(|| panic!("no such kind: {kind}"))
}

impl World {
    /// A world where these controllers run.
    pub fn with(controllers: &[&str]) -> Self {
        let clock = Clock::from_epoch("2026-03-01T12:00:00Z".parse().unwrap(), 1.0);
        let authority = Arc::new(Authority::generate("kubernetes", clock.now()).unwrap());
        let tokens = TokenKey::new(&KeyPair::generate().unwrap()).unwrap();
        let api = ApiServer::new(Storage::new(), clock, Authenticator::new(authority.certificate(), tokens));
        let world = Self { client: Client::of_component(api.clone(), "tester"), api };
        world.make(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NS } }));
        world.make(json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default" } }));
        for name in controllers {
            let found = CONTROLLERS.iter().find(|controller| controller.name == *name);
            let controller = found.unwrap_or_else(|| panic!("no such controller: {name}"));
            let context = Context::new(world.api.clone(), controller.name, authority.clone());
            tokio::spawn(async move { reconciler::run(*controller, context).await });
        }
        world
    }

    /// Creates an object, in the story's namespace where it has one.
    pub fn make(&self, mut object: Value) -> Object {
        let kind = registry::of_kind(meta::text(&object, "/apiVersion"), meta::text(&object, "/kind"));
        let kind = kind.unwrap_or_else(|| panic!("no such kind: {object}"));
        if kind.namespaced {
            object["metadata"]["namespace"] = json!(NS);
        }
        self.client.create(kind, object.clone()).unwrap_or_else(|status| panic!("{status}: {object}"))
    }

    pub fn get(&self, kind: &str, name: &str) -> Object {
        self.find(kind, name).unwrap_or_else(|| panic!("no {kind} {name}"))
    }

    pub fn find(&self, kind: &str, name: &str) -> Option<Object> {
        let resource = resource(kind);
        self.client.find(resource, if resource.namespaced { NS } else { "" }, name)
    }

    pub fn list(&self, kind: &str) -> Vec<Object> {
        self.client.list(resource(kind), "")
    }

    /// The names of all objects of a kind.
    pub fn names(&self, kind: &str) -> Vec<String> {
        self.list(kind).iter().map(|object| meta::name(object).to_owned()).collect()
    }

    /// Merges a change into an object, as `kubectl patch --type merge` does.
    pub fn change(&self, kind: &str, name: &str, change: Value) -> Object {
        let resource = resource(kind);
        self.client.merge(resource, if resource.namespaced { NS } else { "" }, name, change).unwrap()
    }

    /// Deletes an object, with or without what depends on it.
    pub fn delete(&self, kind: &str, name: &str, propagation: Option<Propagation>) {
        let options = DeleteOptions { propagation, ..DeleteOptions::default() };
        let resource = resource(kind);
        self.client.delete(resource, if resource.namespaced { NS } else { "" }, name, &options).unwrap();
    }

    /// Lets everybody do what there is to do now.
    pub async fn settle(&self) {
        self.pass(Duration::from_millis(200)).await;
    }

    /// Lets time pass.
    pub async fn pass(&self, time: Duration) {
        self.api.clock.sleep(time).await;
    }

    /// Reasons and messages of the events about objects of a kind, in their order.
    pub fn events(&self, kind: &str) -> Vec<String> {
        let mut events = self.client.list(&EVENT, NS);
        events.retain(|event| meta::text(event, "/involvedObject/kind") == kind);
        events.sort_by_key(|event| meta::revision(event));
        events
            .iter()
            .map(|event| format!("{}: {}", meta::text(event, "/reason"), meta::text(event, "/message")))
            .collect()
    }

    /// The Pods that neither ended nor were asked to.
    pub fn active(&self) -> Vec<Object> {
        let mut pods = self.list("Pod");
        pods.retain(|pod| kubedrill::sim::controllers::pods::is_active(pod));
        pods
    }

    /// Puts a Pod on a node, if it has none, and gives it a status.
    pub fn report(&self, pod: &Value, phase: &str, ready: bool) {
        let (namespace, name) = (meta::namespace(pod), meta::name(pod));
        if meta::text(pod, "/spec/nodeName").is_empty() {
            let node = pod.pointer(MEANT_FOR).and_then(Value::as_str).unwrap_or("node01");
            self.client.bind(namespace, name, node).unwrap();
        }
        let now = timestamp(self.api.clock.now());
        let ready =
            json!({ "type": "Ready", "status": if ready { "True" } else { "False" }, "lastTransitionTime": now });
        let changed = self.client.modify_status(&POD, namespace, name, |fresh| {
            fresh["status"]["phase"] = json!(phase);
            if kubedrill::sim::controllers::pods::holds(fresh, "Ready") != (ready["status"] == "True") {
                fresh["status"]["conditions"] = json!([ready]);
            }
        });
        changed.unwrap();
    }

    /// Plays the kubelet once: Pods that should run run and are ready, Pods that should end are gone.
    pub fn kubelet(&self) {
        self.kubelet_unless(|_| false);
    }

    /// The same, but Pods that `broken` holds for never get ready.
    pub fn kubelet_unless(&self, broken: impl Fn(&Value) -> bool) {
        for pod in self.list("Pod") {
            if meta::is_terminating(&pod) {
                drop(self.client.delete(&POD, meta::namespace(&pod), meta::name(&pod), &DeleteOptions::now()));
            } else if matches!(meta::text(&pod, "/status/phase"), "Pending" | "Running") {
                self.report(&pod, "Running", !broken(&pod));
            }
        }
    }

    /// Plays the kubelet until nothing changes any more.
    pub async fn live(&self) {
        self.live_unless(|_| false).await;
    }

    /// The same, but Pods that `broken` holds for never get ready.
    pub async fn live_unless(&self, broken: impl Fn(&Value) -> bool) {
        for _ in 0..100 {
            self.settle().await;
            let before = self.api.storage.revision();
            self.kubelet_unless(&broken);
            self.settle().await;
            if self.api.storage.revision() == before {
                return;
            }
        }
        panic!("it never comes to rest");
    }
}

/// A Pod template with one container and the label `app`.
pub fn template(app: &str, image: &str) -> Value {
    json!({
        "metadata": { "labels": { "app": app } },
        "spec": { "containers": [{ "name": "c", "image": image }] },
    })
}

/// A workload of `replicas` Pods that select `app: <name>`.
pub fn workload(kind: &str, name: &str, replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": { "name": name },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": name } },
            "template": template(name, "nginx:1.27"),
        },
    })
}

/// A field of each object's status, as a number.
pub fn counter(object: &Value, key: &str) -> i64 {
    meta::number(object, &format!("/status/{key}")).unwrap_or_default()
}

/// A condition's status and reason.
pub fn said(object: &Value, kind: &str) -> (String, String) {
    let found = kubedrill::sim::controllers::pods::condition(object, kind).cloned().unwrap_or_default();
    (meta::text(&found, "/status").to_owned(), meta::text(&found, "/reason").to_owned())
}
