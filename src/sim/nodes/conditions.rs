//! A Pod's phase and conditions, from the states of its containers.
//! Source: `pkg/kubelet/kubelet_pods.go` getPhase and `pkg/kubelet/status/generate.go`.

use serde_json::{Value, json};

use super::kubelet::Sync;
use super::restarts::{has_done, init_done, init_failed, is_over, is_sidecar, restarts, status_of};
use super::static_pods::is_mirror;
use crate::object::meta;
use crate::sim::apiserver::endpoints::timestamp;

/// `status.reason` of a Pod that was active for too long.
pub const OVERDUE: &str = "DeadlineExceeded";
/// `status.reason` of a Pod that took more than it may.
pub const EVICTED: &str = "Evicted";

/// Brings phase and conditions up to date with the container statuses.
pub fn update(sync: &mut Sync) {
    let phase = phase(sync.pod, &sync.status);
    sync.status["phase"] = json!(phase);
    // Sidecars end with the Pod, and are missed by nobody then.
    let initialized = init_done(sync.pod, &sync.status) || is_over(sync.pod, &sync.status);
    let incomplete = names(sync, INIT, |container, status| !has_done(container, status));
    let is_unready = |status: &Value| !meta::truth(status, "/ready");
    let mut unready = names(sync, INIT, |container, status| is_sidecar(container) && is_unready(status));
    unready.extend(names(sync, MAIN, |_, status| is_unready(status)));
    let finished = matches!(phase, "Succeeded" | "Failed");
    let ready = |message: String| match phase {
        "Succeeded" => json!({ "status": "False", "reason": "PodCompleted" }),
        "Failed" => json!({ "status": "False", "reason": "PodFailed" }),
        _ if !message.is_empty() => json!({ "status": "False", "reason": "ContainersNotReady", "message": message }),
        _ => json!({ "status": "True" }),
    };
    let list = |names: &[&str]| format!("[{}]", names.join(" "));
    let unready =
        if unready.is_empty() { String::new() } else { format!("containers with unready status: {}", list(&unready)) };
    let initialized = match () {
        () if finished && phase == "Succeeded" => json!({ "status": "True", "reason": "PodCompleted" }),
        () if initialized => json!({ "status": "True" }),
        () => {
            json!({ "status": "False", "reason": "ContainersNotInitialized", "message": format!("containers with incomplete status: {}", list(&incomplete)) })
        }
    };
    let sandbox = sync.status.get("podIP").is_some() && !finished;
    let generation = meta::number(sync.pod, "/metadata/generation");
    if let Some(generation) = generation {
        sync.status["observedGeneration"] = json!(generation);
    }
    let wanted = [
        ("PodReadyToStartContainers", json!({ "status": if sandbox { "True" } else { "False" } })),
        ("Initialized", initialized),
        ("Ready", gated(ready(unready.clone()), &sync.status, sync.pod)),
        ("ContainersReady", ready(unready)),
    ];
    let now = timestamp(sync.now);
    for (kind, condition) in wanted {
        set(&mut sync.status, kind, condition, (&now, generation));
    }
    if let Some(conditions) = sync.status["conditions"].as_array_mut() {
        // The scheduler's condition goes through the kubelet's hands, too.
        if let (Some(generation), Some(scheduled)) =
            (generation, conditions.iter_mut().find(|condition| condition["type"] == "PodScheduled"))
        {
            scheduled["observedGeneration"] = json!(generation);
        }
        conditions.sort_by_key(|condition| place(meta::text(condition, "/type")));
    }
}

/// The condition Ready of a Pod that waits for conditions of others, too (`pkg/kubelet/status/generate.go`, GeneratePodReadyCondition).
fn gated(ready: Value, status: &Value, pod: &Value) -> Value {
    if ready["status"] != "True" {
        return ready;
    }
    let conditions = meta::list(status, "/conditions");
    let missing = meta::list(pod, "/spec/readinessGates").iter().filter_map(|gate| {
        let kind = meta::text(gate, "/conditionType");
        let what = match conditions.iter().find(|condition| condition["type"] == kind) {
            Some(found) if found["status"] == "True" => return None,
            Some(found) => format!(
                "the status of pod readiness gate {kind:?} is not \"True\", but {}",
                meta::text(found, "/status")
            ),
            None => format!("corresponding condition of pod readiness gate {kind:?} does not exist."),
        };
        Some(what)
    });
    let missing: Vec<String> = missing.collect();
    if missing.is_empty() {
        return ready;
    }
    json!({ "status": "False", "reason": "ReadinessGatesNotReady", "message": missing.join(", ") })
}

/// Where a condition stands: others' first, then the kubelet's in its order (`kubelet_pods.go`, generateAPIPodStatus).
fn place(kind: &str) -> usize {
    let own = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
    own.iter().position(|one| *one == kind).map_or(0, |at| at + 1)
}

/// Where containers of a kind stand in a Pod, and where their statuses do.
const INIT: (&str, &str) = ("/spec/initContainers", "/initContainerStatuses");
const MAIN: (&str, &str) = ("/spec/containers", "/containerStatuses");

fn names<'a>(sync: &'a Sync, (specs, list): (&str, &str), wanted: impl Fn(&Value, &Value) -> bool) -> Vec<&'a str> {
    let all = meta::list(sync.pod, specs).iter();
    let wanted = all.filter(|container| {
        let status = status_of(&sync.status, list, meta::text(container, "/name"));
        status.is_some_and(|status| wanted(container, status))
    });
    wanted.map(|container| meta::text(container, "/name")).collect()
}

/// Whether a container has ended and does so that `wanted` holds of it and its exit code.
fn any_ended(pod: &Value, status: &Value, (specs, list): (&str, &str), wanted: impl Fn(&Value, i64) -> bool) -> bool {
    meta::list(pod, specs).iter().any(|container| {
        let status = status_of(status, list, meta::text(container, "/name"));
        let code = status.and_then(|status| meta::number(status, "/state/terminated/exitCode"));
        code.is_some_and(|code| wanted(container, code))
    })
}

fn set(status: &mut Value, kind: &str, mut condition: Value, (now, generation): (&str, Option<i64>)) {
    condition["type"] = json!(kind);
    condition["lastProbeTime"] = Value::Null;
    condition["lastTransitionTime"] = json!(now);
    if let Some(generation) = generation {
        condition["observedGeneration"] = json!(generation);
    }
    if !status["conditions"].is_array() {
        status["conditions"] = json!([]);
    }
    let Some(conditions) = status["conditions"].as_array_mut() else { return };
    match conditions.iter_mut().find(|found| found["type"] == kind) {
        Some(found) => {
            if found["status"] == condition["status"] {
                condition["lastTransitionTime"] = found["lastTransitionTime"].clone();
            }
            *found = condition;
        }
        None => conditions.push(condition),
    }
}

/// The conditions that are kubelets' to write (`pkg/kubelet/types/pod_status.go`, PodConditionByKubelet).
const OWN: [&str; 7] = [
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "PodScheduled",
    "PodResizePending",
    "PodResizeInProgress",
];

/// Leaves the conditions of others as they are in `told`, whatever has become of them since a kubelet looked.
pub fn keep_others(status: &mut Value, told: &Value) {
    let is_own = |condition: &Value| OWN.contains(&meta::text(condition, "/type"));
    let others = meta::list(told, "/conditions").iter().filter(|one| !is_own(one)).cloned();
    let Some(conditions) = status["conditions"].as_array_mut() else { return };
    conditions.retain(is_own);
    conditions.splice(..0, others);
}

fn phase(pod: &Value, status: &Value) -> &'static str {
    let statuses = meta::list(status, "/containerStatuses");
    let again = |container: &Value, (_, list): (&str, &str), code: i64| restarts(pod, container, &list[1..], code);
    let sidecars = meta::list(pod, "/spec/initContainers").iter().filter(|container| is_sidecar(container));
    let beside = sidecars
        .filter_map(|container| status_of(status, "/initContainerStatuses", meta::text(container, "/name")))
        .any(|status| status.pointer("/state/running").is_some());
    // Nothing has failed as long as anything of it runs (`pkg/kubelet/status/status_manager.go`, mergePodStatus).
    if init_failed(pod, status) && !beside || matches!(meta::text(status, "/reason"), OVERDUE | EVICTED) {
        return "Failed";
    }
    if statuses.is_empty() || !init_done(pod, status) && !is_over(pod, status) {
        return "Pending";
    }
    let count = |state: &str| statuses.iter().filter(|status| status.pointer(state).is_some()).count();
    let stopped = count("/state/terminated");
    let restarting = statuses
        .iter()
        .filter(|status| {
            status.pointer("/state/waiting").is_some() && status.pointer("/lastState/terminated").is_some()
        })
        .count();
    let waiting = count("/state/waiting") - restarting;
    if waiting > 0 {
        return "Pending";
    }
    let failed =
        statuses.iter().any(|status| status.pointer("/state/terminated/exitCode").is_some_and(|code| code != 0));
    if meta::is_terminating(pod) && stopped + restarting == statuses.len() && !is_mirror(pod) {
        return if failed || restarting > 0 { "Failed" } else { "Succeeded" };
    }
    let returns = any_ended(pod, status, MAIN, |container, code| again(container, MAIN, code));
    if beside || count("/state/running") > 0 || restarting > 0 || returns || stopped < statuses.len() {
        return "Running";
    }
    if failed { "Failed" } else { "Succeeded" }
}
