//! What a kubelet looks at before it takes a Pod in that is bound to its node: room, labels, host ports, NoExecute taints, sysctls.
//! The scheduler looks too; a Pod that names its node itself meets only this. Source: `pkg/kubelet/lifecycle/predicate.go`.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::kubelet::Sync;
use super::runtime::Runtime;
use super::{static_pods, sysctls};
use crate::object::{host_ports, meta, node_affinity, pod_resources, taint};
use crate::sim::apiserver::endpoints::timestamp;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::storage::Object;

/// From this priority on a Pod is critical: others have to make room for it (`pkg/apis/scheduling/types.go`).
const CRITICAL: i64 = 2_000_000_000;

/// What Pods that were taken in take of their nodes, by node and uid. A node's is read from the API once, and then kept up to date: with
/// thousands of Pods nobody can look at all of them for each.
#[derive(Default)]
pub struct Taken(Mutex<HashMap<String, HashMap<String, Load>>>);

/// What one Pod takes.
struct Load {
    requests: pod_resources::Resources,
    ports: Vec<HostPort>,
}

impl Load {
    fn of(pod: &Value) -> Self {
        // What somebody was refused a resize to, nobody has.
        let allocated = pod_resources::as_allocated(pod);
        Self { requests: pod_resources::requests(&allocated["spec"]), ports: ports(pod) }
    }
}

impl Taken {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashMap<String, Load>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what came of a look at a Pod: it was taken in, or has ended.
    pub fn note(&self, sync: &Sync) {
        let mut nodes = self.lock();
        let Some(pods) = nodes.get_mut(sync.node()) else { return };
        if is_over(&sync.status) || sync.status.get("startTime").is_none() {
            pods.remove(meta::uid(sync.pod));
        } else if sync.pod.get("status") == Some(&sync.status) {
            pods.insert(meta::uid(sync.pod).to_owned(), Load::of(sync.pod));
        } else {
            // What this look has set aside counts at once.
            let mut pod = Value::clone(sync.pod);
            pod["status"] = sync.status.clone();
            pods.insert(meta::uid(&pod).to_owned(), Load::of(&pod));
        }
    }

    /// What the other Pods take of the node that a Pod is on.
    pub fn by_others(&self, sync: &Sync) -> pod_resources::Resources {
        self.with_others(sync, sum)
    }

    fn with_others<T>(&self, sync: &Sync, look: impl FnOnce(&[&Load]) -> T) -> T {
        let mut nodes = self.lock();
        let pods = nodes
            .entry(sync.node().to_owned())
            .or_insert_with(|| others(sync).iter().map(|pod| (meta::uid(pod).to_owned(), Load::of(pod))).collect());
        let others: Vec<&Load> =
            pods.iter().filter(|(uid, _)| *uid != meta::uid(sync.pod)).map(|(_, load)| load).collect();
        look(&others)
    }

    /// The Pod is gone.
    pub fn forget(&self, uid: &str) {
        self.lock().values_mut().for_each(|pods| drop(pods.remove(uid)));
    }
}

/// Whether the cluster needs a Pod more than others (`pkg/kubelet/types/pod_update.go`, IsCriticalPod).
pub fn is_critical(pod: &Value) -> bool {
    meta::number(pod, "/spec/priority").is_some_and(|priority| priority >= CRITICAL)
}

fn is_over(status: &Value) -> bool {
    matches!(meta::text(status, "/phase"), "Succeeded" | "Failed")
}

/// Why a Pod is not taken in: a reason and a sentence.
type Refusal = (String, String);

/// Fails a Pod that the node cannot have; whether it did. A Pod that was taken in once is not looked at again.
pub fn refuses(taken: &Taken, (runtime, sync): (&Runtime, &mut Sync), node: &Value) -> bool {
    if sync.status.get("startTime").is_some() || static_pods::is_mirror(sync.pod) {
        return false;
    }
    let forbidden = sysctls::refusal(runtime, sync).map(|why| ("SysctlForbidden".to_owned(), why));
    let refusal = forbidden.or_else(|| {
        taken.with_others(sync, |others| {
            lacks_room(sync.pod, node, others).or_else(|| does_not_fit(sync.pod, node, others))
        })
    });
    let Some((reason, why)) = refusal else { return false };
    sync.events.warning(sync.pod, &reason, &why);
    sync.status["startTime"] = json!(timestamp(sync.now));
    sync.status["phase"] = json!("Failed");
    sync.status["reason"] = json!(reason);
    sync.status["message"] = json!(format!("Pod was rejected: {why}"));
    true
}

/// The other Pods the node has taken in and that have not ended.
fn others(sync: &Sync) -> Vec<Object> {
    let mut pods = sync.context.client.list(&POD, "");
    pods.retain(|pod| {
        meta::text(pod, "/spec/nodeName") == sync.node()
            && meta::uid(pod) != meta::uid(sync.pod)
            && pod.pointer("/status/startTime").is_some()
            && !is_over(&pod["status"])
    });
    pods
}

fn sum(loads: &[&Load]) -> pod_resources::Resources {
    let mut sum = pod_resources::Resources::new();
    loads.iter().for_each(|load| pod_resources::add(&mut sum, &load.requests));
    sum
}

/// What there is too little of. For a critical Pod others would be ended, so it is never refused for that.
fn lacks_room(pod: &Value, node: &Value, others: &[&Load]) -> Option<Refusal> {
    if is_critical(pod) {
        return None;
    }
    let room = pod_resources::read(node.pointer("/status/allocatable"));
    let used = sum(others);
    let wanted = pod_resources::requests(&pod["spec"]);
    let number = |resources: &pod_resources::Resources, name: &str| {
        let quantity = resources.get(name).copied().unwrap_or_default();
        if name == "cpu" { quantity.milli_value() } else { quantity.value() }
    };
    let pods = (1, i64::try_from(others.len()).unwrap_or(i64::MAX), number(&room, "pods"));
    let known = ["cpu", "memory", "ephemeral-storage"];
    // What no node has ever told of is not the kubelet's to count.
    let further = wanted.keys().map(String::as_str).filter(|name| !known.contains(name) && room.contains_key(*name));
    let each = known.into_iter().chain(further);
    let counted = each.map(|name| (name, (number(&wanted, name), number(&used, name), number(&room, name))));
    let (name, (requested, used, capacity)) = [("pods", pods)]
        .into_iter()
        .chain(counted)
        .find(|(_, (requested, used, capacity))| *requested > 0 && *requested > capacity - used)?;
    let numbers = format!("requested: {requested}, used: {used}, capacity: {capacity}");
    Some((format!("OutOf{name}"), format!("Node didn't have enough resource: {name}, {numbers}")))
}

/// What of the node does not fit, in the words of the scheduler's plugins.
fn does_not_fit(pod: &Value, node: &Value, others: &[&Load]) -> Option<Refusal> {
    let refusal = |name: &str, why: &str| Some((name.to_owned(), format!("Predicate {name} failed: {why}")));
    if !node_affinity::required(&pod["spec"], node) {
        return refusal("NodeAffinity", "node(s) didn't match Pod's node affinity/selector");
    }
    let wanted = ports(pod);
    if others.iter().flat_map(|other| &other.ports).any(|port| wanted.iter().any(|other| port.meets(other))) {
        return refusal("NodePorts", "node(s) didn't have free ports for the requested pod ports");
    }
    let (taints, tolerations) = (meta::list(node, "/spec/taints"), meta::list(pod, "/spec/tolerations"));
    if taint::untolerated(taints, tolerations, &["NoExecute"]).is_some() {
        return refusal("TaintToleration", "node(s) had taints that the pod didn't tolerate");
    }
    None
}

/// A port of the node that a Pod has.
#[derive(Debug, PartialEq, Eq)]
struct HostPort {
    number: i64,
    protocol: String,
    address: String,
}

impl HostPort {
    /// Whether both cannot be had at once.
    fn meets(&self, other: &Self) -> bool {
        let same = self.number == other.number && self.protocol == other.protocol;
        same && (self.is_any() || other.is_any() || self.address == other.address)
    }

    fn is_any(&self) -> bool {
        matches!(self.address.as_str(), "" | "0.0.0.0")
    }
}

fn ports(pod: &Value) -> Vec<HostPort> {
    let of = |port: &Value| {
        let protocol = Some(meta::text(port, "/protocol")).filter(|protocol| !protocol.is_empty()).unwrap_or("TCP");
        let number = meta::number(port, "/hostPort")?;
        Some(HostPort { number, protocol: protocol.to_owned(), address: meta::text(port, "/hostIP").to_owned() })
    };
    host_ports::of(pod).filter_map(of).collect()
}
