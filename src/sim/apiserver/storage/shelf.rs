//! The objects of one resource.
//! Revisions are handed out by the store; what becomes of former states is the history's.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::history::History;
use super::{Change, Event, Key, Object};
use crate::object::meta;

fn within(objects: &BTreeMap<Key, Object>, namespace: Option<&str>) -> Vec<Object> {
    match namespace {
        None => objects.values().cloned().collect(),
        Some(namespace) => {
            let from = (namespace.to_owned(), String::new());
            let inside = objects.range(from..).take_while(|((found, _), _)| found == namespace);
            inside.map(|(_, object)| Arc::clone(object)).collect()
        }
    }
}

/// One resource's objects.
pub(super) struct Shelf {
    objects: BTreeMap<Key, Object>,
    pub(super) history: Arc<History>,
}

impl Default for Shelf {
    fn default() -> Self {
        Self::of(BTreeMap::new(), 0)
    }
}

impl Shelf {
    pub(super) fn of(objects: BTreeMap<Key, Object>, revision: u64) -> Self {
        Self { objects, history: Arc::new(History::starting(revision)) }
    }

    pub(super) fn objects(&self) -> &BTreeMap<Key, Object> {
        &self.objects
    }

    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<Object> {
        self.objects.get(&(namespace.to_owned(), name.to_owned())).cloned()
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
                Some(previous) => drop(objects.insert(key, previous)),
                None => drop(objects.remove(&key)),
            }
        }
        Ok(within(&objects, namespace))
    }

    pub(super) fn put(&mut self, key: Key, object: Object, revision: u64, change: Change) {
        let previous = self.objects.insert(key, Arc::clone(&object));
        self.history.push(Event { revision, change, object, previous });
    }

    /// Takes the object away; what is given back carries the revision of its end.
    pub(super) fn take(&mut self, key: &Key, revision: u64) -> Option<Object> {
        let previous = self.objects.remove(key)?;
        let mut last = (*previous).clone();
        last["metadata"]["resourceVersion"] = Value::String(revision.to_string());
        let object = Arc::new(last);
        self.history.push(Event {
            revision,
            change: Change::Deleted,
            object: Arc::clone(&object),
            previous: Some(previous),
        });
        Some(object)
    }
}
