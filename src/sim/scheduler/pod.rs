//! A Pod as the scheduler sees it: what it asks for, read once from the object.
//! Which node suits it is the plugins'.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::resources::{self, Resources};
use super::term::Term;
use crate::object::{host_ports, meta, pod_resources};
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Key, key};

/// A port of the node that a Pod wants: protocol, address, number.
pub type HostPort = (String, String, i64);

/// What is read from a Pod's spec and labels, and of a resize from its status. It changes only when those do.
#[derive(Debug, Default)]
pub struct Wants {
    pub priority: i64,
    pub requests: Resources,
    /// For scoring; see [`resources::assumed`].
    pub assumed: Resources,
    pub ports: Vec<HostPort>,
    pub affinity: Vec<Term>,
    pub anti_affinity: Vec<Term>,
    pub preferred: Vec<Term>,
    pub preferred_anti: Vec<Term>,
}

/// A Pod. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PodInfo {
    /// The whole Pod while it waits for a node; on one, only what others ask of it (see [`remembered`]).
    pub object: Object,
    pub wants: Arc<Wants>,
    /// A hash of spec, labels and what a resize has changed, to tell whether a later state asks for something else.
    asks: u64,
    /// Which of the cache's groups of equally labelled Pods it belongs to.
    pub group: u32,
}

impl PodInfo {
    /// Reads a Pod; takes over what was read `before` when that would be the same.
    pub fn of(object: Object, before: Option<&Self>, group: u32) -> Self {
        let counted = pod_resources::as_counted(&object);
        let mut hasher = DefaultHasher::new();
        (counted.get("spec"), counted.pointer("/metadata/labels")).hash(&mut hasher);
        let asks = hasher.finish();
        let same = before.filter(|before| before.asks == asks);
        let wants = same.map_or_else(|| Arc::new(Wants::of(&counted)), |before| before.wants.clone());
        let waits = meta::text(&object, "/spec/nodeName").is_empty();
        drop(counted);
        let object = if waits { object } else { Arc::new(remembered(&object)) };
        Self { object, wants, asks, group }
    }

    /// Whether it asks for the same as another state of it.
    pub fn asks_as(&self, other: &Self) -> bool {
        self.asks == other.asks
    }

    /// Namespace and name.
    pub fn key(&self) -> Key {
        key(&self.object)
    }

    /// Its labels.
    pub fn labels(&self) -> Option<&Map<String, Value>> {
        meta::map(&self.object, "/metadata/labels")
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        meta::namespace(&self.object)
    }

    /// The node it is on; empty when on none.
    pub fn node(&self) -> &str {
        meta::text(&self.object, "/spec/nodeName")
    }

    /// Whether any of its terms is about other Pods.
    pub fn has_affinity(&self) -> bool {
        let wants = &self.wants;
        [&wants.affinity, &wants.anti_affinity, &wants.preferred, &wants.preferred_anti]
            .iter()
            .any(|terms| !terms.is_empty())
    }
}

/// What matters of a Pod on a node once [`Wants`] are read: who it is, its claims, and what preemption looks at.
/// The whole would be most of what a cluster at rest keeps in memory.
fn remembered(pod: &Value) -> Value {
    let metadata = ["name", "namespace", "uid", "resourceVersion", "labels", "deletionTimestamp"];
    let mut kept = json!({
        "apiVersion": pod["apiVersion"], "kind": pod["kind"],
        "metadata": {},
        "spec": { "nodeName": pod["spec"]["nodeName"] },
        "status": { "startTime": pod["status"]["startTime"] },
    });
    for key in metadata {
        if let Some(value) = pod["metadata"].get(key) {
            kept["metadata"][key] = value.clone();
        }
    }
    let mut only = |part: &str, list: &str, wanted: fn(&Value) -> bool| {
        let found: Vec<Value> =
            meta::list(pod, &format!("/{part}/{list}")).iter().filter(|one| wanted(one)).cloned().collect();
        if !found.is_empty() {
            kept[part][list] = Value::Array(found);
        }
    };
    only("spec", "volumes", |volume| {
        volume.get("persistentVolumeClaim").is_some() || volume.get("ephemeral").is_some()
    });
    only("status", "conditions", |condition| condition["type"] == "DisruptionTarget");
    kept
}

impl Wants {
    fn of(pod: &Value) -> Self {
        Self {
            priority: meta::number(pod, "/spec/priority").unwrap_or_default(),
            requests: resources::requested(pod),
            assumed: resources::assumed(pod),
            ports: ports(pod),
            affinity: Term::all(pod, "podAffinity", "required"),
            anti_affinity: Term::all(pod, "podAntiAffinity", "required"),
            preferred: Term::all(pod, "podAffinity", "preferred"),
            preferred_anti: Term::all(pod, "podAntiAffinity", "preferred"),
        }
    }
}

fn ports(pod: &Value) -> Vec<HostPort> {
    let read = |port: &Value| {
        let number = meta::number(port, "/hostPort")?;
        let or = |key: &str, default: &str| {
            Some(meta::text(port, key)).filter(|text| !text.is_empty()).unwrap_or(default).to_owned()
        };
        Some((or("/protocol", "TCP"), or("/hostIP", "0.0.0.0"), number))
    };
    host_ports::of(pod).filter_map(read).collect()
}
