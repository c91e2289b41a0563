//! Following the changes of one resource from any revision on.
//! Selectors and the form of what is sent are the endpoints'.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use super::Event;
use super::history::History;
use super::shelf::Shelf;

/// How many changes are fetched at a time: enough to catch up fast, few enough to hold little.
const BATCH: usize = 256;

/// History before the wanted revision is gone; list again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    pub wanted: u64,
    pub oldest: u64,
}

/// A cursor in the history of a resource. It buffers nothing beyond a batch, so a slow reader costs nothing.
pub struct Watcher {
    history: Arc<History>,
    newest: watch::Receiver<u64>,
    cursor: u64,
    /// Up to where it has fetched, for the history to know.
    reached: Arc<AtomicU64>,
    fetched: VecDeque<Event>,
}

impl Watcher {
    pub(super) fn open(shelf: &Shelf, from: u64, now: u64) -> Result<Self, Expired> {
        let history = Arc::clone(&shelf.history);
        // A revision that was never handed out cannot be followed; the present one can, even if it belongs to another resource.
        let cursor = from.min(now);
        let newest = history.newest.subscribe();
        let reached = history.reader(cursor);
        let mut watcher = Self { history, newest, cursor, reached, fetched: VecDeque::new() };
        watcher.fetch()?;
        Ok(watcher)
    }

    fn fetch(&mut self) -> Result<(), Expired> {
        self.newest.mark_unchanged();
        let cursor = self.cursor;
        self.fetched = self.history.after(cursor, BATCH).map_err(|oldest| Expired { wanted: cursor, oldest })?.into();
        if let Some(last) = self.fetched.back() {
            self.reached.store(last.revision, Ordering::Relaxed);
        } else {
            self.history.rest();
        }
        Ok(())
    }

    /// The next change that has already happened, if any.
    pub fn try_next(&mut self) -> Result<Option<Event>, Expired> {
        if self.fetched.is_empty() {
            self.fetch()?;
        }
        let event = self.fetched.pop_front();
        if let Some(event) = &event {
            self.cursor = event.revision;
        }
        Ok(event)
    }

    /// The next change; waits for it.
    pub async fn next(&mut self) -> Result<Event, Expired> {
        loop {
            if let Some(event) = self.try_next()? {
                return Ok(event);
            }
            if self.newest.changed().await.is_err() {
                // The store is gone, and with it everything that could happen.
                std::future::pending::<()>().await;
            }
        }
    }
}
