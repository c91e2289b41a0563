//! The Pods as their kubelets know them: what the API server told last, and what became of them since that it was not told.
//! While a kubelet does not reach the API server, it goes by this alone. Source: `pkg/kubelet/pod/pod_manager.go`, and the cache in
//! `pkg/kubelet/status/status_manager.go`, which is sent when the server is back.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::conditions;
use super::halted::Halt;
use super::runtime::Runtime;
use super::static_pods::is_mirror;
use crate::object::meta;
use crate::object::selector::FieldSelector;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Key, key};

/// One Pod.
struct One {
    uid: String,
    /// How its kubelet has it, where that does not hear of changes; otherwise it is as the API server tells.
    apart: Option<Object>,
    /// Whether its status is another than the API server was told.
    unsent: bool,
}

/// The Pods by namespace and name: the one that has the name now, and those before it whose kubelets do not know that they are gone.
#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<Key, Vec<One>>>);

impl Known {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Vec<One>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, pod: &Object, change: impl FnOnce(&mut One) -> T) -> T {
        let mut all = self.lock();
        let alike = all.entry(key(pod)).or_default();
        let at = alike.iter().position(|one| one.uid == meta::uid(pod)).unwrap_or_else(|| {
            alike.push(One { uid: meta::uid(pod).to_owned(), apart: None, unsent: false });
            alike.len() - 1
        });
        change(&mut alike[at])
    }

    /// The kubelet of a Pod hears of it, and is heard.
    pub fn hears(&self, pod: &Object) {
        self.with(pod, |one| (one.apart, one.unsent) = (None, false));
    }

    /// The kubelet of a Pod hears nothing from now on: the Pod as it has it.
    pub fn apart(&self, told: &Object) -> Object {
        self.with(told, |one| one.apart.get_or_insert_with(|| told.clone()).clone())
    }

    /// A Pod is as the API server cannot be told.
    pub fn becomes(&self, pod: Object) {
        self.with(&pod.clone(), |one| (one.apart, one.unsent) = (Some(pod), true));
    }

    /// The status that the API server has still to be told of a Pod. Conditions of others stay as they are there.
    pub fn unsent(&self, told: &Object) -> Option<Value> {
        let all = self.lock();
        let one = all.get(&key(told))?.iter().find(|one| one.unsent && one.uid == meta::uid(told))?;
        let known = one.apart.as_ref()?;
        let mut status = known["status"].clone();
        conditions::keep_others(&mut status, &told["status"]);
        Some(status)
    }

    /// Forgets those that had a name before the one with this uid, if their kubelets hear of it: of those that do not hear it is told
    /// on which node they are. Gives the uids of who is forgotten.
    pub fn forget_former(&self, key: &Key, uid: &str, hears: impl Fn(&str) -> bool) -> Vec<String> {
        let mut all = self.lock();
        let Some(alike) = all.get_mut(key) else { return Vec::new() };
        let is_gone = |one: &mut One| {
            let node = one.apart.as_ref().map(|pod| meta::text(pod, "/spec/nodeName"));
            one.uid != uid && node.is_none_or(&hears)
        };
        let gone: Vec<String> = alike.extract_if(.., is_gone).map(|one| one.uid).collect();
        if alike.is_empty() {
            all.remove(key);
        }
        gone
    }

    /// Forgets all but these.
    pub fn retain(&self, uids: &HashSet<String>) {
        self.lock().retain(|_, alike| {
            alike.retain(|one| uids.contains(&one.uid));
            !alike.is_empty()
        });
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Those of a node whose kubelet does not hear of changes.
    pub fn on(&self, node: &str) -> Vec<Object> {
        let all = self.lock();
        let pods = all.values().flatten().filter_map(|one| one.apart.as_ref());
        pods.filter(|pod| meta::text(pod, "/spec/nodeName") == node).cloned().collect()
    }
}

impl Runtime {
    /// A Pod as it is on its node, of which the API server may not have heard yet.
    pub fn on_node(&self, told: &Object) -> Object {
        let Some(status) = self.known.unsent(told) else { return told.clone() };
        let mut pod = told.clone();
        Arc::make_mut(&mut pod)["status"] = status;
        pod
    }

    /// The Pods of a node as they are there, those among them that are gone and whose kubelet has not heard of it.
    pub fn pods_of(&self, client: &Client, node: &str) -> Vec<Object> {
        let told = told(client, node);
        // A kubelet that hears is about to take them away.
        let known = if self.halt(node).is_some() { self.known.on(node) } else { Vec::new() };
        let uids: HashSet<&str> = told.iter().map(|pod| meta::uid(pod)).collect();
        let former = known.into_iter().filter(|pod| !uids.contains(meta::uid(pod)));
        told.iter().map(|pod| self.on_node(pod)).chain(former).collect()
    }

    /// Has the kubelet of a node look at all of its Pods again, those among them that are gone meanwhile.
    pub fn wake(&self, client: &Client, node: &str) {
        let told = told(client, node);
        let halt = self.halt(node);
        // What happens to them from now on, it does not hear of. Mirrors are its own.
        let misses = |pod: &&Object| halt.is_some() && (halt == Some(Halt::Stopped) || !is_mirror(pod));
        told.iter().filter(misses).for_each(|pod| drop(self.known.apart(pod)));
        let keys: HashSet<Key> = told.iter().chain(&self.known.on(node)).map(key).collect();
        keys.into_iter().for_each(|key| self.wakes.push(key));
    }
}

/// The Pods of a node that the API server has.
fn told(client: &Client, node: &str) -> Vec<Object> {
    let here = FieldSelector::parse(&format!("spec.nodeName={node}"));
    here.map(|here| client.where_fields(&POD, "", &here)).unwrap_or_default()
}
