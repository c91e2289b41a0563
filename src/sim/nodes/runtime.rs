//! The container runtimes of all nodes: every Pod's sandbox, and the files that outlive one.
//! What starts and ends in them is the kubelets'. All of it can be taken at one moment and brought back later (`snapshot.rs`).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::process::sandbox::{Front, Sandbox};
use super::process::tree::{Entry, Kept, Tree};
use super::snapshot::{PodRecord, Snapshot};
use crate::object::meta;
use crate::sim::apiserver::storage::Object;
use crate::sim::machine::Machines;
use crate::sim::network::{Reply, Request, Sockets};
use crate::sim::reconciler::Key;

struct Pod {
    sandbox: Arc<Mutex<Sandbox>>,
    front: Arc<Front>,
    /// Whether something may have happened since it was remembered.
    touched: AtomicBool,
    remembered: Mutex<Option<Remembered>>,
}

/// A Pod as it was, and the volumes it sees as they were then.
type Remembered = (Arc<PodRecord>, Vec<Arc<Tree>>);

impl Pod {
    fn new(sandbox: Sandbox) -> Self {
        Self {
            front: sandbox.front().clone(),
            sandbox: Arc::new(Mutex::new(sandbox)),
            touched: AtomicBool::new(true),
            remembered: Mutex::default(),
        }
    }

    /// Its runs as they are now; the same as before when nothing but time has passed.
    fn record(&self) -> Arc<PodRecord> {
        let mut remembered = lock(&self.remembered);
        let touched = self.touched.swap(false, Ordering::Relaxed);
        if let Some((known, _)) = remembered.as_ref().filter(|_| !touched) {
            return known.clone();
        }
        let (now, volumes) = (PodRecord::of(&lock(&self.sandbox)), self.front.volumes());
        let same = |before: &[Arc<Tree>]| {
            before.len() == volumes.len() && before.iter().zip(&volumes).all(|(one, other)| Arc::ptr_eq(one, other))
        };
        if let Some((known, _)) = remembered.as_ref().filter(|(known, before)| known.is_like(&now) && same(before)) {
            return known.clone();
        }
        let now = Arc::new(now);
        *remembered = Some((now.clone(), volumes));
        now
    }
}

/// The runtimes.
#[derive(Default)]
pub struct Runtime {
    pods: Mutex<HashMap<String, Pod>>,
    /// Files by what they belong to: `node/NAME`, `pv/NAME`, `UID/VOLUME`.
    kept: Mutex<HashMap<String, Arc<Kept>>>,
    /// Pods that were brought back, and in which nobody has looked yet.
    waiting: Mutex<HashMap<String, Arc<PodRecord>>>,
    /// Held while something happens in a sandbox; alone, while all of them are remembered.
    still: RwLock<()>,
    /// Held while a sandbox is made of what is remembered.
    again: Mutex<()>,
    stirred: Notify,
    turns: AtomicUsize,
    /// Pods in which something happened that their kubelet does not know of.
    pub wakes: Wakes,
    pub(super) machines: OnceLock<Arc<Machines>>,
    /// Pods that run and do nothing.
    idle: Mutex<HashSet<String>>,
    /// Whether the API server cannot be reached.
    pub(super) deaf: AtomicBool,
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
    /// Forgets everything.
    pub fn clear(&self) {
        lock(&self.pods).clear();
        lock(&self.kept).clear();
        lock(&self.waiting).clear();
    }

    /// Everything at one moment.
    pub fn snapshot(&self) -> Snapshot {
        let _still = self.still.write().unwrap_or_else(PoisonError::into_inner);
        let mut pods = lock(&self.waiting).clone();
        pods.extend(lock(&self.pods).iter().map(|(uid, pod)| (uid.clone(), pod.record())));
        let kept = lock(&self.kept).iter().map(|(name, files)| (name.clone(), files.tree())).collect();
        Snapshot { kept, pods: pods.into_iter().collect() }
    }

    /// Makes everything what it was once. What runs is killed, and goes on as it was when somebody looks.
    pub fn restore(&self, snapshot: &Snapshot) {
        let _still = self.still.write().unwrap_or_else(PoisonError::into_inner);
        lock(&self.pods).drain().for_each(|(_, pod)| pod.front.kill());
        *lock(&self.kept) =
            snapshot.kept.iter().map(|(name, tree)| (name.clone(), Arc::new(Kept::new(tree.clone())))).collect();
        *lock(&self.waiting) = snapshot.pods.iter().map(|(uid, pod)| (uid.clone(), pod.clone())).collect();
        self.stirred.notify_one();
    }

    /// Forgets all Pods but these, as far as they have not been looked at.
    pub fn forget_others(&self, uids: &HashSet<String>) {
        lock(&self.waiting).retain(|uid, _| uids.contains(uid));
        lock(&self.kept).retain(|name, _| match name.split_once('/') {
            Some(("node" | "pv", _)) => true,
            Some((uid, _)) => uids.contains(uid),
            None => false,
        });
    }

    /// Waits until something may have happened.
    pub async fn stirred(&self) {
        self.stirred.notified().await;
    }

    /// Makes the sandbox of a Pod that has none, by `make`, which is given what is remembered of it.
    pub fn make_again(&self, uid: &str, make: impl FnOnce(Option<Arc<PodRecord>>) -> Option<Sandbox>) {
        let _again = lock(&self.again);
        if self.front(uid).is_some() {
            return;
        }
        let remembered = lock(&self.waiting).get(uid).cloned();
        let made = make(remembered);
        let _still = self.still.read().unwrap_or_else(PoisonError::into_inner);
        lock(&self.waiting).remove(uid);
        if let Some(sandbox) = made {
            lock(&self.pods).insert(uid.to_owned(), Pod::new(sandbox));
        }
        self.stirred.notify_one();
    }

    /// Forgets a Pod and what was its alone.
    pub fn forget(&self, uid: &str) {
        lock(&self.pods).remove(uid);
        lock(&self.waiting).remove(uid);
        let own = format!("{uid}/");
        lock(&self.kept).retain(|name, _| !name.starts_with(&own));
        self.stirred.notify_one();
    }

    /// Works with a Pod's sandbox, brought to `now`; one that is not there yet begins at `begin`.
    pub fn with<T>(&self, uid: &str, (begin, now): (Timestamp, Timestamp), work: impl FnOnce(&mut Sandbox) -> T) -> T {
        let _still = self.still.read().unwrap_or_else(PoisonError::into_inner);
        let sandbox = {
            let mut pods = lock(&self.pods);
            let pod = pods.entry(uid.to_owned()).or_insert_with(|| Pod::new(Sandbox::new(begin)));
            pod.touched.store(true, Ordering::Relaxed);
            pod.sandbox.clone()
        };
        self.stirred.notify_one();
        let mut sandbox = lock(&sandbox);
        sandbox.run_until(now);
        work(&mut sandbox)
    }

    /// Works with a Pod's sandbox as it is, if it is there.
    pub fn look<T>(&self, uid: &str, work: impl FnOnce(&mut Sandbox) -> T) -> Option<T> {
        let _still = self.still.read().unwrap_or_else(PoisonError::into_inner);
        let sandbox = {
            let pods = lock(&self.pods);
            let pod = pods.get(uid)?;
            pod.touched.store(true, Ordering::Relaxed);
            pod.sandbox.clone()
        };
        self.stirred.notify_one();
        let mut sandbox = lock(&sandbox);
        Some(work(&mut sandbox))
    }

    /// Notes whether a Pod does nothing although it runs.
    pub fn set_idle(&self, uid: &str, idle: bool) {
        let mut all = lock(&self.idle);
        if idle {
            all.insert(uid.to_owned());
        } else {
            all.remove(uid);
        }
    }

    /// Whether it does.
    pub fn is_idle(&self, uid: &str) -> bool {
        lock(&self.idle).contains(uid)
    }

    /// What others see of a Pod.
    pub fn front(&self, uid: &str) -> Option<Arc<Front>> {
        lock(&self.pods).get(uid).map(|pod| pod.front.clone())
    }

    /// Files that are kept under a name, with this folder in them.
    pub fn files(&self, name: &str, folder: &str) -> Arc<Kept> {
        let files = lock(&self.kept).entry(name.to_owned()).or_default().clone();
        let ends = folder.match_indices('/').map(|(at, _)| at).chain([folder.len()]);
        let folders: Vec<&str> =
            ends.map(|end| folder[..end].trim_matches('/')).filter(|path| !path.is_empty()).collect();
        if files.look(|tree| folders.iter().any(|path| !tree.contains_key(*path))) {
            files.change(|tree| {
                for path in folders {
                    tree.entry(path.to_owned()).or_insert_with(|| Entry::folder(Timestamp::UNIX_EPOCH));
                }
            });
        }
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
