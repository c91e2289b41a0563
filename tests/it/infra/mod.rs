//! Stories of admission and of the controllers that keep the cluster's order, over an API server in the process.
//! Time stands still until every task waits; nothing here sleeps.

mod admission_basics;

use kubedrill::base::clock::Clock;
use kubedrill::sim::apiserver::auth::{Authenticator, TokenKey};
use kubedrill::sim::apiserver::client::Client;
use kubedrill::sim::apiserver::endpoints::ApiServer;
use kubedrill::sim::apiserver::pki::{Authority, KeyPair};
use kubedrill::sim::apiserver::registry::{self, Resource};
use kubedrill::sim::apiserver::status::Status;
use kubedrill::sim::apiserver::storage::{Object, Storage};
use serde_json::{Value, json};

/// An API server with nothing but the namespaces every cluster has.
pub struct World {
    pub client: Client,
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
        let world = Self { client };
        for name in ["default", "kube-system", "kube-public"] {
            world.make(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }));
        }
        world
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
