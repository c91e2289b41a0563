//! The container runtimes of all nodes: every Pod's sandbox, and the files that outlive one.
//! What starts and ends in them is the kubelets'. Losing a runtime loses what Pods wrote; runs begin again from their start.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::process::files::{Entry, Tree};
use super::process::sandbox::{Front, Sandbox};
use crate::object::meta;
use crate::sim::apiserver::storage::Object;
use crate::sim::network::{Reply, Request, Sockets};
use crate::sim::reconciler::Key;

type Files = Arc<Mutex<Tree>>;

struct Pod {
    sandbox: Arc<Mutex<Sandbox>>,
    front: Arc<Front>,
}

/// The runtimes.
#[derive(Default)]
pub struct Runtime {
    pods: Mutex<HashMap<String, Pod>>,
    /// Files by what they belong to: `node/NAME`, `pv/NAME`, `UID/VOLUME`.
    kept: Mutex<HashMap<String, Files>>,
    turns: AtomicUsize,
    /// Pods in which something happened that their kubelet does not know of.
    pub wakes: Wakes,
}

/// Keys that wait for somebody to look at them.
#[derive(Default)]
pub struct Wakes {
    keys: Mutex<VecDeque<Key>>,
    more: Notify,
}

impl Wakes {
    /// Adds a key.
    pub fn push(&self, key: Key) {
        lock(&self.keys).push_back(key);
        self.more.notify_one();
    }

    /// Takes a key; waits until there is one.
    pub async fn next(&self) -> Key {
        loop {
            if let Some(key) = lock(&self.keys).pop_front() {
                return key;
            }
            self.more.notified().await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Runtime {
    /// Forgets everything, as after a restore.
    pub fn clear(&self) {
        lock(&self.pods).clear();
        lock(&self.kept).clear();
    }

    /// Forgets a Pod and what was its alone.
    pub fn forget(&self, uid: &str) {
        lock(&self.pods).remove(uid);
        let own = format!("{uid}/");
        lock(&self.kept).retain(|name, _| !name.starts_with(&own));
    }

    /// Works with a Pod's sandbox, brought to `now`; one that is not there yet begins at `begin`.
    pub fn with<T>(&self, uid: &str, (begin, now): (Timestamp, Timestamp), work: impl FnOnce(&mut Sandbox) -> T) -> T {
        let sandbox = {
            let mut pods = lock(&self.pods);
            let pod = pods.entry(uid.to_owned()).or_insert_with(|| {
                let sandbox = Sandbox::new(begin);
                Pod { front: sandbox.front().clone(), sandbox: Arc::new(Mutex::new(sandbox)) }
            });
            pod.sandbox.clone()
        };
        let mut sandbox = lock(&sandbox);
        sandbox.run_until(now);
        work(&mut sandbox)
    }

    /// Works with a Pod's sandbox as it is, if it is there.
    pub fn look<T>(&self, uid: &str, work: impl FnOnce(&mut Sandbox) -> T) -> Option<T> {
        let sandbox = lock(&self.pods).get(uid)?.sandbox.clone();
        let mut sandbox = lock(&sandbox);
        Some(work(&mut sandbox))
    }

    /// What others see of a Pod.
    pub fn front(&self, uid: &str) -> Option<Arc<Front>> {
        lock(&self.pods).get(uid).map(|pod| pod.front.clone())
    }

    /// Files that are kept under a name, with this folder in them.
    pub fn files(&self, name: &str, folder: &str) -> Files {
        let files = lock(&self.kept).entry(name.to_owned()).or_default().clone();
        let mut tree = lock(&files);
        let mut path = String::new();
        for part in folder.split('/').filter(|part| !part.is_empty()) {
            path = if path.is_empty() { part.to_owned() } else { format!("{path}/{part}") };
            tree.entry(path.clone()).or_insert_with(|| Entry::folder(Timestamp::UNIX_EPOCH));
        }
        drop(tree);
        files
    }
}

impl Sockets for Runtime {
    fn turn(&self) -> usize {
        self.turns.fetch_add(1, Ordering::Relaxed)
    }

    fn open(&self, pod: &Object) -> Vec<u16> {
        self.front(meta::uid(pod)).map(|front| front.open()).unwrap_or_default()
    }

    fn get(&self, pod: &Object, port: u16, request: &Request) -> Result<Reply, String> {
        self.front(meta::uid(pod))
            .and_then(|front| front.get(port, &request.path))
            .unwrap_or_else(|| Err(String::new()))
    }
}
