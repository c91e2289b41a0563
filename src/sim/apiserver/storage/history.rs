//! The recent changes of one resource, for watches that are behind.
//! States that were replaced become text when nobody waits for them any more; the oldest of them go.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::watch;

use super::kept::Kept;
use super::{Change, Event};

/// How many changes of a resource a watch can be behind before it has to list again.
const HISTORY: usize = 20_000;
/// How many changes are kept for watches that are still to come.
const KEPT: usize = 1_000;
/// States that were replaced become text in portions of at least and at most so many.
const PORTION: RangeInclusive<usize> = 16..=64;

struct Entry {
    revision: u64,
    change: Change,
    object: Arc<Kept>,
    previous: Option<Arc<Kept>>,
}

#[derive(Default)]
struct Log {
    entries: VecDeque<Entry>,
    /// Changes up to this revision are no longer told one by one.
    compacted: u64,
    /// What changes up to this revision replaced is text.
    folded: u64,
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

    pub(super) fn push(&self, change: Change, object: Arc<Kept>, previous: Option<Arc<Kept>>) {
        let revision = object.revision;
        let mut log = lock(&self.log);
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
            object: entry.object.once(),
            previous: entry.previous.as_ref().map(|previous| previous.once()),
        };
        Ok(log.entries.iter().skip(start).take(limit).map(told).collect())
    }

    /// A watcher has read everything: what all have read takes less room from now on.
    pub(super) fn rest(&self) {
        self.shrink(PORTION);
    }

    /// The same, to the last state.
    pub(super) fn settle(&self) {
        self.shrink(1..=usize::MAX);
    }

    fn shrink(&self, portion: RangeInclusive<usize>) {
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
        log.fold(slowest, &portion);
    }
}

impl Log {
    /// Lets the oldest entries go, but none after `read`.
    fn shrink_to(&mut self, size: usize, read: u64) {
        while self.entries.len() > size && self.entries.front().is_some_and(|entry| entry.revision <= read) {
            let gone = self.entries.pop_front();
            self.compacted = gone.map_or(self.compacted, |entry| entry.revision);
        }
    }

    /// Makes text of what was replaced by changes up to `read`.
    fn fold(&mut self, read: u64, portion: &RangeInclusive<usize>) {
        let from = self.entries.partition_point(|entry| entry.revision <= self.folded);
        let to = self.entries.partition_point(|entry| entry.revision <= read);
        let ready = to.saturating_sub(from).min(*portion.end());
        if ready < *portion.start() {
            return;
        }
        for entry in self.entries.range(from..from + ready) {
            if let Some(previous) = &entry.previous {
                previous.fold();
            }
            if entry.change == Change::Deleted {
                entry.object.fold();
            }
            self.folded = entry.revision;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Object;
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
            let previous = (revision > 1).then(|| Kept::new(object(revision - 1)));
            let change = if revision == 40 { Change::Deleted } else { Change::Modified };
            history.push(change, Kept::new(object(revision)), previous);
        }
        history.rest();
        assert_eq!(lock(&history.log).folded, 0, "a watcher is still to read them");
        reader.store(40, Ordering::Relaxed);
        history.rest();
        assert_eq!(lock(&history.log).folded, 40);
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
            history.push(Change::Added, Kept::new(object(revision)), None);
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
