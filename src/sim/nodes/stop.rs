//! The end of a Pod: its hooks, then SIGTERM to its processes, sidecars last, and SIGKILL when its time is up.
//! Asking for the end is the API's. Source: `pkg/kubelet/kuberuntime/kuberuntime_container.go`, killContainer.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::container::{reveal, time};
use super::kubelet::{Kubelets, Sync};
use super::restarts::{init_done, init_failed, is_over, is_sidecar};
use super::static_pods::is_mirror;
use super::statuses::part;
use super::{hooks, runs};
use crate::base::clock::later;
use crate::object::meta;
use crate::sim::apiserver::endpoints::{DeleteOptions, Deleted, timestamp};
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::Result;

/// How long after they were told to end a kubelet notices that containers have, at the earliest; a Pod that goes can be seen going. A real
/// one looks every second, and between.
const NOTICED: SignedDuration = SignedDuration::from_millis(100);

/// A container that runs: its spec, the list its status is in, and that status.
struct Running {
    container: Value,
    list: &'static str,
    status: Value,
}

impl Running {
    fn name(&self) -> &str {
        meta::text(&self.container, "/name")
    }

    fn is_sidecar(&self) -> bool {
        self.list == "initContainerStatuses" && is_sidecar(&self.container)
    }
}

fn running(sync: &Sync) -> Vec<Running> {
    let lists = [
        ("/spec/containers", "containerStatuses"),
        ("/spec/initContainers", "initContainerStatuses"),
        ("/spec/ephemeralContainers", "ephemeralContainerStatuses"),
    ];
    let mut all = Vec::new();
    for (spec, list) in lists {
        for container in meta::list(sync.pod, spec) {
            let statuses = meta::list(&sync.status, &format!("/{list}"));
            let status = statuses.iter().find(|status| status["name"] == container["name"]);
            if let Some(status) = status.filter(|status| status.pointer("/state/running").is_some()) {
                all.push(Running { container: container.clone(), list, status: status.clone() });
            }
        }
    }
    all
}

/// Brings a terminating Pod nearer to its end; true when it is gone.
pub fn stop(kubelets: &Kubelets, sync: &mut Sync) -> Result<bool> {
    let deadline = meta::text(sync.pod, "/metadata/deletionTimestamp").parse().unwrap_or(sync.now);
    if !end_all(kubelets, sync, deadline) {
        return Ok(false);
    }
    let told = sync.memory.ending.values().max().map_or(sync.now, |told| told.saturating_add(NOTICED).unwrap_or(*told));
    if sync.now < told {
        sync.wake_at(told);
        return Ok(false);
    }
    remove(sync)
}

/// Ends a Pod that was active for longer than it may be; false while its time is not up.
/// Source: `pkg/kubelet/active_deadline.go`.
pub fn overdue(kubelets: &Kubelets, sync: &mut Sync) -> bool {
    const WHY: &str = "Pod was active on the node longer than the specified deadline";
    let limit = meta::number(sync.pod, "/spec/activeDeadlineSeconds");
    let (Some(limit), Some(started)) = (limit, time(&sync.status, "/startTime")) else { return false };
    let due = later(started, limit);
    if sync.now < due {
        sync.wake_at(due);
        return false;
    }
    if !sync.memory.killing {
        sync.events.record("Normal", (sync.pod, ""), "DeadlineExceeded", WHY);
    }
    let grace = meta::number(sync.pod, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
    if end_all(kubelets, sync, later(due, grace)) {
        sync.status["reason"] = json!(super::conditions::OVERDUE);
        sync.status["message"] = json!(WHY);
    }
    super::conditions::update(sync);
    true
}

/// Ends what still runs beside containers that all have ended for good or never start: sidecars. False when there is nothing of that kind.
/// Source: `pkg/kubelet/kubelet.go`, SyncTerminatingPod, for a Pod that ended by itself.
pub fn done(kubelets: &Kubelets, sync: &mut Sync) -> bool {
    let ends_here = is_over(sync.pod, &sync.status) || init_failed(sync.pod, &sync.status);
    if !ends_here || running(sync).is_empty() {
        return false;
    }
    let last = |list: &str| {
        let ends = meta::list(&sync.status, list).iter();
        ends.filter_map(|status| time(status, "/state/terminated/finishedAt")).max()
    };
    let last = last("/containerStatuses").or_else(|| last("/initContainerStatuses")).unwrap_or(sync.now);
    let grace = meta::number(sync.pod, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
    end_all(kubelets, sync, later(last, grace));
    super::conditions::update(sync);
    true
}

/// Brings every container nearer to its end; true when none is left. Sidecars come last, and of them that first which began last
/// (`pkg/kubelet/kuberuntime/kuberuntime_termination_order.go`).
pub fn end_all(kubelets: &Kubelets, sync: &mut Sync, deadline: Timestamp) -> bool {
    reveal(kubelets, sync);
    let all = running(sync);
    if !sync.memory.killing {
        sync.memory.killing = true;
        for one in &all {
            announce(kubelets, sync, one);
        }
    }
    let (mut sidecars, others): (Vec<&Running>, Vec<&Running>) = all.iter().partition(|one| one.is_sidecar());
    sidecars.reverse();
    let (mut alive, mut needed) = (0, false);
    for one in others.into_iter().chain(sidecars) {
        let waits = one.is_sidecar() && needed && sync.now < deadline;
        if waits || !ended(kubelets, sync, one, deadline) {
            alive += 1;
            needed |= one.list == "containerStatuses" || one.is_sidecar();
        }
    }
    if alive > 0 {
        runs::wake_with_sandbox(kubelets, sync);
        sync.wake_at(deadline.max(sync.now));
    }
    alive == 0
}

/// Tells of the end, and runs the hook; how long that takes is how much later SIGTERM comes.
fn announce(kubelets: &Kubelets, sync: &mut Sync, one: &Running) {
    let part = part(one.list, &one.container);
    sync.events.record("Normal", (sync.pod, &part), "Killing", &format!("Stopping container {}", one.name()));
    let then = hooks::before_end(kubelets, sync, (&one.container, &one.status), &part);
    sync.memory.ending.insert(one.name().to_owned(), then);
}

/// Sends SIGTERM once it is time and SIGKILL at the deadline; true when the run has ended.
fn ended(kubelets: &Kubelets, sync: &mut Sync, one: &Running, deadline: Timestamp) -> bool {
    let Some(run) = runs::run_of(kubelets, sync, &one.status) else { return true };
    let then = sync.memory.ending.get(one.name()).copied().unwrap_or(sync.now);
    if run.end().is_none() && sync.now < then.min(deadline) {
        sync.wake_at(then);
        return false;
    }
    // Told again, who looks after it himself would begin anew with what he does then; others may not have been so far yet.
    let tells = sync.memory.told.insert(one.name().to_owned()) || !run.traps();
    runs::with_sandbox(kubelets, sync, |sandbox| {
        if tells && run.end().is_none() {
            run.terminate();
            sandbox.settle();
        }
        if run.end().is_none() && sandbox.now() >= deadline {
            run.kill();
        }
    });
    let Some(end) = run.end() else { return false };
    let Some(statuses) = sync.status[one.list].as_array_mut() else { return true };
    for status in statuses.iter_mut().filter(|status| status["name"] == one.container["name"]) {
        let terminated = json!({
            "exitCode": end.code,
            "reason": if end.code == 0 { "Completed" } else { "Error" },
            "startedAt": status["state"]["running"]["startedAt"],
            "finishedAt": timestamp(end.at),
            "containerID": status["containerID"],
        });
        status["state"] = json!({ "terminated": terminated });
        status["ready"] = json!(false);
        if status.get("started").is_some() {
            status["started"] = json!(false);
        }
    }
    true
}

/// Gives up what is not known to have run: with that the Pod has failed (`pkg/kubelet/status/status_manager.go`, TerminatePod).
fn give_up(sync: &mut Sync) {
    let finished = matches!(meta::text(&sync.status, "/phase"), "Succeeded" | "Failed");
    if finished || is_mirror(sync.pod) {
        return;
    }
    let has_run = |status: &Value| {
        status.pointer("/state/waiting").is_none() || status.pointer("/lastState/terminated").is_some()
    };
    let lists = ["/containerStatuses", "/initContainerStatuses"].map(|list| meta::list(&sync.status, list));
    let is_initialized = init_done(sync.pod, &sync.status) || lists[0].iter().any(has_run);
    // Of the init containers those up to the last that has run, and the first in any case.
    let begun = lists[1].iter().rposition(has_run).map_or(1, |last| last + 1);
    let counts = [("containerStatuses", if is_initialized { usize::MAX } else { 0 }), ("initContainerStatuses", begun)];
    for (list, count) in counts {
        let Some(statuses) = sync.status.get_mut(list).and_then(Value::as_array_mut) else { continue };
        for status in statuses.iter_mut().take(count).filter(|status| !has_run(status)) {
            status["state"] = json!({ "terminated": {
                "exitCode": 137,
                "reason": "ContainerStatusUnknown",
                "message": "The container could not be located when the pod was terminated",
                "startedAt": null,
                "finishedAt": null,
            } });
        }
    }
    sync.status["phase"] = json!("Failed");
}

fn remove(sync: &mut Sync) -> Result<bool> {
    super::conditions::update(sync);
    give_up(sync);
    if sync.apart {
        return Ok(false);
    }
    if sync.pod.pointer("/status/phase") != sync.status.get("phase") {
        // Who watches sees how it ended before it is gone (`pkg/kubelet/status/status_manager.go`, canBeDeleted).
        return Ok(false);
    }
    let options = DeleteOptions { uid: Some(meta::uid(sync.pod).to_owned()), ..DeleteOptions::now() };
    match sync.context.client.delete(&POD, meta::namespace(sync.pod), meta::name(sync.pod), &options) {
        Err(status) if !status.is_not_found() && !status.is_conflict() => Err(status),
        // A finalizer may hold it; then its last status still has to be told.
        Ok(Deleted::Terminating(_)) => Ok(false),
        _ => Ok(true),
    }
}

/// So long a hook may take that says nothing of it.
pub const LONGEST_HOOK: Duration = Duration::from_secs(3600);
