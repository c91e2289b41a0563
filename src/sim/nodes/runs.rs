//! The runs of a Pod's containers: found in its sandbox, or brought back when the sandbox is gone.
//! What a run's end means for the Pod is `container.rs`.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::container::time;
use super::kubelet::{Kubelets, Sync};
use super::process::container::Container;
use super::process::replay::Again;
use super::process::sandbox::Sandbox;
use super::restarts::status_of;
use super::snapshot::PodRecord;
use super::{images, starting};
use crate::object::meta;

/// However busy a container is, it is not looked at more often than this.
const SOONEST: Duration = Duration::from_millis(200);

/// Works with the Pod's sandbox as it is now. Runs that it should have and has not, as after a restart, go on as they were
/// remembered; of which nothing is, those begin from their start.
pub fn with_sandbox<T>(kubelets: &Kubelets, sync: &Sync, work: impl FnOnce(&mut Sandbox) -> T) -> T {
    let uid = meta::uid(sync.pod);
    let runtime = &kubelets.runtime;
    if runtime.front(uid).is_none() {
        let told = told(sync);
        runtime.make_again(uid, |remembered| rebuild(kubelets, sync, &told, remembered.as_deref()));
    }
    runtime.with(uid, (sync.now, sync.now), work)
}

/// One run that a status tells of: id, when it started and ended, and its container.
struct Told<'a> {
    id: &'a str,
    started: Timestamp,
    finished: Option<Timestamp>,
    container: &'a Value,
}

fn told<'a>(sync: &'a Sync) -> Vec<Told<'a>> {
    let mut told: Vec<Told> = Vec::new();
    let lists = [
        ("/spec/initContainers", "init"),
        ("/spec/containers", "container"),
        ("/spec/ephemeralContainers", "ephemeralContainer"),
    ];
    for (list, word) in lists {
        let list_of_status = match word {
            "container" => "/containerStatuses".to_owned(),
            "init" => "/initContainerStatuses".to_owned(),
            word => format!("/{word}Statuses"),
        };
        for container in meta::list(sync.pod, list) {
            let Some(status) = status_of(&sync.status, &list_of_status, meta::text(container, "/name")) else {
                continue;
            };
            for part in ["/lastState/terminated", "/state/terminated", "/state/running"] {
                let Some(state) = status.pointer(part) else { continue };
                let id = match part {
                    "/state/running" => meta::text(status, "/containerID"),
                    _ => meta::text(state, "/containerID"),
                };
                if let Some(started) = time(state, "/startedAt").filter(|started| started.as_second() > 0) {
                    told.push(Told { id, started, finished: time(state, "/finishedAt"), container });
                }
            }
        }
    }
    told.sort_by_key(|told| told.started);
    told
}

fn rebuild(kubelets: &Kubelets, sync: &Sync, told: &[Told], remembered: Option<&PodRecord>) -> Option<Sandbox> {
    let first = told.first()?.started;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for told in told {
        let record = remembered.and_then(|pod| pod.run(told.id));
        let reference = record.map(|(record, _)| record.recipe.reference.as_str());
        let Ok(image) = images::resolve(reference.unwrap_or(meta::text(told.container, "/image"))) else { continue };
        let start = starting::start(&kubelets.runtime, sync, told.container, image);
        // What lives by the API server goes on by what it read once, not by what stands in its files now.
        if kubelets.runtime.caller(meta::uid(sync.pod)).is_none() {
            start.script.iter().for_each(|script| kubelets.runtime.note(meta::uid(sync.pod), script));
        }
        match record.cloned() {
            Some((record, written)) => known.push(Again { record, written, start }),
            None => unknown.push((told, start)),
        }
    }
    let mut sandbox = match remembered {
        Some(pod) => Sandbox::again(known, pod.now),
        None => Sandbox::new(first),
    };
    for (told, start) in unknown {
        sandbox.run_until(told.started);
        // What cannot be started was not started then either.
        if sandbox.start(told.id, start).is_ok()
            && let Some(finished) = told.finished
        {
            sandbox.run_until(finished);
            sandbox.run(told.id).iter().for_each(|run| run.kill());
        }
    }
    // What was brought back goes on from where it was: a start that takes a minute is not over because an hour has passed since.
    if remembered.is_some() {
        sandbox.stand_until(sync.now);
    }
    Some(sandbox)
}

/// Looks again when something in the Pod goes on by itself.
pub fn wake_with_sandbox(kubelets: &Kubelets, sync: &mut Sync) {
    let runs = kubelets.runtime.front(meta::uid(sync.pod)).is_some();
    if runs && let Some(then) = with_sandbox(kubelets, sync, |sandbox| sandbox.next_wake()) {
        let soonest = sync.now + SignedDuration::try_from(SOONEST).unwrap_or_default();
        sync.wake_at(then.max(soonest));
    }
}

/// The run a container's status tells of.
pub fn run_of(kubelets: &Kubelets, sync: &Sync, status: &Value) -> Option<Arc<Container>> {
    let id = meta::text(status, "/containerID").to_owned();
    with_sandbox(kubelets, sync, |sandbox| sandbox.run(&id))
}
