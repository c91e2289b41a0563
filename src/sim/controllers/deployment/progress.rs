//! The status of a Deployment: counters, Available, Progressing with its deadline, and failures of its ReplicaSets.
//! Source: `calculateStatus` in `pkg/controller/deployment/sync.go` and `pkg/controller/deployment/progress.go`.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::rollout::{Rollout, counted};
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::deployment::DEPLOYMENT;
use crate::sim::apiserver::status::Result;
use crate::sim::controllers::conditions::{self, Condition, count};
use crate::sim::controllers::pods;
use crate::sim::reconciler::Next;

const PROGRESSING: &str = "Progressing";
const REPLICA_FAILURE: &str = "ReplicaFailure";

impl Rollout<'_> {
    /// Writes counters and availability, but no estimate of progress.
    pub fn write_status(&self) -> Result<Next> {
        conditions::write(self.context, &DEPLOYMENT, &self.deployment, &self.status())?;
        Ok(Next::Done)
    }

    /// Writes the status of a rollout, and says when to look whether it is stuck.
    pub fn write_progress(&self) -> Result<Next> {
        let mut status = self.status();
        self.judge(&mut status);
        match self.failure() {
            Some(failure) => conditions::set(&mut status, failure),
            None => conditions::remove(&mut status, REPLICA_FAILURE),
        }
        if self.deployment.get("status") == Some(&status) {
            return Ok(self.look_again(&status));
        }
        conditions::write(self.context, &DEPLOYMENT, &self.deployment, &status)?;
        Ok(Next::Done)
    }

    /// Whether all Pods asked for are new and available, and no old one is left.
    pub fn is_complete(&self, status: &Value) -> bool {
        let is = |counter: &str| meta::number(status, counter).unwrap_or_default() == self.wanted();
        is("/updatedReplicas")
            && is("/replicas")
            && is("/availableReplicas")
            && meta::number(status, "/observedGeneration") >= meta::number(&self.deployment, "/metadata/generation")
    }

    fn status(&self) -> Value {
        let sum = |counter: &str| self.sets().map(|set| counted(set, counter)).sum::<i64>();
        let available = sum("availableReplicas");
        let mut status = self.deployment.get("status").cloned().unwrap_or_else(|| json!({}));
        count(
            &mut status,
            "observedGeneration",
            meta::number(&self.deployment, "/metadata/generation").unwrap_or_default(),
        );
        count(&mut status, "replicas", sum("replicas"));
        count(&mut status, "updatedReplicas", self.new.as_ref().map_or(0, |new| counted(new, "replicas")));
        count(&mut status, "readyReplicas", sum("readyReplicas"));
        count(&mut status, "availableReplicas", available);
        count(&mut status, "unavailableReplicas", (self.total() - available).max(0));
        status["terminatingReplicas"] = json!(sum("terminatingReplicas"));
        let (truth, reason, message) = if available >= self.wanted() - self.max_unavailable() {
            ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        } else {
            ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        };
        let said = Condition { kind: "Available", status: truth, reason, message };
        conditions::set(&mut status, said.updated_at(self.now));
        status
    }

    /// Complete, on its way, or too late: says so in the Progressing condition.
    fn judge(&self, status: &mut Value) {
        if self.deadline().is_none() {
            conditions::remove(status, PROGRESSING);
            return;
        }
        let before = self.deployment.get("status").unwrap_or(&Value::Null);
        let reason = conditions::reason(before, PROGRESSING);
        let number = |status: &Value, key: &str| meta::number(status, key).unwrap_or_default();
        if reason == "NewReplicaSetAvailable" && number(status, "/replicas") == number(status, "/updatedReplicas") {
            return;
        }
        let (kind, name) = match &self.new {
            Some(new) => ("ReplicaSet", meta::name(new)),
            None => ("Deployment", meta::name(&self.deployment)),
        };
        let say = |status, reason, words: &str| {
            let message = format!("{kind} {name:?} {words}");
            Condition { kind: PROGRESSING, status, reason, message: &message }.updated_at(self.now)
        };
        if self.is_complete(status) {
            conditions::set(status, say("True", "NewReplicaSetAvailable", "has successfully progressed."));
        } else if progresses(before, status) {
            let mut condition = say("True", "ReplicaSetUpdated", "is progressing.");
            if let Some(found) = conditions::of(before, PROGRESSING).filter(|found| found["status"] == "True") {
                condition["lastTransitionTime"] = found["lastTransitionTime"].clone();
            }
            conditions::replace(status, condition);
        } else if self.is_late(status) {
            conditions::set(status, say("False", "ProgressDeadlineExceeded", "has timed out progressing."));
        }
    }

    fn is_late(&self, status: &Value) -> bool {
        match conditions::reason(status, PROGRESSING) {
            "" | "NewReplicaSetAvailable" => false,
            "ProgressDeadlineExceeded" => true,
            _ => self.time_left(status).is_some_and(|left| left.is_negative()),
        }
    }

    /// Until the deadline, counted from the last sign of progress.
    fn time_left(&self, status: &Value) -> Option<SignedDuration> {
        let last = pods::time(conditions::of(status, PROGRESSING)?, "/lastUpdateTime")?;
        let end = last.checked_add(SignedDuration::from_secs(self.deadline()?)).ok()?;
        Some(end.duration_since(self.now))
    }

    fn look_again(&self, status: &Value) -> Next {
        if self.is_complete(status) || conditions::reason(status, PROGRESSING) == "ProgressDeadlineExceeded" {
            return Next::Done;
        }
        let Some(left) = self.time_left(status) else { return Next::Done };
        let left = Duration::try_from(left).unwrap_or_default();
        Next::After(left + Duration::from_secs(1))
    }

    /// The failure of the newest ReplicaSet, or else of any, as a condition of the Deployment.
    fn failure(&self) -> Option<Value> {
        let found =
            self.new.iter().chain(&self.old).find_map(|set| conditions::of(set.get("status")?, REPLICA_FAILURE))?;
        let mut condition = found.clone();
        condition["lastUpdateTime"] = found["lastTransitionTime"].clone();
        Some(condition)
    }
}

/// Whether anything moved on: more new Pods, fewer old ones, more ready or available.
fn progresses(before: &Value, after: &Value) -> bool {
    let number = |status: &Value, key: &str| status.get(key).and_then(Value::as_i64).unwrap_or_default();
    let old = |status: &Value| number(status, "replicas") - number(status, "updatedReplicas");
    let grows = |key: &str| number(after, key) > number(before, key);
    grows("updatedReplicas") || old(after) < old(before) || grows("readyReplicas") || grows("availableReplicas")
}
