//! The status of a ReplicaSet or ReplicationController: counters and the one condition.
//! Source: `calculateStatus` in `pkg/controller/replicaset/replica_set_utils.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::replicas::wanted;
use crate::object::meta;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::status::Status;
use crate::sim::controllers::claim::Pods;
use crate::sim::controllers::conditions::{self, Condition, count};
use crate::sim::controllers::pods;

const REPLICA_FAILURE: &str = "ReplicaFailure";

/// The status as it should be; `failure` is why Pods could not be made or deleted.
pub fn of(set: &Value, pods: &Pods, failure: Option<&Status>, now: Timestamp) -> Value {
    let mut status = set.get("status").cloned().unwrap_or_else(|| json!({}));
    let min_ready = meta::number(set, "/spec/minReadySeconds").unwrap_or_default();
    let labels = meta::map(set, "/spec/template/metadata/labels");
    let template = LabelSelector::from_map(labels).unwrap_or_else(|_| LabelSelector::nothing());
    let number = |holds: &dyn Fn(&Value) -> bool| {
        i64::try_from(pods.active.iter().filter(|pod| holds(pod)).count()).unwrap_or(i64::MAX)
    };
    let have = number(&|_| true);
    fail(&mut status, have - wanted(set), failure, now);
    status["replicas"] = json!(have);
    count(&mut status, "fullyLabeledReplicas", number(&|pod| template.selects(pod)));
    count(&mut status, "readyReplicas", number(&pods::is_ready));
    count(&mut status, "availableReplicas", number(&|pod| pods::is_available(pod, min_ready, now)));
    if meta::text(set, "/kind") == "ReplicaSet" {
        status["terminatingReplicas"] = json!(pods.ending.len());
    }
    count(&mut status, "observedGeneration", meta::number(set, "/metadata/generation").unwrap_or_default());
    status
}

fn fail(status: &mut Value, excess: i64, failure: Option<&Status>, now: Timestamp) {
    match failure {
        None => conditions::remove(status, REPLICA_FAILURE),
        Some(_) if conditions::of(status, REPLICA_FAILURE).is_some() => {}
        Some(failure) => {
            let reason = if excess < 0 { "FailedCreate" } else { "FailedDelete" };
            let said = Condition { kind: REPLICA_FAILURE, status: "True", reason, message: &failure.message };
            conditions::set(status, said.at(now));
        }
    }
}
