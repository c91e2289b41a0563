//! The controllers: each watches some resources and brings the cluster nearer to what one object asks for.
//! One controller, one file, one row. How a controller is driven is `run.rs`; Pods start and stop at the nodes.

pub mod run;

use std::time::Duration;

use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::recorder::Recorder;
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;

/// Namespace (empty for cluster-scoped) and name of what is to be reconciled.
pub type Key = (String, String);

/// What a controller works with. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub client: Client,
    pub events: Recorder,
}

/// When to look at the same key again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// When something it watches changes.
    Done,
    /// Then, and after this time of the cluster's clock.
    After(Duration),
}

/// A resource a controller watches, and whose keys a change of one of its objects concerns.
pub struct Watched {
    pub resource: &'static Resource,
    /// Called with the object as it is and, when it changed, as it was.
    pub keys: fn(&Context, &Object) -> Vec<Key>,
}

/// One controller.
pub struct Controller {
    /// Also the source its events name, such as `deployment-controller`.
    pub name: &'static str,
    pub watches: &'static [Watched],
    /// Brings one object nearer to what is asked; again after a back-off when it fails.
    pub reconcile: fn(&Context, &Key) -> Result<Next>,
}

/// Every controller.
pub static CONTROLLERS: &[&Controller] = &[];

/// The object's own key.
pub fn own(_: &Context, object: &Object) -> Vec<Key> {
    use crate::object::meta;
    vec![(meta::namespace(object).to_owned(), meta::name(object).to_owned())]
}

/// The key of the object's controller, if that is of `kind`.
pub fn controller_key(object: &Object, kind: &str) -> Vec<Key> {
    use crate::object::meta;
    match meta::controller_of(object) {
        Some(owner) if meta::text(owner, "/kind") == kind => {
            vec![(meta::namespace(object).to_owned(), meta::text(owner, "/name").to_owned())]
        }
        _ => Vec::new(),
    }
}
