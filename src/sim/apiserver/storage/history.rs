//! The recent changes of one resource, for watches that are behind.
//! What nobody waits for any more is kept as text, a sixth of a tree's size; the oldest of it goes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::watch;

use super::{Change, Event, Object};
use crate::object::meta;

/// How many changes of a resource a watch can be behind before it has to list again.
const HISTORY: usize = 20_000;
/// How many changes are kept for watches that are still to come.
const KEPT: usize = 1_000;
/// States that were replaced become text in portions of at least and at most so many.
const PORTION: std::ops::RangeInclusive<usize> = 16..=64;

/// A state of an object: as everybody works with it, or as JSON.
#[derive(Clone)]
enum State {
    Tree(Object),
    Text(Arc<[u8]>),
}

impl State {
    fn object(&self) -> Object {
        match self {
            Self::Tree(object) => object.clone(),
            // It was written by ourselves.
            Self::Text(text) => serde_json::from_slice(text).unwrap_or_default(),
        }
    }

    fn to_text(&self) -> Arc<[u8]> {
        match self {
            Self::Tree(object) => serde_json::to_vec(object).unwrap_or_default().into(),
            Self::Text(text) => text.clone(),
        }
    }
}

struct Entry {
    revision: u64,
    change: Change,
    object: State,
    previous: Option<State>,
}

#[derive(Default)]
struct Log {
    entries: VecDeque<Entry>,
    /// Changes up to this revision are no longer told one by one.
    compacted: u64,
    /// States that only history holds: their revision, and that of the change that replaced them.
    replaced: VecDeque<(u64, u64)>,
}

/// The history of one resource, shared with its watchers.
pub(super) struct History {
    log: Mutex<Log>,
    /// The newest revision of this resource; watchers wait on it.
    pub(super) newest: watch::Sender<u64>,
    /// Up to where each watcher has read.
    readers: Mutex<Vec<Weak<AtomicU64>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl History {
    pub(super) fn starting(revision: u64) -> Self {
        let log = Log { compacted: revision, ..Log::default() };
        Self { log: Mutex::new(log), newest: watch::Sender::new(revision), readers: Mutex::default() }
    }

    pub(super) fn push(&self, event: Event) {
        let Event { revision, change, object, previous } = event;
        let mut log = lock(&self.log);
        if let Some(previous) = &previous {
            log.replaced.push_back((meta::revision(previous), revision));
        }
        let (object, previous) = (State::Tree(object), previous.map(State::Tree));
        log.entries.push_back(Entry { revision, change, object, previous });
        log.shrink_to(HISTORY, u64::MAX);
        drop(log);
        self.newest.send_replace(revision);
    }

    /// Where a new watcher tells how far it has read.
    pub(super) fn reader(&self, from: u64) -> Arc<AtomicU64> {
        let reader = Arc::new(AtomicU64::new(from));
        lock(&self.readers).push(Arc::downgrade(&reader));
        reader
    }

    /// The changes after `from`, at most `limit`, or how far history is gone.
    pub(super) fn after(&self, from: u64, limit: usize) -> Result<Vec<Event>, u64> {
        let log = lock(&self.log);
        if from < log.compacted {
            return Err(log.compacted);
        }
        let start = log.entries.partition_point(|entry| entry.revision <= from);
        let told = |entry: &Entry| Event {
            revision: entry.revision,
            change: entry.change,
            object: entry.object.object(),
            previous: entry.previous.as_ref().map(State::object),
        };
        Ok(log.entries.iter().skip(start).take(limit).map(told).collect())
    }

    /// A watcher has read everything: what all have read takes less room from now on.
    pub(super) fn rest(&self) {
        let mut slowest = u64::MAX;
        lock(&self.readers).retain(|reader| match reader.upgrade() {
            Some(reader) => {
                slowest = slowest.min(reader.load(Ordering::Relaxed));
                true
            }
            None => false,
        });
        let mut log = lock(&self.log);
        log.shrink_to(KEPT, slowest);
        log.fold(slowest);
    }
}

impl Log {
    /// Lets the oldest entries go, but none after `read`.
    fn shrink_to(&mut self, size: usize, read: u64) {
        while self.entries.len() > size && self.entries.front().is_some_and(|entry| entry.revision <= read) {
            let gone = self.entries.pop_front();
            self.compacted = gone.map_or(self.compacted, |entry| entry.revision);
        }
        let compacted = self.compacted;
        let kept = self.replaced.partition_point(|(_, by)| *by <= compacted);
        self.replaced.drain(..kept);
    }

    /// Makes text of states that were replaced up to `read`.
    fn fold(&mut self, read: u64) {
        let ready = self.replaced.partition_point(|(_, by)| *by <= read).min(*PORTION.end());
        if ready < *PORTION.start() {
            return;
        }
        let replaced: Vec<(u64, u64)> = self.replaced.drain(..ready).collect();
        for (state, by) in replaced {
            let text = self.entry(state).map(|entry| entry.object.to_text());
            if let (Some(text), Some(entry)) = (&text, self.entry(state)) {
                entry.object = State::Text(text.clone());
            }
            let Some(entry) = self.entry(by) else { continue };
            let text = text.or_else(|| entry.previous.as_ref().map(State::to_text));
            entry.previous = text.map(State::Text);
            if entry.change == Change::Deleted {
                entry.object = State::Text(entry.object.to_text());
            }
        }
    }

    fn entry(&mut self, revision: u64) -> Option<&mut Entry> {
        let place = self.entries.binary_search_by_key(&revision, |entry| entry.revision).ok()?;
        self.entries.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(revision: u64) -> Object {
        Object::new(json!({ "metadata": { "name": "a", "resourceVersion": revision.to_string() } }))
    }

    #[test]
    fn what_became_text_is_told_as_it_was() {
        let history = History::starting(0);
        let reader = history.reader(0);
        for revision in 1..=40 {
            let previous = (revision > 1).then(|| object(revision - 1));
            let change = if revision == 40 { Change::Deleted } else { Change::Modified };
            history.push(Event { revision, change, object: object(revision), previous });
        }
        history.rest();
        assert_eq!(lock(&history.log).replaced.len(), 39, "a watcher is still to read them");
        reader.store(40, Ordering::Relaxed);
        history.rest();
        assert!(lock(&history.log).replaced.is_empty());
        let told = history.after(0, 100).expect("history is whole");
        for event in told {
            assert_eq!(event.object, object(event.revision));
            assert_eq!(event.previous, (event.revision > 1).then(|| object(event.revision - 1)));
        }
    }

    #[test]
    fn only_what_was_read_by_all_goes_early() {
        let history = History::starting(0);
        let reader = history.reader(0);
        for revision in 1..=KEPT as u64 + 10 {
            history.push(Event { revision, change: Change::Added, object: object(revision), previous: None });
        }
        history.rest();
        assert!(history.after(0, 1).is_ok());
        reader.store(5, Ordering::Relaxed);
        history.rest();
        assert_eq!(history.after(4, 1).err(), Some(5));
        drop(reader);
        history.rest();
        assert_eq!(history.after(0, 1).err(), Some(10));
    }
}
