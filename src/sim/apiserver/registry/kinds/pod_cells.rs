//! The row of a Pod in `kubectl get pods`: ready containers, the Status cell, restarts.
//! Source: `pkg/printers/internalversion/printers.go`, printPod.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{self, NONE};
use crate::object::meta;
use crate::sim::apiserver::registry::duration::{age, human};

/// What the containers of a Pod add up to.
#[derive(Default)]
struct Tally {
    ready: usize,
    restarts: i64,
    last: Option<Timestamp>,
    /// The same of restartable init containers alone.
    sidecar_restarts: i64,
    sidecar_last: Option<Timestamp>,
    initializing: bool,
    reason: String,
}

/// The cells of one Pod.
pub fn row(pod: &Value, now: Timestamp) -> Vec<Value> {
    let tally = tally(pod);
    let containers = meta::list(pod, "/spec/containers").len();
    let sidecars = meta::list(pod, "/spec/initContainers").iter().filter(|container| is_sidecar(container)).count();
    let restarts = match tally.last {
        Some(last) if tally.restarts != 0 => {
            format!("{} ({} ago)", tally.restarts, human(now.duration_since(last).as_secs()))
        }
        _ => tally.restarts.to_string(),
    };
    vec![
        cells::name(pod),
        json!(format!("{}/{}", tally.ready, containers + sidecars)),
        json!(tally.reason),
        json!(restarts),
        age(pod, now),
        cells::text_or(pod, "/status/podIPs/0/ip", NONE),
        cells::text_or(pod, "/spec/nodeName", NONE),
        cells::text_or(pod, "/status/nominatedNodeName", NONE),
        gates(pod),
    ]
}

/// The Status cell alone.
pub fn status(pod: &Value) -> String {
    tally(pod).reason
}

fn tally(pod: &Value) -> Tally {
    let mut tally = Tally { reason: phase_or_reason(pod), ..Tally::default() };
    count_init(pod, &mut tally);
    if !tally.initializing || condition(pod, "Initialized") {
        tally.restarts = tally.sidecar_restarts;
        tally.last = tally.sidecar_last;
        count_main(pod, &mut tally);
    }
    let phase = meta::text(pod, "/status/phase");
    if meta::is_terminating(pod) {
        if meta::text(pod, "/status/reason") == "NodeLost" {
            tally.reason = "Unknown".to_owned();
        } else if !matches!(phase, "Succeeded" | "Failed") {
            tally.reason = "Terminating".to_owned();
        }
    }
    tally
}

fn phase_or_reason(pod: &Value) -> String {
    let gated = meta::list(pod, "/status/conditions").iter().any(|condition| {
        meta::text(condition, "/type") == "PodScheduled" && meta::text(condition, "/reason") == "SchedulingGated"
    });
    match meta::text(pod, "/status/reason") {
        _ if gated => "SchedulingGated".to_owned(),
        "" => meta::text(pod, "/status/phase").to_owned(),
        reason => reason.to_owned(),
    }
}

fn condition(pod: &Value, kind: &str) -> bool {
    meta::list(pod, "/status/conditions")
        .iter()
        .find(|condition| meta::text(condition, "/type") == kind)
        .is_some_and(|condition| meta::text(condition, "/status") == "True")
}

fn is_sidecar(container: &Value) -> bool {
    meta::text(container, "/restartPolicy") == "Always"
}

fn ended_before(status: &Value) -> Option<Timestamp> {
    meta::text(status, "/lastState/terminated/finishedAt").parse().ok()
}

/// Why a container ended: its reason, signal or exit code.
fn end(terminated: &Value) -> String {
    match (meta::text(terminated, "/reason"), meta::number(terminated, "/signal").unwrap_or_default()) {
        ("", 0) => format!("ExitCode:{}", meta::number(terminated, "/exitCode").unwrap_or_default()),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn count_init(pod: &Value, tally: &mut Tally) {
    let specs = meta::list(pod, "/spec/initContainers");
    for (index, status) in meta::list(pod, "/status/initContainerStatuses").iter().enumerate() {
        let restarts = meta::number(status, "/restartCount").unwrap_or_default();
        let ended = ended_before(status);
        tally.restarts += restarts;
        tally.last = tally.last.max(ended);
        let sidecar = specs.iter().any(|spec| spec["name"] == status["name"] && is_sidecar(spec));
        if sidecar {
            tally.sidecar_restarts += restarts;
            tally.sidecar_last = tally.sidecar_last.max(ended);
        }
        let terminated = status.pointer("/state/terminated");
        let waiting = meta::text(status, "/state/waiting/reason");
        match terminated {
            Some(state) if meta::number(state, "/exitCode").unwrap_or_default() == 0 => continue,
            _ if sidecar && meta::truth(status, "/started") => {
                tally.ready += usize::from(meta::truth(status, "/ready"));
                continue;
            }
            Some(state) => tally.reason = format!("Init:{}", end(state)),
            None if !waiting.is_empty() && waiting != "PodInitializing" => tally.reason = format!("Init:{waiting}"),
            None => tally.reason = format!("Init:{index}/{}", specs.len()),
        }
        tally.initializing = true;
        break;
    }
}

fn count_main(pod: &Value, tally: &mut Tally) {
    let (mut running, mut failed) = (false, None);
    for status in meta::list(pod, "/status/containerStatuses").iter().rev() {
        tally.restarts += meta::number(status, "/restartCount").unwrap_or_default();
        tally.last = tally.last.max(ended_before(status));
        let waiting = meta::text(status, "/state/waiting/reason");
        if !waiting.is_empty() {
            tally.reason = waiting.to_owned();
        } else if let Some(state) = status.pointer("/state/terminated") {
            tally.reason = end(state);
            if meta::number(state, "/exitCode").unwrap_or_default() != 0 {
                failed = Some(tally.reason.clone());
            }
        } else if meta::truth(status, "/ready") && status.pointer("/state/running").is_some() {
            running = true;
            tally.ready += 1;
        }
    }
    if tally.reason == "Completed" {
        if running && condition(pod, "Ready") {
            tally.reason = "Running".to_owned();
        } else if let Some(failed) = failed {
            tally.reason = failed;
        } else if running {
            tally.reason = "NotReady".to_owned();
        }
    }
}

fn gates(pod: &Value) -> Value {
    let gates = meta::list(pod, "/spec/readinessGates");
    if gates.is_empty() {
        return json!(NONE);
    }
    let open = gates.iter().filter(|gate| condition(pod, meta::text(gate, "/conditionType"))).count();
    json!(format!("{open}/{}", gates.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(status: Value) -> Value {
        let spec = json!({ "containers": [{ "name": "a" }, { "name": "b" }], "initContainers": [{ "name": "i" }] });
        json!({ "metadata": { "name": "p" }, "spec": spec, "status": status })
    }

    #[test]
    fn the_status_cell_says_what_holds_the_pod_up() {
        let running = json!({ "name": "b", "ready": true, "state": { "running": {} } });
        let ended = |reason: &str, code: i64| json!({ "name": "a", "state": { "terminated": { "reason": reason, "exitCode": code } } });
        let cases = [
            (json!({ "phase": "Pending" }), "Pending"),
            (json!({ "phase": "Failed", "reason": "Evicted" }), "Evicted"),
            (
                json!({ "phase": "Pending", "conditions": [{ "type": "PodScheduled", "reason": "SchedulingGated" }] }),
                "SchedulingGated",
            ),
            (
                json!({ "phase": "Pending", "initContainerStatuses": [{ "name": "i", "state": { "running": {} } }] }),
                "Init:0/1",
            ),
            (
                json!({ "phase": "Pending", "initContainerStatuses": [{ "name": "i", "state": { "terminated": { "exitCode": 3 } } }] }),
                "Init:ExitCode:3",
            ),
            (
                json!({ "phase": "Pending", "containerStatuses": [{ "name": "a", "state": { "waiting": { "reason": "ImagePullBackOff" } } }] }),
                "ImagePullBackOff",
            ),
            (json!({ "phase": "Running", "containerStatuses": [ended("Completed", 0), running.clone()] }), "NotReady"),
            (
                json!({
                    "phase": "Running",
                    "conditions": [{ "type": "Ready", "status": "True" }],
                    "containerStatuses": [ended("Completed", 0), running.clone()],
                }),
                "Running",
            ),
            (json!({ "phase": "Running", "containerStatuses": [ended("Error", 1), running] }), "Error"),
        ];
        for (given, expected) in cases {
            assert_eq!(status(&pod(given.clone())), expected, "{given}");
        }
    }

    #[test]
    fn restarts_say_how_long_ago() {
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().expect("a time");
        let last = json!({ "terminated": { "finishedAt": "2026-01-01T00:00:45Z" } });
        let row =
            row(&pod(json!({ "containerStatuses": [{ "name": "a", "restartCount": 2, "lastState": last }] })), now);
        assert_eq!(row[1], "0/2");
        assert_eq!(row[3], "2 (15s ago)");
        assert_eq!(row[5], "<none>");
    }
}
