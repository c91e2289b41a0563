//! Writing down what Pods have written, in the background, soon after a change: a program that is killed loses the last second.
//! What is written is `snapshot.rs`.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::runtime::Runtime;
use super::snapshot::{Snapshot, SnapshotError};
use crate::base::clock::Clock;

/// So long a change may wait until it is written down.
pub const SOON: Duration = Duration::from_secs(1);
/// A file is begun anew when it has grown by this many bytes and by so many times what it began with.
const GROWTH: u64 = 8 << 20;
const TIMES: u64 = 4;

struct Book {
    path: PathBuf,
    file: File,
    /// What stands in the file.
    told: Snapshot,
    /// Bytes at the beginning, and written since.
    began: u64,
    grown: u64,
    failed: bool,
}

/// The file in which a cluster's runtimes are kept.
pub struct Keeper(Mutex<Book>);

impl Book {
    fn begin(path: PathBuf, told: Snapshot) -> Result<Self, SnapshotError> {
        told.save(&path)?;
        let write = |source| SnapshotError::Write { path: path.clone(), source };
        let file = File::options().append(true).open(&path).map_err(write)?;
        let began = file.metadata().map_err(write)?.len();
        Ok(Self { path, file, told, began, grown: 0, failed: false })
    }

    fn write(&mut self, now: Snapshot) -> Result<(), SnapshotError> {
        let text = now.since(&self.told);
        if text.is_empty() {
            return Ok(());
        }
        // After a failure the file may end in half a batch: it has to be begun anew.
        if self.failed || self.grown > GROWTH.max(TIMES * self.began) {
            *self = Self::begin(self.path.clone(), now)?;
            return Ok(());
        }
        self.file.write_all(&text).map_err(|source| SnapshotError::Write { path: self.path.clone(), source })?;
        self.grown += text.len() as u64;
        self.told = now;
        Ok(())
    }
}

impl Keeper {
    /// A new file at `path`, with what `told` holds.
    pub fn begin(path: PathBuf, told: Snapshot) -> Result<Self, SnapshotError> {
        Book::begin(path, told).map(|book| Self(Mutex::new(book)))
    }

    /// Writes down what has changed.
    pub fn write(&self, runtime: &Runtime) {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match book.write(runtime.snapshot()) {
            Ok(()) => book.failed = false,
            // A full disk must not stop the learner's cluster; that it is no longer kept is said once.
            Err(error) if !book.failed => {
                book.failed = true;
                tracing::error!(%error, "what Pods write can no longer be kept");
            }
            Err(_) => {}
        }
    }
}

/// Writes until the task is stopped.
pub async fn run(keeper: Arc<Keeper>, runtime: Arc<Runtime>, clock: Clock) {
    loop {
        runtime.stirred().await;
        clock.sleep(SOON).await;
        keeper.write(&runtime);
    }
}
