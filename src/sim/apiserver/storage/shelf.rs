//! The objects of one resource and their recent history.
//! Revisions are handed out by the store; waiting for changes is the watcher's.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

use super::{Change, Event, Key, Object};

/// How many changes of a resource a watch can be behind before it has to list again.
const HISTORY: usize = 20_000;

/// The history of one resource, shared with its watchers.
pub(super) struct History {
    events: Mutex<VecDeque<Event>>,
    /// The newest revision of this resource; watchers wait on it.
    pub(super) newest: watch::Sender<u64>,
    /// Changes up to this revision are no longer told one by one.
    compacted: Mutex<u64>,
}

impl History {
    fn starting(revision: u64) -> Self {
        Self { events: Mutex::default(), newest: watch::Sender::new(revision), compacted: Mutex::new(revision) }
    }

    fn push(&self, event: Event) {
        let revision = event.revision;
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.push_back(event);
        if events.len() > HISTORY
            && let Some(dropped) = events.pop_front()
        {
            *self.compacted.lock().unwrap_or_else(PoisonError::into_inner) = dropped.revision;
        }
        drop(events);
        self.newest.send_replace(revision);
    }

    /// The changes after `from`, at most `limit`, or how far history is gone.
    pub(super) fn after(&self, from: u64, limit: usize) -> Result<Vec<Event>, u64> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let compacted = *self.compacted.lock().unwrap_or_else(PoisonError::into_inner);
        if from < compacted {
            return Err(compacted);
        }
        let start = events.partition_point(|event| event.revision <= from);
        Ok(events.iter().skip(start).take(limit).cloned().collect())
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
        match namespace {
            None => self.objects.values().cloned().collect(),
            Some(namespace) => {
                let from = (namespace.to_owned(), String::new());
                let inside = self.objects.range(from..).take_while(|((found, _), _)| found == namespace);
                inside.map(|(_, object)| Arc::clone(object)).collect()
            }
        }
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
