//! A node as the scheduler sees it: what it has, and what the Pods on it take.
//! Whether a Pod fits is the plugins'. Source: `pkg/scheduler/framework/types.go`, NodeInfo.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::pod::PodInfo;
use super::resources::Resources;
use crate::object::meta;
use crate::object::quantity::Quantity;
use crate::sim::apiserver::storage::Object;

/// A node and the Pods on it. The object is missing while only Pods tell of the node.
#[derive(Clone, Debug, Default)]
pub struct NodeInfo {
    pub object: Option<Object>,
    pub allocatable: Resources,
    pub allowed_pods: i64,
    pub pods: Vec<PodInfo>,
    pub requested: Resources,
    /// For scoring; see [`super::resources::assumed`].
    pub assumed: Resources,
    /// How many Pods of each group of equally labelled ones are here.
    pub groups: BTreeMap<u32, i64>,
    /// How many of the Pods have terms about other Pods; mostly none, and then nobody need look for them.
    affine: usize,
}

impl NodeInfo {
    /// A node without Pods.
    pub fn of(object: Object) -> Self {
        let mut node = Self::default();
        node.set(Some(object));
        node
    }

    /// The node's object; null while there is none.
    pub fn node(&self) -> &Value {
        static NOTHING: Value = Value::Null;
        self.object.as_deref().unwrap_or(&NOTHING)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        meta::name(self.node())
    }

    /// Its labels.
    pub fn labels(&self) -> Option<&Map<String, Value>> {
        meta::map(self.node(), "/metadata/labels")
    }

    /// The value of one label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels()?.get(key)?.as_str()
    }

    /// Takes over a new state of the object.
    pub fn set(&mut self, object: Option<Object>) {
        let allocatable = object.as_ref().and_then(|object| object.pointer("/status/allocatable"));
        self.allocatable = Resources::of(allocatable);
        let pods = allocatable.and_then(|allocatable| allocatable.get("pods"));
        self.allowed_pods = pods.and_then(|pods| Quantity::of(pods).ok()).map_or(0, Quantity::value);
        self.object = object;
    }

    /// Puts a Pod on the node.
    pub fn add(&mut self, pod: PodInfo) {
        self.requested.add(&pod.wants.requests, 1);
        self.assumed.add(&pod.wants.assumed, 1);
        *self.groups.entry(pod.group).or_default() += 1;
        self.affine += usize::from(pod.has_affinity());
        self.pods.push(pod);
    }

    /// Takes a Pod off it, if it is there.
    pub fn remove(&mut self, uid: &str) -> Option<PodInfo> {
        let index = self.pods.iter().position(|pod| meta::uid(&pod.object) == uid)?;
        let pod = self.pods.remove(index);
        self.requested.add(&pod.wants.requests, -1);
        self.assumed.add(&pod.wants.assumed, -1);
        self.affine -= usize::from(pod.has_affinity());
        if let Some(count) = self.groups.get_mut(&pod.group) {
            *count -= 1;
            if *count == 0 {
                self.groups.remove(&pod.group);
            }
        }
        Some(pod)
    }

    /// The Pods here that have terms about other Pods.
    pub fn affine(&self) -> impl Iterator<Item = &PodInfo> {
        let pods = if self.affine == 0 { &[] } else { self.pods.as_slice() };
        pods.iter().filter(|pod| pod.has_affinity())
    }

    /// The taints that keep Pods from being scheduled here, or only make it undesirable (`PreferNoSchedule`).
    pub fn taints(&self, effects: &'static [&'static str]) -> impl Iterator<Item = &Value> {
        meta::list(self.node(), "/spec/taints").iter().filter(|taint| effects.contains(&meta::text(taint, "/effect")))
    }
}

/// The taint of a cordoned node, for Pods that tolerate it.
pub fn unschedulable_taint() -> Value {
    json!({ "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule" })
}
