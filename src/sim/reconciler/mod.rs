//! What controllers, scheduler and kubelets have in common: they watch, queue keys and reconcile one at a time.
//! What each makes of a key is its own. The words are those of controller-runtime and client-go's workqueue.

mod run;

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;

use super::apiserver::client::Client;
use super::apiserver::endpoints::ApiServer;
use super::apiserver::pki::Authority;
use super::apiserver::recorder::Recorder;
use super::apiserver::registry::Resource;
use super::apiserver::status::Result;
use super::apiserver::storage::Object;
use crate::object::meta;

pub use run::run;

/// Namespace (empty for cluster-scoped) and name of what is to be reconciled.
pub type Key = (String, String);

/// What a reconciler works with. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub client: Client,
    pub events: Recorder,
    /// The cluster's certificate authority, whose key lies where the controller manager runs.
    pub authority: Arc<Authority>,
    memory: Arc<Mutex<Option<Box<dyn Any + Send>>>>,
}

impl Context {
    /// What the component of this name works with; it is also the source of its events.
    pub fn new(api: Arc<ApiServer>, component: &'static str, authority: Arc<Authority>) -> Self {
        let client = Client::of_component(api, component);
        Self { events: Recorder::new(client.clone(), component, ""), client, authority, memory: Arc::default() }
    }

    /// The same for a component of another name in its events; it remembers for itself.
    pub fn as_source(self, component: &'static str) -> Self {
        Self { events: Recorder::new(self.client.clone(), component, ""), memory: Arc::default(), ..self }
    }

    /// What the component remembers between two keys: nothing when it starts, and a value of one type only.
    /// What must outlive a restart belongs into objects.
    pub fn remember<T: Default + Send + 'static, R>(&self, with: impl FnOnce(&mut T) -> R) -> R {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = memory.take().and_then(|kept| kept.downcast::<T>().ok()).unwrap_or_default();
        let told = with(&mut kept);
        *memory = Some(kept);
        told
    }
}

/// When to look at the same key again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// When something it watches changes.
    Done,
    /// Then, and after this time of the cluster's clock.
    After(Duration),
}

/// A resource that is watched, and whose keys a change of one of its objects concerns.
pub struct Watched {
    pub resource: &'static Resource,
    /// Called with the object as it is and, when it changed, as it was.
    pub keys: fn(&Context, &Object) -> Vec<Key>,
}

/// What can be driven.
pub trait Reconciler: Send + Sync {
    /// Its name in events and logs, such as `deployment-controller`.
    fn name(&self) -> &'static str;
    /// What it watches.
    fn watches(&self) -> &'static [Watched];
    /// A key that something outside the API wants looked at, once there is one.
    fn pushed(&self) -> BoxFuture<'_, Key> {
        Box::pin(std::future::pending())
    }
    /// Brings one object nearer to what is asked; again after a back-off when it fails.
    fn reconcile(&self, context: &Context, key: &Key) -> Result<Next>;
}

/// An object's key.
pub fn key(object: &Object) -> Key {
    (meta::namespace(object).to_owned(), meta::name(object).to_owned())
}

/// The object's own key, as a [`Watched`] wants it.
pub fn own(_: &Context, object: &Object) -> Vec<Key> {
    vec![key(object)]
}

/// The key of the object's controller, if that is of `kind`.
pub fn controller_key(object: &Object, kind: &str) -> Vec<Key> {
    match meta::controller_of(object) {
        Some(owner) if meta::text(owner, "/kind") == kind => {
            vec![(meta::namespace(object).to_owned(), meta::text(owner, "/name").to_owned())]
        }
        _ => Vec::new(),
    }
}
