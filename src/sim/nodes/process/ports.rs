//! The ports on which something in a Pod listens: its containers share them.
//! What is answered there is the programs' (`programs/server.rs`).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The ports that are open in a Pod, with the number of the run that opened each.
#[derive(Default)]
pub struct Ports(Mutex<BTreeMap<u16, u64>>);

impl Ports {
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<u16, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them.
    pub fn all(&self) -> Vec<u16> {
        self.lock().keys().copied().collect()
    }

    /// The run that listens on a port.
    pub fn owner(&self, port: u16) -> Option<u64> {
        self.lock().get(&port).copied()
    }
}
