//! The status of a DaemonSet: on how many nodes its Pod should be, is, and works.
//! Source: `updateDaemonSetStatus` in `pkg/controller/daemon/daemon_controller.go`.

use std::time::Duration;

use serde_json::{Value, json};

use super::daemons::Daemons;
use super::placement;
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::daemonset::DAEMONSET;
use crate::sim::apiserver::status::Result;
use crate::sim::controllers::conditions::{self, count};
use crate::sim::controllers::pods;

#[derive(Default)]
struct Counts {
    desired: i64,
    current: i64,
    misscheduled: i64,
    ready: i64,
    updated: i64,
    available: i64,
}

/// Writes the status, and says when the next Pod becomes available by time alone.
pub fn write(daemons: &Daemons) -> Result<Option<Duration>> {
    let counts = counts(daemons);
    let mut status = daemons.set.get("status").cloned().unwrap_or_else(|| json!({}));
    status["currentNumberScheduled"] = json!(counts.current);
    status["numberMisscheduled"] = json!(counts.misscheduled);
    status["desiredNumberScheduled"] = json!(counts.desired);
    status["numberReady"] = json!(counts.ready);
    count(&mut status, "updatedNumberScheduled", counts.updated);
    count(&mut status, "numberAvailable", counts.available);
    count(&mut status, "numberUnavailable", counts.desired - counts.available);
    let generation = meta::number(&daemons.set, "/metadata/generation").unwrap_or_default();
    count(&mut status, "observedGeneration", generation);
    conditions::write(daemons.context, &DAEMONSET, &daemons.set, &status)?;
    let all = daemons.pods.values().flatten().map(|pod| &**pod);
    Ok(pods::next_available(all, daemons.min_ready(), daemons.now))
}

fn counts(daemons: &Daemons) -> Counts {
    let mut counts = Counts::default();
    for node in &daemons.nodes {
        let eldest: Option<&Value> = daemons.pods.get(meta::name(node)).and_then(|pods| pods.first()).map(|pod| &**pod);
        let should = placement::fit(&daemons.set, node).may_start;
        counts.desired += i64::from(should);
        let Some(pod) = eldest else { continue };
        if !should {
            counts.misscheduled += 1;
            continue;
        }
        counts.current += 1;
        counts.ready += i64::from(pods::is_ready(pod));
        counts.available += i64::from(daemons.is_available(pod));
        counts.updated += i64::from(placement::is_updated(&daemons.set, pod, &daemons.hash));
    }
    counts
}
