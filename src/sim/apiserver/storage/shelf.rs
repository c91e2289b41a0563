//! The objects of one resource.
//! Revisions are handed out by the store; what becomes of former states is the history's.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::history::History;
use super::kept::Kept;
use super::{Change, Key, Object};
use crate::object::meta;

/// A resource's objects, ordered by namespace and name.
pub(super) type Objects = BTreeMap<Key, Arc<Kept>>;

fn within(objects: &Objects, namespace: Option<&str>) -> Vec<Object> {
    match namespace {
        None => objects.values().map(|kept| kept.object()).collect(),
        Some(namespace) => {
            let from = (namespace.to_owned(), String::new());
            let inside = objects.range(from..).take_while(|((found, _), _)| found == namespace);
            inside.map(|(_, kept)| kept.object()).collect()
        }
    }
}

/// One resource's objects.
pub(super) struct Shelf {
    objects: Objects,
    pub(super) history: Arc<History>,
}

impl Default for Shelf {
    fn default() -> Self {
        Self::of(Objects::new(), 0)
    }
}

impl Shelf {
    pub(super) fn of(objects: Objects, revision: u64) -> Self {
        Self { objects, history: Arc::new(History::starting(revision)) }
    }

    pub(super) fn objects(&self) -> &Objects {
        &self.objects
    }

    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Arc<Kept>> {
        self.objects.get(key)
    }

    pub(super) fn list(&self, namespace: Option<&str>) -> Vec<Object> {
        within(&self.objects, namespace)
    }

    /// The objects as they were at `revision`, or how far history is gone.
    pub(super) fn list_at(&self, namespace: Option<&str>, revision: u64) -> Result<Vec<Object>, u64> {
        let since = self.history.after(revision, usize::MAX)?;
        if since.is_empty() {
            return Ok(self.list(namespace));
        }
        let mut objects = self.objects.clone();
        for event in since.into_iter().rev() {
            let key = (meta::namespace(&event.object).to_owned(), meta::name(&event.object).to_owned());
            match event.previous {
                Some(previous) => drop(objects.insert(key, Kept::new(previous))),
                None => drop(objects.remove(&key)),
            }
        }
        Ok(within(&objects, namespace))
    }

    pub(super) fn put(&mut self, key: Key, object: Arc<Kept>, change: Change) {
        let previous = self.objects.insert(key, Arc::clone(&object));
        self.history.push(change, object, previous);
    }

    /// Takes the object away; what is given back carries the revision of its end.
    pub(super) fn take(&mut self, key: &Key, revision: u64) -> Option<Object> {
        let previous = self.objects.remove(key)?;
        let mut last = (*previous.once()).clone();
        last["metadata"]["resourceVersion"] = Value::String(revision.to_string());
        let object = Arc::new(last);
        self.history.push(Change::Deleted, Kept::new(Arc::clone(&object)), Some(previous));
        Some(object)
    }
}
