//! A Pod's phase and conditions, from the states of its containers.
//! Source: `pkg/kubelet/kubelet_pods.go` getPhase and `pkg/kubelet/status/generate.go`.

use serde_json::{Value, json};

use super::container::{init_done, is_sidecar};
use super::kubelet::Sync;
use crate::object::meta;
use crate::sim::apiserver::endpoints::timestamp;

/// `status.reason` of a Pod that was active for too long.
pub const OVERDUE: &str = "DeadlineExceeded";

/// Brings phase and conditions up to date with the container statuses.
pub fn update(sync: &mut Sync) {
    let phase = phase(sync.pod, &sync.status);
    sync.status["phase"] = json!(phase);
    let initialized = init_done(sync.pod, &sync.status);
    let incomplete: Vec<&str> = names(sync, "initContainerStatuses", |status| {
        !meta::truth(status, "/ready") && status.pointer("/state/terminated/exitCode") != Some(&json!(0))
    });
    let unready: Vec<&str> = names(sync, "containerStatuses", |status| !meta::truth(status, "/ready"));
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
        ("Ready", ready(unready.clone())),
        ("ContainersReady", ready(unready)),
    ];
    let now = timestamp(sync.now);
    for (kind, condition) in wanted {
        set(&mut sync.status, kind, condition, (&now, generation));
    }
    if let Some(conditions) = sync.status["conditions"].as_array_mut() {
        conditions.sort_by_key(|condition| place(meta::text(condition, "/type")));
    }
}

/// Where a condition stands: others' first, then the kubelet's in its order (`kubelet_pods.go`, generateAPIPodStatus).
fn place(kind: &str) -> usize {
    let own = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
    own.iter().position(|one| *one == kind).map_or(0, |at| at + 1)
}

fn names<'a>(sync: &'a Sync, list: &str, wanted: impl Fn(&Value) -> bool) -> Vec<&'a str> {
    let statuses = sync.status.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    statuses.iter().filter(|status| wanted(status)).map(|status| meta::text(status, "/name")).collect()
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

/// Whether the API only mirrors a static Pod, which never ends.
fn is_mirror(pod: &Value) -> bool {
    meta::annotation(pod, "kubernetes.io/config.mirror").is_some()
}

fn phase(pod: &Value, status: &Value) -> &'static str {
    let statuses = meta::list(status, "/containerStatuses");
    let policy = meta::text(pod, "/spec/restartPolicy");
    let failed_init = meta::list(pod, "/spec/initContainers")
        .iter()
        .zip(meta::list(status, "/initContainerStatuses"))
        .any(|(container, status)| {
            !is_sidecar(container)
                && policy == "Never"
                && status.pointer("/state/terminated/exitCode").is_some_and(|code| code != 0)
        });
    if failed_init || meta::text(status, "/reason") == OVERDUE {
        return "Failed";
    }
    if !init_done(pod, status) || statuses.is_empty() {
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
    if count("/state/running") > 0 || restarting > 0 || policy == "Always" || stopped < statuses.len() {
        return "Running";
    }
    match (failed, policy) {
        (false, _) => "Succeeded",
        (true, "Never") => "Failed",
        _ => "Running",
    }
}
