//! Resizing in place: what containers may use changes while they run, when the node has room for it.
//! What may be asked for is the API server's. Source: `pkg/kubelet/allocation/allocation_manager.go`, `pkg/kubelet/status/status_manager.go`,
//! `pkg/kubelet/kuberuntime/kuberuntime_manager.go`, doPodResizeAction.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::admission::Taken;
use super::container::time;
use super::kubelet::Sync;
use super::restarts::{is_sidecar, status_of};
use crate::object::meta;
use crate::object::pod_resources::{self, Resources};
use crate::object::quantity::Quantity;
use crate::sim::apiserver::endpoints::timestamp;

const PENDING: &str = "PodResizePending";
const IN_PROGRESS: &str = "PodResizeInProgress";
/// How long a resize takes: until the kubelet has seen what the runtime made of it.
const TAKES: Duration = Duration::from_millis(1500);

/// Why a resize has to wait: its reason, its message.
type Refusal = (&'static str, String);
/// A quantity as the kubelet counts it: bytes, or thousandths of CPUs.
type Number = fn(Quantity) -> i64;

/// Brings what containers may use towards what the Pod asks for.
pub fn step(taken: &Taken, sync: &mut Sync, node: &Value) {
    if other(sync.pod, &sync.status).is_empty() {
        if has(sync, IN_PROGRESS) {
            sync.events.normal(sync.pod, "ResizeCompleted", &format!("Pod resize completed: {}", summary(sync, None)));
        }
        return drop_conditions(sync, &[PENDING, IN_PROGRESS]);
    }
    if !is_started(sync) {
        return begin(taken, sync, node);
    }
    let began = condition(sync, IN_PROGRESS).and_then(|known| time(known, "/lastTransitionTime"));
    let then = began.map_or(sync.now, |began| began + SignedDuration::from_secs(1));
    if sync.now < then {
        return sync.wake_at(then);
    }
    if carry_out(sync) {
        sync.wake_after(Duration::from_millis(1));
    }
}

/// What a container starts with: what was set aside for it, which is not what the Pod asks for while that has to wait.
pub fn allocated(sync: &Sync, container: &Value, status: &Value) -> Value {
    let known = status.get("resources").filter(|_| !is_started(sync));
    known.cloned().unwrap_or_else(|| wanted(sync.pod, container))
}

/// What of these resources is set aside for a container: its own requests, not what follows from those of its Pod.
pub fn set_aside(container: &Value, resources: &Value) -> Option<Value> {
    let own = meta::map(container, "/resources/requests");
    let mut requests = meta::map(resources, "/requests")?.clone();
    requests.retain(|name, _| own.is_some_and(|own| own.contains_key(name)));
    Some(Value::Object(requests))
}

/// Whether what the Pod asks for now was set aside for it already.
fn is_started(sync: &Sync) -> bool {
    let generation = meta::number(sync.pod, "/metadata/generation");
    condition(sync, IN_PROGRESS).is_some_and(|known| meta::number(known, "/observedGeneration") == generation)
}

/// Sets aside what the Pod asks for, or tells why it has to wait.
fn begin(taken: &Taken, sync: &mut Sync, node: &Value) {
    if let Some((reason, message)) = refusal(taken, sync, node) {
        let told = condition(sync, PENDING)
            .is_some_and(|known| meta::text(known, "/reason") == reason && meta::text(known, "/message") == message);
        if !told {
            let event = format!("Pod resize {reason}: {}", summary(sync, Some(&message)));
            sync.events.warning(sync.pod, &format!("Resize{reason}"), &event);
        }
        set(sync, PENDING, json!({ "reason": reason, "message": message }));
        // Room may come without a word about this Pod.
        return sync.wake_after(Duration::from_secs(10));
    }
    drop_conditions(sync, &[PENDING]);
    if !allot(sync) {
        // Nothing runs that would have to change.
        return;
    }
    sync.events.normal(sync.pod, "ResizeStarted", &format!("Pod resize started: {}", summary(sync, None)));
    set(sync, IN_PROGRESS, json!({}));
    sync.wake_after(TAKES);
}

/// The containers that can be resized, each with the list its status is in.
fn containers(pod: &Value) -> Vec<(&Value, &'static str)> {
    let init = meta::list(pod, "/spec/initContainers").iter().filter(|container| is_sidecar(container));
    let init = init.map(|container| (container, "initContainerStatuses"));
    init.chain(meta::list(pod, "/spec/containers").iter().map(|container| (container, "containerStatuses"))).collect()
}

/// What a container is to have as its status tells it: what is limited for the Pod as a whole shows where it has requests or limits of
/// its own (`pkg/kubelet/kubelet_pods.go`, convertContainerStatusResources).
fn wanted(pod: &Value, container: &Value) -> Value {
    let mut resources =
        container.get("resources").filter(|found| found.is_object()).cloned().unwrap_or_else(|| json!({}));
    let limits = limited(pod, &resources)["limits"].clone();
    if resources.get("requests").is_some_and(|requests| requests.get("cpu").is_none())
        && let Some(cpu) = limits.get("cpu")
    {
        resources["requests"]["cpu"] = cpu.clone();
    }
    if resources.get("limits").is_some() {
        resources["limits"] = limits;
    }
    resources
}

/// What the runtime lets a container have: as much as the Pod as a whole may where it has no limit of its own
/// (`pkg/kubelet/kuberuntime/kuberuntime_container_linux.go`, getCPULimit and getMemoryLimit).
pub fn limited(pod: &Value, resources: &Value) -> Value {
    let mut limited = resources.clone();
    for name in ["cpu", "memory"] {
        let own = resources.pointer(&format!("/limits/{name}")).and_then(|limit| Quantity::of(limit).ok());
        let whole = pod.pointer(&format!("/spec/resources/limits/{name}"));
        if let Some(whole) = whole.filter(|_| own.is_none_or(Quantity::is_zero)) {
            meta::child(&mut limited, "limits")[name] = whole.clone();
        }
    }
    limited
}

/// Those that have started once and have something else than they are to have.
fn other<'p>(pod: &'p Value, status: &Value) -> Vec<(&'p Value, &'static str)> {
    let mut found = containers(pod);
    found.retain(|(container, list)| {
        status_of(status, &format!("/{list}"), meta::text(container, "/name"))
            .is_some_and(|status| status.get("resources").is_some_and(|now| *now != wanted(pod, container)))
    });
    found
}

fn runs(status: &Map<String, Value>) -> bool {
    status.get("state").is_some_and(|state| state.get("running").is_some())
}

fn refusal(taken: &Taken, sync: &Sync, node: &Value) -> Option<Refusal> {
    const COUNTED: [(&str, Number); 2] = [("memory", Quantity::value), ("cpu", Quantity::milli_value)];
    let of = |resources: &Resources, name: &str| resources.get(name).copied().unwrap_or_default();
    let room = pod_resources::read(node.pointer("/status/allocatable"));
    let asked = pod_resources::requests(&sync.pod["spec"]);
    for (name, number) in COUNTED {
        let (asked, capacity) = (number(of(&asked, name)), number(of(&room, name)));
        if asked > capacity {
            let why = format!("Node didn't have enough capacity: {name}, requested: {asked}, capacity: {capacity}");
            return Some(("Infeasible", why));
        }
    }
    let used = taken.by_others(sync);
    COUNTED.into_iter().rev().find_map(|(name, number)| {
        let (asked, used, room) = (number(of(&asked, name)), number(of(&used, name)), number(of(&room, name)));
        let why =
            format!("Node didn't have enough resource: {name}, requested: {asked}, used: {used}, capacity: {room}");
        (asked > 0 && asked + used > room).then_some(("Deferred", why))
    })
}

/// What events say of a resize: all containers with what they are to have, the Pod's generation, what went wrong
/// (`pkg/kubelet/events/resize.go`, makeResourceSummaryFromSpec).
fn summary(sync: &Sync, error: Option<&str>) -> String {
    let of = |list: &str| -> Vec<String> {
        meta::list(sync.pod, list)
            .iter()
            .map(|container| {
                let (name, resources) = (&container["name"], wanted(sync.pod, container));
                let sorted: std::collections::BTreeMap<&String, &Value> =
                    resources.as_object().into_iter().flatten().collect();
                format!("{{\"name\":{name},\"resources\":{}}}", json!(sorted))
            })
            .collect()
    };
    let (init, main) = (of("/spec/initContainers"), of("/spec/containers"));
    let init = if init.is_empty() { String::new() } else { format!("\"initContainers\":[{}],", init.join(",")) };
    let generation = meta::number(sync.pod, "/metadata/generation").unwrap_or_default();
    let error = error.map(|error| format!(",\"error\":{}", json!(error))).unwrap_or_default();
    format!("{{{init}\"containers\":[{}],\"generation\":{generation}{error}}}", main.join(","))
}

fn status_mut<'s>(status: &'s mut Value, list: &str, container: &Value) -> Option<&'s mut Map<String, Value>> {
    let name = &container["name"];
    status[list].as_array_mut()?.iter_mut().find(|one| one["name"] == *name)?.as_object_mut()
}

/// Sets aside what the containers ask for; whether any of them runs. One that does not has it at once, and starts with it.
fn allot(sync: &mut Sync) -> bool {
    let mut running = false;
    for (container, list) in other(sync.pod, &sync.status) {
        let wanted = wanted(sync.pod, container);
        let Some(status) = status_mut(&mut sync.status, list, container) else { continue };
        if let Some(requests) = wanted.get("requests") {
            status.insert("allocatedResources".to_owned(), requests.clone());
        }
        if runs(status) {
            running = true;
        } else {
            status.insert("resources".to_owned(), wanted);
        }
    }
    running
}

/// Gives the containers what they ask for, and says whether any got it; those that cannot have it while they run are to start again.
fn carry_out(sync: &mut Sync) -> bool {
    let mut given = false;
    for (container, list) in other(sync.pod, &sync.status) {
        let (name, wanted) = (meta::text(container, "/name"), wanted(sync.pod, container));
        // What is ending already starts with what it is to have.
        if sync.memory.ending.contains_key(name) {
            continue;
        }
        let Some(status) = status_mut(&mut sync.status, list, container).filter(|status| runs(status)) else {
            continue;
        };
        if must_restart(container, &status["resources"], &wanted) {
            sync.memory.resized.insert(name.to_owned());
        } else {
            status.insert("resources".to_owned(), wanted);
            given = true;
        }
    }
    given
}

fn must_restart(container: &Value, now: &Value, wanted: &Value) -> bool {
    meta::list(container, "/resizePolicy").iter().any(|policy| {
        let name = meta::text(policy, "/resourceName");
        let changed = |list: &str| now[list].get(name) != wanted[list].get(name);
        meta::text(policy, "/restartPolicy") == "RestartContainer" && (changed("requests") || changed("limits"))
    })
}

fn condition<'s>(sync: &'s Sync, kind: &str) -> Option<&'s Value> {
    meta::list(&sync.status, "/conditions").iter().find(|condition| condition["type"] == kind)
}

fn has(sync: &Sync, kind: &str) -> bool {
    condition(sync, kind).is_some()
}

fn drop_conditions(sync: &mut Sync, kinds: &[&str]) {
    if let Some(conditions) = sync.status["conditions"].as_array_mut() {
        conditions.retain(|condition| !kinds.contains(&meta::text(condition, "/type")));
    }
}

fn set(sync: &mut Sync, kind: &str, mut wanted: Value) {
    let now = json!(timestamp(sync.now));
    let since = condition(sync, kind).map(|known| known["lastTransitionTime"].clone());
    wanted["type"] = json!(kind);
    wanted["status"] = json!("True");
    wanted["lastProbeTime"] = since.clone().unwrap_or_else(|| now.clone());
    wanted["lastTransitionTime"] = since.unwrap_or(now);
    if let Some(generation) = meta::number(sync.pod, "/metadata/generation") {
        wanted["observedGeneration"] = json!(generation);
    }
    drop_conditions(sync, &[kind]);
    if let Some(conditions) = sync.status["conditions"].as_array_mut() {
        conditions.insert(0, wanted);
    }
}
