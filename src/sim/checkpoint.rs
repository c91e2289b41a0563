//! A cluster at one moment: what its API server stored, and what its Pods had written.
//! Taking one and going back to it is `world.rs`; each half knows how it is written to a file.

use std::path::{Path, PathBuf};

use super::apiserver::storage::{self, Journal, JournalError};
use super::nodes::snapshot::{Snapshot, SnapshotError};

/// Why a checkpoint could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// A cluster at one moment. Shares what it holds with the cluster, so it costs little.
#[derive(Clone, Default)]
pub struct Checkpoint {
    pub(super) stored: storage::Checkpoint,
    pub(super) runtime: Snapshot,
}

impl Checkpoint {
    /// Writes it to a file that [`Checkpoint::load`] reads, and to one beside it.
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        self.runtime.save(&Self::beside(path))?;
        Ok(self.stored.save(path)?)
    }

    /// What was written to `path`, or `None` when nothing was.
    pub fn load(path: &Path) -> Result<Option<Self>, CheckpointError> {
        let Some(stored) = Journal::load(path)? else { return Ok(None) };
        Ok(Some(Self { stored, runtime: Snapshot::load(&Self::beside(path))? }))
    }

    /// Where the other half of a file is: `cluster.files.jsonl` beside `cluster.jsonl`.
    pub(super) fn beside(path: &Path) -> PathBuf {
        path.with_extension("files.jsonl")
    }
}
