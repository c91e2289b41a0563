//! What the API does with an allowed request: one file a verb, over the in-memory store.
//! HTTP is the server's; who may ask is auth's.

mod create;
mod custom;
mod delete;
mod made;
mod metadata;
mod ownership;
mod parts;
mod patch;
mod read;
pub mod request;
mod reviews;
pub mod subresources;
mod update;
pub mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::auth::{Authenticator, Policy, PolicyKind, Rbac, RuleSource};
use super::registry::{self, Resource};
use super::status::group_resource;
use super::storage::{Object, Storage};
use crate::base::clock::Clock;
pub use delete::{DeleteOptions, Deleted, Propagation};
pub use made::Measured;
pub use metadata::{suffix, timestamp, uuid};
pub use patch::Patch;
pub use read::{Continuation, ListOptions, Page};
pub use request::{FieldValidation, Request};

/// The API server: what is stored, whom it believes, and the time. Requests are answered at once, in memory; writes one after another.
pub struct ApiServer {
    pub storage: Storage,
    pub clock: Clock,
    pub authenticator: Authenticator,
    /// What is used of the machines, as measured last.
    pub measured: Measured,
    rbac: Rbac,
    writing: Mutex<()>,
}

impl RuleSource for Storage {
    fn revision(&self) -> u64 {
        PolicyKind::ALL.map(|kind| self.newest(&policies(kind))).into_iter().max().unwrap_or_default()
    }

    fn list(&self, kind: PolicyKind) -> Vec<Object> {
        // They are compiled, and then nobody wants them for long.
        self.list_once(&policies(kind))
    }
}

fn policies(kind: PolicyKind) -> String {
    group_resource("rbac.authorization.k8s.io", kind.plural())
}

impl ApiServer {
    /// A server over `storage`.
    pub fn new(storage: Storage, clock: Clock, authenticator: Authenticator) -> Arc<Self> {
        Arc::new(Self {
            storage,
            clock,
            authenticator,
            measured: Measured::default(),
            rbac: Rbac::default(),
            writing: Mutex::default(),
        })
    }

    /// Who may do what, as the roles and bindings are now.
    pub fn policy(&self) -> Arc<Policy> {
        self.rbac.policy(&self.storage)
    }

    /// Every resource served, those of definitions last.
    pub fn resources(&self) -> Vec<&'static Resource> {
        registry::custom::served(&self.storage)
    }

    /// A resource by group, version and plural.
    pub fn resource(&self, group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
        registry::custom::find_served(&self.storage, group, version, plural)
    }

    /// A resource by apiVersion and kind.
    pub fn resource_of_kind(&self, api_version: &str, kind: &str) -> Option<&'static Resource> {
        registry::custom::of_kind_served(&self.storage, api_version, kind)
    }

    /// Waits for its turn to write: quotas and addresses are counted without anybody changing them meanwhile.
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
