//! The cluster's memory: objects by resource, namespace and name under one revision counter, and the history watches replay.
//! What may be stored is decided above; that it survives a kill is the journal's.

mod history;
mod journal;
mod kept;
mod shelf;
mod watch;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::Value;

pub use journal::{Journal, JournalError};
use kept::Kept;
use shelf::{Objects, Shelf};
pub use watch::{Expired, Watcher};

/// A stored object. Shared, never changed: a write stores another.
pub type Object = Arc<Value>;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Added,
    Modified,
    Deleted,
}

/// One entry of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub revision: u64,
    pub change: Change,
    pub object: Object,
    /// What stood there before, for watches with a selector.
    pub previous: Option<Object>,
}

/// Why a write was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    Exists,
    Missing,
    Modified,
    /// There are as many objects as may be.
    Full,
}

/// How many objects a store holds unless it is told otherwise: what etcd's 2 GiB are to a real cluster.
pub const MOST_OBJECTS: usize = 200_000;

/// Namespace (empty for cluster-scoped) and name.
pub type Key = (String, String);

/// Everything stored, at one revision.
#[derive(Clone, Default)]
pub struct Checkpoint {
    revision: u64,
    objects: BTreeMap<String, Objects>,
}

impl Checkpoint {
    /// The revision it was made at.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How many objects it holds.
    pub fn len(&self) -> usize {
        self.objects.values().map(BTreeMap::len).sum()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

struct Inner {
    revision: u64,
    /// The revision the store began with: to a resource nothing is kept of, nothing has happened since.
    began: u64,
    shelves: HashMap<String, Shelf>,
    journal: Option<Journal>,
    most: usize,
}

impl Default for Inner {
    fn default() -> Self {
        Self { revision: 0, began: 0, shelves: HashMap::new(), journal: None, most: MOST_OBJECTS }
    }
}

/// The store. Every method is one atomic step.
#[derive(Default)]
pub struct Storage {
    inner: RwLock<Inner>,
}

impl Storage {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// A store that goes on where `checkpoint` stood.
    pub fn from_checkpoint(checkpoint: Checkpoint) -> Self {
        let shelves = checkpoint
            .objects
            .into_iter()
            .map(|(resource, objects)| (resource, Shelf::of(objects, checkpoint.revision)));
        let revision = checkpoint.revision;
        let inner = Inner { revision, began: revision, shelves: shelves.collect(), ..Inner::default() };
        Self { inner: RwLock::new(inner) }
    }

    /// From now on every change is written to `journal`, which first takes what is here.
    pub fn keep(&self, mut journal: Journal) -> Result<(), JournalError> {
        let checkpoint = self.checkpoint();
        let mut inner = self.write();
        journal.begin(&checkpoint)?;
        inner.journal = Some(journal);
        Ok(())
    }

    /// The newest revision.
    pub fn revision(&self) -> u64 {
        self.read().revision
    }

    /// One object. `resource` is the plural with its group, such as `deployments.apps`.
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Object> {
        let kept = self.read().shelves.get(resource)?.get(&(namespace.to_owned(), name.to_owned())).cloned();
        kept.map(|kept| kept.object())
    }

    /// The objects of a resource in one namespace or in all, ordered by namespace and name, and the revision they were read at.
    pub fn list(&self, resource: &str, namespace: Option<&str>) -> (Vec<Object>, u64) {
        let inner = self.read();
        let objects = inner.shelves.get(resource).map(|shelf| shelf.list(namespace)).unwrap_or_default();
        (objects, inner.revision)
    }

    /// All objects of a resource, for one who wants them once: they take no more room afterwards.
    pub fn list_once(&self, resource: &str) -> Vec<Object> {
        let inner = self.read();
        let shelf = inner.shelves.get(resource);
        shelf.map(|shelf| shelf.objects().values().map(|kept| kept.once()).collect()).unwrap_or_default()
    }

    /// The objects as they were at a revision that is past; an error when history does not reach back so far.
    pub fn list_at(&self, resource: &str, namespace: Option<&str>, revision: u64) -> Result<Vec<Object>, Expired> {
        let inner = self.read();
        match inner.shelves.get(resource) {
            None => Ok(Vec::new()),
            Some(shelf) => shelf.list_at(namespace, revision).map_err(|oldest| Expired { wanted: revision, oldest }),
        }
    }

    /// The revision of a resource's newest change, if there is anything of it.
    pub fn newest(&self, resource: &str) -> u64 {
        self.read().shelves.get(resource).map_or(0, |shelf| *shelf.history.newest.borrow())
    }

    /// What nobody wanted since this was called last takes less room from now on, and so does what was replaced.
    pub fn settle(&self) {
        let inner = self.read();
        for shelf in inner.shelves.values() {
            shelf.history.settle();
            shelf.objects().values().for_each(|kept| kept.settle());
        }
    }

    /// From now on no more than `most` objects may be stored.
    pub fn limit(&self, most: usize) {
        self.write().most = most;
    }

    /// How many objects of a resource there are.
    pub fn count(&self, resource: &str) -> usize {
        self.read().shelves.get(resource).map_or(0, Shelf::len)
    }

    /// Stores an object that is not there yet; gives it its resourceVersion.
    pub fn insert(&self, resource: &str, key: Key, object: Value) -> Result<Object, WriteError> {
        let mut inner = self.write();
        if inner.shelf(resource).get(&key).is_some() {
            return Err(WriteError::Exists);
        }
        inner.has_room()?;
        Ok(inner.put(resource, key, object, Change::Added))
    }

    /// Stores another object in place of the one whose resourceVersion is `expected`.
    pub fn replace(&self, resource: &str, key: Key, expected: u64, object: Value) -> Result<Object, WriteError> {
        let mut inner = self.write();
        inner.check(resource, &key, Some(expected))?;
        Ok(inner.put(resource, key, object, Change::Modified))
    }

    /// Takes an object away, if it still is at `expected` where that is given.
    pub fn remove(&self, resource: &str, key: Key, expected: Option<u64>) -> Result<Object, WriteError> {
        let mut inner = self.write();
        inner.check(resource, &key, expected)?;
        inner.take(resource, &key).ok_or(WriteError::Missing)
    }

    /// The changes of a resource after `from`, those already made first.
    pub fn watch(&self, resource: &str, from: u64) -> Result<Watcher, Expired> {
        let mut inner = self.write();
        let revision = inner.revision;
        Watcher::open(inner.shelf(resource), from, revision)
    }

    /// Everything stored. Shares the objects, so it costs little.
    pub fn checkpoint(&self) -> Checkpoint {
        self.read().checkpoint()
    }

    /// Makes the store hold what `checkpoint` holds, by ordinary changes that watches see and revisions count.
    pub fn restore(&self, checkpoint: &Checkpoint) {
        let mut inner = self.write();
        let nothing = Objects::new();
        let mut resources: Vec<String> = inner.shelves.keys().chain(checkpoint.objects.keys()).cloned().collect();
        resources.sort();
        resources.dedup();
        for resource in resources {
            let wanted = checkpoint.objects.get(&resource).unwrap_or(&nothing);
            let gone: Vec<Key> =
                inner.shelf(&resource).objects().keys().filter(|key| !wanted.contains_key(*key)).cloned().collect();
            for key in gone {
                inner.take(&resource, &key);
            }
            for (key, kept) in wanted {
                // The same state, whatever became of it in between.
                let change = match inner.shelf(&resource).get(key) {
                    Some(found) if found.revision == kept.revision => continue,
                    Some(_) => Change::Modified,
                    None => Change::Added,
                };
                inner.put(&resource, key.clone(), (*kept.once()).clone(), change);
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn has_room(&self) -> Result<(), WriteError> {
        let stored: usize = self.shelves.values().map(Shelf::len).sum();
        if stored < self.most { Ok(()) } else { Err(WriteError::Full) }
    }

    fn shelf(&mut self, resource: &str) -> &mut Shelf {
        if !self.shelves.contains_key(resource) {
            self.shelves.insert(resource.to_owned(), Shelf::of(Objects::new(), self.began));
        }
        self.shelves.entry(resource.to_owned()).or_default()
    }

    fn check(&mut self, resource: &str, key: &Key, expected: Option<u64>) -> Result<(), WriteError> {
        let found = self.shelf(resource).get(key).ok_or(WriteError::Missing)?;
        match expected {
            Some(revision) if revision != found.revision => Err(WriteError::Modified),
            _ => Ok(()),
        }
    }

    fn put(&mut self, resource: &str, key: Key, mut object: Value, change: Change) -> Object {
        self.revision += 1;
        let revision = self.revision;
        object["metadata"]["resourceVersion"] = Value::String(revision.to_string());
        let object = Arc::new(object);
        let kept = Kept::new(Arc::clone(&object));
        if let Some(journal) = &mut self.journal {
            journal.put(revision, resource, kept.text());
        }
        self.shelf(resource).put(key, kept, change);
        self.renew_journal();
        object
    }

    fn take(&mut self, resource: &str, key: &Key) -> Option<Object> {
        let revision = self.revision + 1;
        let object = self.shelf(resource).take(key, revision)?;
        self.revision = revision;
        if let Some(journal) = &mut self.journal {
            journal.take(revision, resource, key);
        }
        self.renew_journal();
        Some(object)
    }

    fn checkpoint(&self) -> Checkpoint {
        let objects = self.shelves.iter().map(|(resource, shelf)| (resource.clone(), shelf.objects().clone()));
        Checkpoint { revision: self.revision, objects: objects.collect() }
    }

    /// Leases are renewed for as long as a cluster runs: a journal that has grown long begins anew with what there is.
    fn renew_journal(&mut self) {
        let Some(mut journal) = self.journal.take_if(|journal| journal.is_long()) else { return };
        if let Err(error) = journal.begin(&self.checkpoint()) {
            tracing::error!(%error, "the cluster's journal goes on as it was");
        }
        self.journal = Some(journal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(name: &str) -> Key {
        ("default".to_owned(), name.to_owned())
    }

    fn object(name: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "default"}})
    }

    #[test]
    fn a_stale_write_is_refused() {
        let storage = Storage::new();
        let first = storage.insert("pods", key("a"), object("a")).expect("new");
        let revision = crate::object::meta::revision(&first);
        storage.replace("pods", key("a"), revision, object("a")).expect("fresh");
        assert_eq!(storage.replace("pods", key("a"), revision, object("a")).err(), Some(WriteError::Modified));
        assert_eq!(storage.insert("pods", key("a"), object("a")).err(), Some(WriteError::Exists));
    }

    #[tokio::test]
    async fn a_watch_replays_what_it_missed_and_then_follows() {
        let storage = Storage::new();
        storage.insert("pods", key("a"), object("a")).expect("new");
        let mut watch = storage.watch("pods", 0).expect("history is whole");
        storage.insert("pods", key("b"), object("b")).expect("new");
        storage.remove("pods", key("a"), None).expect("there");
        let changes = [watch.next().await, watch.next().await, watch.next().await];
        let seen: Vec<_> = changes.into_iter().map(|event| event.map(|event| event.change)).collect();
        assert_eq!(seen, [Ok(Change::Added), Ok(Change::Added), Ok(Change::Deleted)]);
    }

    #[test]
    fn the_past_can_be_listed() {
        let storage = Storage::new();
        let first = storage.insert("pods", key("a"), object("a")).expect("new");
        let then = storage.insert("pods", key("b"), object("b")).map(|last| crate::object::meta::revision(&last));
        let then = then.expect("new");
        storage.replace("pods", key("a"), crate::object::meta::revision(&first), object("a")).expect("fresh");
        storage.remove("pods", key("b"), None).expect("there");
        storage.insert("pods", key("c"), object("c")).expect("new");
        let past = storage.list_at("pods", Some("default"), then).expect("history is whole");
        let names: Vec<_> = past.iter().map(|pod| crate::object::meta::name(pod)).collect();
        assert_eq!((names, &past[0]), (vec!["a", "b"], &first));
    }

    #[test]
    fn a_full_store_takes_nothing_more() {
        let storage = Storage::new();
        storage.limit(1);
        storage.insert("pods", key("a"), object("a")).expect("there is room");
        assert_eq!(storage.insert("pods", key("b"), object("b")).err(), Some(WriteError::Full));
        storage.remove("pods", key("a"), None).expect("there");
        storage.insert("pods", key("b"), object("b")).expect("there is room again");
    }

    #[test]
    fn restore_brings_back_what_was_and_only_that() {
        let storage = Storage::new();
        storage.insert("pods", key("a"), object("a")).expect("new");
        let checkpoint = storage.checkpoint();
        storage.insert("pods", key("b"), object("b")).expect("new");
        storage.remove("pods", key("a"), None).expect("there");
        let before = storage.revision();
        storage.restore(&checkpoint);
        let names: Vec<_> =
            storage.list("pods", None).0.iter().map(|pod| crate::object::meta::name(pod).to_owned()).collect();
        assert_eq!(names, ["a"]);
        assert!(storage.revision() > before, "revisions never go back");
    }
}
