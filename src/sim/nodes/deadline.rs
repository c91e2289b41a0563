//! Pods that may run for so long and no longer: `spec.activeDeadlineSeconds`.
//! A Job's own deadline is its controller's. Source: `pkg/kubelet/active_deadline.go`.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::kubelet::{Kubelets, Sync};
use super::runs::run_of;
use crate::object::meta;
use crate::sim::apiserver::endpoints::timestamp;

const REASON: &str = "DeadlineExceeded";
const MESSAGE: &str = "Pod was active on the node longer than the specified deadline";

/// Ends a Pod whose time is over; whether it is.
pub fn exceeded(kubelets: &Kubelets, sync: &mut Sync) -> bool {
    let Some(seconds) = meta::number(sync.pod, "/spec/activeDeadlineSeconds") else { return false };
    let Ok(started) = meta::text(&sync.status, "/startTime").parse::<Timestamp>() else { return false };
    let end = started.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
    if sync.now < end {
        sync.wake_at(end);
        return false;
    }
    sync.events.record("Normal", (sync.pod, ""), REASON, MESSAGE);
    for list in ["containerStatuses", "initContainerStatuses"] {
        for index in 0..meta::list(&sync.status, &format!("/{list}")).len() {
            let status = sync.status[list][index].clone();
            if status.pointer("/state/running").is_none() {
                continue;
            }
            run_of(kubelets, sync, &status).iter().for_each(|run| run.kill());
            let status = &mut sync.status[list][index];
            status["state"] = json!({ "terminated": {
                "exitCode": 137,
                "reason": "Error",
                "startedAt": status["state"]["running"]["startedAt"],
                "finishedAt": timestamp(sync.now),
                "containerID": status["containerID"],
            } });
            status["ready"] = json!(false);
            status["started"] = json!(false);
        }
    }
    true
}

/// Says so in the Pod's status.
pub fn tell(sync: &mut Sync) {
    sync.status["phase"] = json!("Failed");
    sync.status["reason"] = json!(REASON);
    sync.status["message"] = json!(MESSAGE);
}
