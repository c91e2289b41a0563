//! What the API does with an allowed request: one file a verb, over the in-memory store.
//! HTTP is the server's; who may ask is auth's.

mod create;
mod delete;
mod metadata;
mod parts;
mod patch;
mod read;
pub mod request;
pub mod subresources;
mod update;
pub mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::storage::Storage;
use crate::base::clock::Clock;
pub use delete::{DeleteOptions, Deleted, Propagation};
pub use metadata::{suffix, timestamp, uuid};
pub use patch::Patch;
pub use read::{ListOptions, Page};
pub use request::{FieldValidation, Request};

/// The API server: what is stored, and the time. Requests are answered at once, in memory; writes one after another.
pub struct ApiServer {
    pub storage: Storage,
    pub clock: Clock,
    writing: Mutex<()>,
}

impl ApiServer {
    /// A server over `storage`.
    pub fn new(storage: Storage, clock: Clock) -> Arc<Self> {
        Arc::new(Self { storage, clock, writing: Mutex::default() })
    }

    /// Waits for its turn to write: quotas and addresses are counted without anybody changing them meanwhile.
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
