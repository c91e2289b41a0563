//! Watches: the changes a list with the same selectors would have shown.
//! Writing them to a connection is the server's.

use super::read::shown;
use super::{ApiServer, ListOptions, Request};
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::status::{Result, Status};
pub use crate::sim::apiserver::storage::Change;
use crate::sim::apiserver::storage::{Event, Expired, Object, Watcher};

/// A change as the watcher is told it.
pub struct Told {
    pub change: Change,
    pub object: Object,
    /// As it was, when the object changed.
    pub previous: Option<Object>,
    pub revision: u64,
}

/// A watch under way.
pub struct Watch {
    resource: &'static Resource,
    namespace: Option<String>,
    selection: ListOptions,
    watcher: Watcher,
}

/// `too old resource version`.
pub fn too_old(expired: Expired) -> Status {
    Status::expired(format!("too old resource version: {} ({})", expired.wanted, expired.oldest))
}

impl ApiServer {
    /// The changes after revision `from`.
    pub fn watch(&self, request: &Request, selection: ListOptions, from: u64) -> Result<Watch> {
        selection.check(request.resource)?;
        let watcher = self.storage.watch(&request.resource.storage().group_resource(), from).map_err(too_old)?;
        let mut selection = selection;
        if !request.name.is_empty() && selection.fields.is_none() {
            selection.fields =
                crate::object::selector::FieldSelector::parse(&format!("metadata.name={}", request.name)).ok();
        }
        let namespace = Some(request.namespace.clone()).filter(|namespace| !namespace.is_empty());
        Ok(Watch { resource: request.resource, namespace, selection, watcher })
    }
}

impl Watch {
    /// The next change; waits for it.
    pub async fn next(&mut self) -> Result<Told> {
        loop {
            let event = self.watcher.next().await.map_err(too_old)?;
            if let Some(told) = self.tell(event) {
                return Ok(told);
            }
        }
    }

    /// The next change that has already happened, if any.
    pub fn try_next(&mut self) -> Result<Option<Told>> {
        while let Some(event) = self.watcher.try_next().map_err(too_old)? {
            if let Some(told) = self.tell(event) {
                return Ok(Some(told));
            }
        }
        Ok(None)
    }

    /// An object that enters the selection is ADDED, one that leaves it DELETED, whatever happened to it.
    fn tell(&self, event: Event) -> Option<Told> {
        if let Some(namespace) = &self.namespace
            && crate::object::meta::namespace(&event.object) != namespace
        {
            return None;
        }
        let object = shown(self.resource, event.object);
        let revision = event.revision;
        let is_in = event.change != Change::Deleted && self.selection.matches(self.resource, &object);
        let previous = event.previous.map(|previous| shown(self.resource, previous));
        let was_in = previous.as_ref().is_some_and(|previous| self.selection.matches(self.resource, previous));
        let change = match (was_in, is_in) {
            (false, true) => Change::Added,
            (true, true) => Change::Modified,
            (true, false) => Change::Deleted,
            (false, false) => return None,
        };
        Some(Told { change, object, previous, revision })
    }
}
