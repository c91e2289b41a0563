//! One program that lives by the API server: what it read when it started, how it stands now, and all of them by their Pods.
//! What becomes of one when its turn comes is `round.rs`.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::sim::nodes::components::settings::{DEFAULT, Lease};
use crate::sim::nodes::kube_proxy::Proxy;
use crate::sim::nodes::startup::access::Access;
use crate::sim::reconciler::Key;

/// A line of a log that is no complaint: its place in the program, and what it says.
pub type Told = (&'static str, String);

/// What a program read when it started, and goes by for as long as it runs.
#[derive(Debug, Default, PartialEq)]
pub struct Calls {
    pub program: &'static str,
    /// Namespace and name of its Pod.
    pub pod: Key,
    pub node: String,
    /// The way to the API server; none on a machine nobody went into, where it leads there.
    pub access: Option<Access>,
    /// The lease it elects a leader by, if it does.
    pub lease: Option<Lease>,
    /// The schedulers it is.
    pub names: Vec<String>,
    /// The host's name, as its container sees it.
    pub hostname: String,
    /// What it says when it has reached the API server, and when it begins to work.
    pub reached: Vec<Told>,
    pub works: Vec<Told>,
    /// What a kube-proxy does then.
    pub proxy: Option<Proxy>,
}

/// How it stands with the API server.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Standing {
    /// It has not come through yet.
    Seeking,
    /// Another has the lease: whose it was seen to be, and since when nothing came of that one.
    Waiting(Option<(String, Timestamp)>),
    Works,
    /// It worked, and does not come through any more: since when.
    Cut(Timestamp),
    /// It has ended.
    Gone,
}

/// One that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    pub(super) calls: Arc<Calls>,
    /// By which a lease knows it.
    pub(super) identity: String,
    pub(super) standing: Standing,
    /// How often it has failed in a row.
    pub(super) failures: u32,
    /// When its turn comes.
    pub(super) due: Timestamp,
    pub(super) since: Timestamp,
}

impl Caller {
    /// Whether it does what it is for: a kube-proxy that is cut off leaves its rules.
    pub fn works(&self) -> bool {
        matches!(self.standing, Standing::Works | Standing::Cut(_))
    }

    /// Whether it is a scheduler of other names only.
    pub fn is_second(&self) -> bool {
        let names = &self.calls.names;
        !names.is_empty() && !names.iter().any(|name| matches!(name.as_str(), "" | DEFAULT))
    }

    /// The lease it holds.
    pub(super) fn held(&self) -> Option<&Lease> {
        self.calls.lease.as_ref().filter(|_| self.works())
    }
}

/// Those of all nodes, by the uids of their Pods.
#[derive(Default)]
pub struct Callers {
    all: Mutex<HashMap<String, Caller>>,
    /// Leases that were given up by who is gone, and by which name they knew it.
    released: Mutex<Vec<(Lease, String)>>,
    pub(super) changed: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Callers {
    /// Has everybody's turn come now.
    pub fn stir(&self) {
        self.changed.notify_one();
    }

    /// Notes what a container of a Pod that starts is; nothing, when it is none.
    pub fn note(&self, uid: &str, caller: Option<&Caller>) {
        match caller {
            Some(caller) => drop(lock(&self.all).insert(uid.to_owned(), caller.clone())),
            None if lock(&self.all).remove(uid).is_none() => return,
            None => {}
        }
        self.stir();
    }

    /// Forgets a Pod. A scheduler that was asked to end gives up its lease.
    pub fn forget(&self, uid: &str, asked: bool) {
        let Some(caller) = lock(&self.all).remove(uid) else { return };
        if let Some(lease) = caller.held().filter(|_| asked && caller.calls.program == "kube-scheduler") {
            lock(&self.released).push((lease.clone(), caller.identity.clone()));
        }
        self.stir();
    }

    /// Forgets all Pods but these: the others belong to another time, and nothing follows from that they are gone.
    pub fn forget_others(&self, uids: &HashSet<String>) {
        lock(&self.all).retain(|uid, _| uids.contains(uid));
        lock(&self.released).clear();
        self.stir();
    }

    /// That of a Pod.
    pub fn get(&self, uid: &str) -> Option<Caller> {
        lock(&self.all).get(uid).cloned()
    }

    /// All as they are now.
    pub(super) fn all(&self) -> Vec<(String, Caller)> {
        lock(&self.all).iter().map(|(uid, caller)| (uid.clone(), caller.clone())).collect()
    }

    pub(super) fn take_released(&self) -> Vec<(Lease, String)> {
        std::mem::take(&mut lock(&self.released))
    }

    /// What has become of one, unless another has started in its place meanwhile; whether that is so.
    pub(super) fn becomes(&self, uid: &str, caller: &Caller) -> bool {
        match lock(&self.all).get_mut(uid) {
            Some(known) if Arc::ptr_eq(&known.calls, &caller.calls) => {
                *known = caller.clone();
                true
            }
            _ => false,
        }
    }
}
