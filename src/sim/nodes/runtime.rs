//! The container runtimes of all nodes: every Pod's sandbox, and the files that outlive one.
//! What starts and ends in them is the kubelets'. All of it can be taken at one moment and brought back later (`snapshot.rs`).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::callers::{Caller, Callers};
use super::halted::Halt;
use super::host_paths::Agreed;
use super::known::Known;
use super::process::container::{Container, End};
use super::process::programs::coredns::COREFILE;
use super::process::sandbox::{Front, Sandbox};
use super::process::script::Script;
use super::process::stream::Stream;
use super::process::tree::{Entry, Kept, Tree, taken};
use super::snapshot::{PodRecord, Snapshot};
use crate::object::meta;
use crate::sim::apiserver::storage::Object;
use crate::sim::machine::Machines;
use crate::sim::network::{ClusterDns, Datagram, Reply, Request, Resolver, Sockets};
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
    pub(super) present: super::present::Present,
    /// Pods that run and do nothing.
    idle: Mutex<HashSet<String>>,
    /// The programs that live by the API server.
    pub(super) callers: Callers,
    /// What Pods share with their nodes, by node.
    pub(super) hosts: Mutex<HashMap<String, Agreed>>,
    /// The Pods as their kubelets know them.
    pub(super) known: Known,
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
        lock(&self.hosts).clear();
        self.known.clear();
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
        let gone: Vec<Pod> = lock(&self.pods).drain().map(|(_, pod)| pod).collect();
        // Nobody finds them any more; that they end, and give back their memory, is nothing to wait for.
        let (gone, kill) = (Arc::new(gone), |pods: &[Pod]| pods.iter().for_each(|pod| pod.front.kill()));
        let theirs = gone.clone();
        if std::thread::Builder::new().spawn(move || kill(&theirs)).is_err() {
            kill(&gone);
        }
        *lock(&self.kept) =
            snapshot.kept.iter().map(|(name, tree)| (name.clone(), Arc::new(Kept::new(tree.clone())))).collect();
        *lock(&self.waiting) = snapshot.pods.iter().map(|(uid, pod)| (uid.clone(), pod.clone())).collect();
        lock(&self.hosts).values_mut().for_each(Agreed::forget);
        self.known.clear();
        self.stirred.notify_one();
    }

    /// Forgets all Pods but these, as far as they have not been looked at.
    pub fn forget_others(&self, uids: &HashSet<String>) {
        lock(&self.waiting).retain(|uid, _| uids.contains(uid));
        self.callers.forget_others(uids);
        self.known.retain(uids);
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
        let ends = self.front(uid).map(|front| front.all()).unwrap_or_default();
        let asked = ends.iter().any(|(_, run)| matches!(run.end(), Some(End { code: 0, .. })));
        self.callers.forget(uid, asked);
        lock(&self.pods).remove(uid);
        lock(&self.waiting).remove(uid);
        lock(&self.idle).remove(uid);
        lock(&self.hosts).values_mut().for_each(|agreed| agreed.forget_pod(uid));
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

    /// Brings a Pod's sandbox to `now`, where something goes on in it until then.
    pub fn catch_up(&self, uid: &str, now: Timestamp) {
        let Some(sandbox) = lock(&self.pods).get(uid).map(|pod| pod.sandbox.clone()) else { return };
        let is_due = lock(&sandbox).next_wake().is_some_and(|wake| wake <= now);
        if is_due {
            self.look(uid, |sandbox| sandbox.run_until(now));
        }
    }

    /// Notes what a container of a Pod that starts is known to do.
    pub fn note(&self, uid: &str, script: &Script) {
        let mut all = lock(&self.idle);
        // What ends by itself never comes to serve.
        if script.idle || script.code.is_some() {
            all.insert(uid.to_owned());
        } else {
            all.remove(uid);
        }
        drop(all);
        self.callers.note(uid, script.caller.as_deref());
    }

    /// The program of a Pod that lives by the API server, and how it stands.
    pub fn caller(&self, uid: &str) -> Option<Caller> {
        self.callers.get(uid)
    }

    /// Whether a Pod does nothing although it runs.
    pub fn is_idle(&self, uid: &str) -> bool {
        lock(&self.idle).contains(uid) || self.callers.get(uid).is_some_and(|caller| !caller.works())
    }

    /// What others see of a Pod.
    pub fn front(&self, uid: &str) -> Option<Arc<Front>> {
        lock(&self.pods).get(uid).map(|pod| pod.front.clone())
    }

    /// Whether a run of a Pod's container has not ended, as far as anybody has looked.
    pub fn lives(&self, uid: &str, id: &str) -> bool {
        self.front(uid).and_then(|front| front.run(id)).is_none_or(|run| run.end().is_none())
    }

    /// The bytes that the files take which are kept under a name.
    pub fn used(&self, name: &str) -> usize {
        let files = lock(&self.kept).get(name).cloned();
        files.map_or(0, |files| files.look(taken))
    }

    /// Files that are kept under a name, with this folder in them.
    pub fn files(&self, name: &str, folder: &str, made: &Entry) -> Arc<Kept> {
        let files = lock(&self.kept).entry(name.to_owned()).or_default().clone();
        let ends = folder.match_indices('/').map(|(at, _)| at).chain([folder.len()]);
        let folders: Vec<&str> =
            ends.map(|end| folder[..end].trim_matches('/')).filter(|path| !path.is_empty()).collect();
        if files.look(|tree| folders.iter().any(|path| !tree.contains_key(*path))) {
            files.change(|tree| {
                for path in folders {
                    tree.entry(path.to_owned()).or_insert_with(|| made.clone());
                }
            });
        }
        files
    }
}

impl Runtime {
    /// The runs of a Pod that go on.
    fn going_on(&self, pod: &Object) -> impl Iterator<Item = Arc<Container>> {
        let all = self.front(meta::uid(pod)).map(|front| front.all()).unwrap_or_default();
        all.into_iter().map(|(_, run)| run).filter(|run| run.end().is_none())
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
        let going_on = self.going_on(pod).count();
        let reply = self.front(meta::uid(pod)).and_then(|front| front.get(port, request));
        // A request can end a server.
        if self.going_on(pod).count() < going_on {
            self.wakes.push((meta::namespace(pod).to_owned(), meta::name(pod).to_owned()));
        }
        reply.unwrap_or_else(|| Err(String::new()))
    }

    fn is_idle(&self, pod: &Object) -> bool {
        self.is_idle(meta::uid(pod))
    }

    fn corefile(&self, pod: &Object) -> Option<String> {
        self.going_on(pod).find_map(|run| run.notes().remove(COREFILE))
    }

    fn resolver(&self, pod: &Object) -> Option<Arc<Resolver>> {
        self.going_on(pod).next().map(|run| run.network.resolver.clone())
    }

    fn log(&self, pod: &Object, line: &str) {
        let engine = |run: &Container| run.engine.now();
        self.going_on(pod).for_each(|run| run.log.write(Stream::Output, format!("{line}\n").as_bytes(), engine(&run)));
    }

    fn datagram(&self, pod: &Object, port: u16, sent: &Datagram) -> Option<String> {
        self.front(meta::uid(pod))?.datagram(port, sent)
    }

    fn has_kubelet(&self, node: &str) -> bool {
        self.halt(node) != Some(Halt::Stopped)
    }

    fn cluster_dns(&self, node: &str) -> ClusterDns {
        self.laid(node).and_then(|machine| machine.services().kubelet()).map(|run| run.dns).unwrap_or_default()
    }
}
