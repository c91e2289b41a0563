//! The status of a StatefulSet: counters by revision, and the end of an update.
//! Source: `computeReplicaStatus` and `completeRollingUpdate` in `pkg/controller/statefulset`.

use serde_json::{Value, json};

use super::control::Stateful;
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::statefulset::STATEFULSET;
use crate::sim::apiserver::status::Result;
use crate::sim::controllers::conditions::{self, count};
use crate::sim::controllers::history::REVISION_HASH;
use crate::sim::controllers::pods;

/// Writes the status.
pub fn write(stateful: &Stateful) -> Result<()> {
    let all = || {
        let replicas = stateful.replicas.iter().filter_map(|replica| replica.pod.as_deref());
        replicas.chain(stateful.condemned.iter().map(|(_, pod)| &**pod))
    };
    let number =
        |holds: &dyn Fn(&Value) -> bool| i64::try_from(all().filter(|pod| holds(pod)).count()).unwrap_or(i64::MAX);
    let is_ready = |pod: &Value| meta::text(pod, "/status/phase") == "Running" && pods::is_ready(pod);
    let is_of = |pod: &Value, revision: &Value| {
        !meta::is_terminating(pod) && meta::label(pod, REVISION_HASH) == Some(meta::name(revision))
    };
    let (replicas, ready) = (number(&|_| true), number(&is_ready));
    let updated = number(&|pod| is_of(pod, &stateful.update));
    let wanted = meta::number(&stateful.set, "/spec/replicas").unwrap_or(1);
    let is_complete = stateful.is_rolling() && [replicas, ready, updated] == [wanted; 3];
    let current = if is_complete { &stateful.update } else { &stateful.current };
    let available = number(&|pod| is_ready(pod) && pods::is_available(pod, stateful.min_ready(), stateful.now));
    let mut status = stateful.set.get("status").cloned().unwrap_or_else(|| json!({}));
    status["replicas"] = json!(replicas);
    status["availableReplicas"] = json!(available);
    meta::set_default(&mut status, "collisionCount", 0);
    status["currentRevision"] = json!(meta::name(current));
    status["updateRevision"] = json!(meta::name(&stateful.update));
    count(&mut status, "readyReplicas", ready);
    count(&mut status, "updatedReplicas", updated);
    let current = if is_complete { updated } else { number(&|pod| is_of(pod, current)) };
    count(&mut status, "currentReplicas", current);
    let generation = meta::number(&stateful.set, "/metadata/generation").unwrap_or_default();
    count(&mut status, "observedGeneration", generation);
    conditions::write(stateful.context, &STATEFULSET, &stateful.set, &status)
}
