//! A Pod as the scheduler sees it: what it asks for, read once from the object.
//! Which node suits it is the plugins'.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::resources::{self, Resources};
use super::term::Term;
use crate::object::meta;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Key, key};

/// A port of the node that a Pod wants: protocol, address, number.
pub type HostPort = (String, String, i64);

/// What is read from a Pod's spec and labels. It changes only when those do.
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
    pub object: Object,
    pub wants: Arc<Wants>,
    /// Which of the cache's groups of equally labelled Pods it belongs to.
    pub group: u32,
}

impl PodInfo {
    /// Reads a Pod; takes over what was read `before` when spec and labels are the same.
    pub fn of(object: Object, before: Option<&Self>, group: u32) -> Self {
        let same = before.filter(|before| same_wants(&before.object, &object));
        let wants = same.map_or_else(|| Arc::new(Wants::of(&object)), |before| before.wants.clone());
        Self { object, wants, group }
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

/// Whether two states of a Pod ask for the same.
pub fn same_wants(one: &Value, other: &Value) -> bool {
    one.get("spec") == other.get("spec") && one.pointer("/metadata/labels") == other.pointer("/metadata/labels")
}

impl Wants {
    fn of(pod: &Value) -> Self {
        Self {
            priority: meta::number(pod, "/spec/priority").unwrap_or_default(),
            requests: resources::requested(pod),
            assumed: resources::assumed(pod),
            ports: host_ports(pod),
            affinity: Term::all(pod, "podAffinity", "required"),
            anti_affinity: Term::all(pod, "podAntiAffinity", "required"),
            preferred: Term::all(pod, "podAffinity", "preferred"),
            preferred_anti: Term::all(pod, "podAntiAffinity", "preferred"),
        }
    }
}

fn host_ports(pod: &Value) -> Vec<HostPort> {
    let sidecars = meta::list(pod, "/spec/initContainers")
        .iter()
        .filter(|container| meta::text(container, "/restartPolicy") == "Always");
    let containers = meta::list(pod, "/spec/containers").iter().chain(sidecars);
    let ports = containers.flat_map(|container| meta::list(container, "/ports"));
    let read = |port: &Value| {
        let number = meta::number(port, "/hostPort").filter(|number| *number > 0)?;
        let or = |key: &str, default: &str| {
            Some(meta::text(port, key)).filter(|text| !text.is_empty()).unwrap_or(default).to_owned()
        };
        Some((or("/protocol", "TCP"), or("/hostIP", "0.0.0.0"), number))
    };
    ports.filter_map(read).collect()
}
