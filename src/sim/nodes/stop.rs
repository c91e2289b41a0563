//! The end of a Pod: its processes are told to stop, and the Pod goes when they have.
//! Asking for the end is the API's. Source: `pkg/kubelet/kuberuntime/kuberuntime_container.go`, killContainer.

use std::time::Duration;

use serde_json::json;

use super::container;
use super::kubelet::{Kubelets, Sync};
use crate::object::meta;
use crate::sim::apiserver::endpoints::{DeleteOptions, timestamp};
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::Result;

/// How long a process that heeds SIGTERM takes to end.
const HEEDS: Duration = Duration::from_millis(100);

/// Brings a terminating Pod nearer to its end; true when it is gone.
pub fn stop(_: &Kubelets, sync: &mut Sync) -> Result<bool> {
    let running: Vec<(String, bool, i32)> =
        [("/spec/containers", "containerStatuses"), ("/spec/initContainers", "initContainerStatuses")]
            .into_iter()
            .flat_map(|(list, statuses)| meta::list(sync.pod, list).iter().map(move |container| (container, statuses)))
            .filter(|(container, statuses)| {
                let found = meta::list(&sync.status, &format!("/{statuses}"))
                    .iter()
                    .find(|status| status["name"] == container["name"]);
                found.is_some_and(|status| status.pointer("/state/running").is_some())
            })
            .map(|(container, _)| {
                let process = container::process(sync, container);
                let ignores = process.as_ref().is_some_and(|process| process.ignores_term());
                (meta::text(container, "/name").to_owned(), ignores, process.map_or(0, |process| process.term_code()))
            })
            .collect();
    if !running.is_empty() && !sync.memory.killing {
        sync.memory.killing = true;
        for (name, ..) in &running {
            let part = format!("spec.containers{{{name}}}");
            sync.events.record("Normal", (sync.pod, &part), "Killing", &format!("Stopping container {name}"));
        }
        let stubborn = running.iter().any(|(_, ignores, _)| *ignores);
        let end = meta::text(sync.pod, "/metadata/deletionTimestamp").parse().unwrap_or(sync.now);
        let soon = sync.now + jiff::SignedDuration::try_from(HEEDS).unwrap_or_default();
        sync.wake_at(if stubborn { end } else { soon });
        return Ok(false);
    }
    let end = meta::text(sync.pod, "/metadata/deletionTimestamp").parse().unwrap_or(sync.now);
    if sync.now < end && running.iter().any(|(_, ignores, _)| *ignores) {
        sync.wake_at(end);
        return Ok(false);
    }
    for (name, ignores, code) in running {
        let code = if ignores { 137 } else { code };
        for list in ["containerStatuses", "initContainerStatuses"] {
            let Some(statuses) = sync.status[list].as_array_mut() else { continue };
            for status in statuses.iter_mut().filter(|status| status["name"] == name) {
                let ended = json!({
                    "exitCode": code,
                    "reason": if code == 0 { "Completed" } else { "Error" },
                    "startedAt": status["state"]["running"]["startedAt"],
                    "finishedAt": timestamp(sync.now),
                    "containerID": status["containerID"],
                });
                status["state"] = json!({ "terminated": ended });
                status["ready"] = json!(false);
            }
        }
    }
    let options = DeleteOptions { uid: Some(meta::uid(sync.pod).to_owned()), ..DeleteOptions::now() };
    match sync.context.client.delete(&POD, meta::namespace(sync.pod), meta::name(sync.pod), &options) {
        Err(status) if !status.is_not_found() && !status.is_conflict() => Err(status),
        // A finalizer may hold it; then its last status still has to be told.
        Ok(crate::sim::apiserver::endpoints::Deleted::Terminating(_)) => {
            super::conditions::update(sync);
            Ok(false)
        }
        _ => Ok(true),
    }
}
