//! Stories of admission and of the controllers that keep the cluster's order, over an API server in the process.
//! Time stands still until every task waits; nothing here sleeps.

mod admission_basics;
mod certificates;
mod endpoints;
mod limits;
mod namespaces;
mod nodes;
mod pod_security;

use std::sync::Arc;
use std::time::Duration;

use kubedrill::base::clock::Clock;
use kubedrill::object::meta;
use kubedrill::sim::apiserver::auth::{Authenticator, TokenKey, User};
use kubedrill::sim::apiserver::client::Client;
use kubedrill::sim::apiserver::endpoints::{ApiServer, Request};
use kubedrill::sim::apiserver::pki::{Authority, KeyPair};
use kubedrill::sim::apiserver::registry::kinds::event::EVENT;
use kubedrill::sim::apiserver::registry::{self, Resource};
use kubedrill::sim::apiserver::status::Status;
use kubedrill::sim::apiserver::storage::{Object, Storage};
use kubedrill::sim::controllers::CONTROLLERS;
use kubedrill::sim::reconciler::{self, Context};
use serde_json::{Value, json};

/// An API server with nothing but the namespaces every cluster has.
pub struct World {
    pub client: Client,
    pub authority: Arc<Authority>,
}

/// The resource of an object.
pub fn resource(object: &Value) -> &'static Resource {
    let text = |key: &str| object[key].as_str().unwrap_or_default();
    registry::of_kind(text("apiVersion"), text("kind")).unwrap_or_else(|| panic!("no such kind: {object}"))
}

impl World {
    pub fn new() -> Self {
        let clock = Clock::system();
        let authority = Authority::generate("kubernetes", clock.now()).unwrap();
        let tokens = TokenKey::new(&KeyPair::generate().unwrap()).unwrap();
        let api = ApiServer::new(Storage::new(), clock, Authenticator::new(authority.certificate(), tokens));
        let client = Client::of_component(api, "tester");
        let world = Self { client, authority: Arc::new(authority) };
        for name in ["default", "kube-system", "kube-public"] {
            world.make(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }));
        }
        world
    }

    /// The same with these controllers at work, by the names they have in events; all when none is named.
    pub fn with_controllers(names: &[&str]) -> Self {
        let world = Self::new();
        for controller in CONTROLLERS.iter().filter(|one| names.is_empty() || names.contains(&one.name)) {
            let context = Context::new(world.client.server().clone(), controller.name, world.authority.clone());
            tokio::spawn(async move { reconciler::run(*controller, context).await });
        }
        world
    }

    /// Lets time pass, in which everything happens that is due.
    pub async fn pass(&self, seconds: u64) {
        self.client.clock().sleep(Duration::from_secs(seconds)).await;
    }

    /// Lets happen what needs no time.
    pub async fn settle(&self) {
        self.client.clock().sleep(Duration::from_millis(900)).await;
    }

    /// The events of an object, as `reason: message`, oldest first.
    pub fn events(&self, kind: &str, name: &str) -> Vec<String> {
        let mut events = self.client.list(&EVENT, "");
        events.sort_by_key(|event| meta::revision(event));
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let mut told = Vec::new();
        for event in &events {
            let involved = &event["involvedObject"];
            if involved["kind"] == kind && involved["name"] == name {
                told.push(format!("{}: {}", text(event, "reason"), text(event, "message")));
            }
        }
        told
    }

    /// Creates an object, as an administrator; in namespace `default` unless it names one.
    pub fn try_make(&self, mut object: Value) -> Result<Object, Status> {
        let resource = resource(&object);
        if resource.namespaced && object["metadata"]["namespace"].is_null() {
            object["metadata"]["namespace"] = json!("default");
        }
        self.client.create(resource, object)
    }

    /// The same, where it must succeed.
    pub fn make(&self, object: Value) -> Object {
        self.try_make(object.clone()).unwrap_or_else(|status| panic!("{}: {object}", status.message))
    }

    /// The message of the refusal to create an object.
    pub fn refusal(&self, object: Value) -> String {
        match self.try_make(object) {
            Ok(made) => panic!("was made: {made}"),
            Err(status) => status.message,
        }
    }

    /// Creates an object as somebody; gives the warnings with it.
    pub fn make_as(&self, user: &User, object: Value) -> (Result<Object, Status>, Vec<String>) {
        let namespace = meta::namespace(&object).to_owned();
        let request = Request::new(Arc::new(user.clone()), resource(&object), &namespace, "");
        let made = self.client.server().create(&request, object);
        (made, request.warnings.take())
    }
}

/// A Pod of one container, in `default`.
pub fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name },
        "spec": { "containers": [{ "name": "c", "image": "nginx" }] },
    })
}
