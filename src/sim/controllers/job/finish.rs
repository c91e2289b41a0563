//! The end of a Job: which of its reasons holds, and how its conditions say so, first the target and then the fact.
//! Source: `syncJob` and `enactJobFinished` in `pkg/controller/job/job_controller.go`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::policy::{self, Failure};
use super::work::Work;
use crate::object::meta;
use crate::sim::apiserver::endpoints::timestamp;
use crate::sim::controllers::pods;

/// How a Job ends, or is about to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub succeeds: bool,
    pub reason: String,
    pub message: String,
}

impl Verdict {
    fn new(succeeds: bool, reason: &str, message: &str) -> Self {
        Self { succeeds, reason: reason.to_owned(), message: message.to_owned() }
    }

    /// The one of a Job that has all the Pods it asked for.
    pub fn complete() -> Self {
        Self::new(true, "CompletionsReached", "Reached expected number of succeeded pods")
    }

    /// The condition that says what is aimed at.
    pub fn target(&self) -> &'static str {
        if self.succeeds { "SuccessCriteriaMet" } else { "FailureTarget" }
    }

    /// The condition that says what has come.
    pub fn fact(&self) -> &'static str {
        if self.succeeds { "Complete" } else { "Failed" }
    }
}

/// Whether a Job is complete or failed.
pub fn is_finished(job: &Value) -> bool {
    pods::holds(job, "Complete") || pods::holds(job, "Failed")
}

/// A condition of a Job, with both its times.
pub fn condition(kind: &str, status: &str, (reason, message): (&str, &str), now: Timestamp) -> Value {
    json!({
        "type": kind,
        "status": status,
        "lastProbeTime": timestamp(now),
        "lastTransitionTime": timestamp(now),
        "reason": reason,
        "message": message,
    })
}

/// Puts a condition in its place, or at the end when it is not False; tells whether anything changed.
pub fn ensure(status: &mut Value, condition: Value) -> bool {
    meta::edit_list(status, "conditions", |list| {
        match list.iter_mut().find(|found| found["type"] == condition["type"]) {
            Some(found) if ["status", "reason", "message"].iter().all(|key| found[key] == condition[key]) => false,
            Some(found) => {
                *found = condition;
                true
            }
            None if condition["status"] == "False" => false,
            None => {
                list.push(condition);
                true
            }
        }
    })
}

impl Work<'_> {
    /// Whether and how the Job ends now.
    pub fn judge(&mut self) -> Option<Verdict> {
        let aimed = ["SuccessCriteriaMet", "FailureTarget"].into_iter().find_map(|kind| {
            let found = pods::condition(&self.job, kind).filter(|found| meta::text(found, "/status") == "True")?;
            let text = |key: &str| meta::text(found, key);
            Some(Verdict::new(kind == "SuccessCriteriaMet", text("/reason"), text("/message")))
        });
        aimed.or_else(|| self.failure()).or_else(|| self.index_verdict())
    }

    fn failure(&mut self) -> Option<Verdict> {
        let by_policy = self.pods.iter().filter(|pod| self.is_failed(pod)).find_map(|pod| {
            match policy::of_failure(&self.job, pod) {
                Failure::FailsJob(message) => Some(message),
                _ => None,
            }
        });
        if let Some(message) = by_policy {
            return Some(Verdict::new(false, "PodFailurePolicy", &message));
        }
        let limit = self.number("backoffLimit").unwrap_or(6);
        if self.failed > limit || self.restarts_exceed(limit) {
            let message = "Job has reached the specified backoff limit";
            return Some(Verdict::new(false, "BackoffLimitExceeded", message));
        }
        let deadline = self.number("activeDeadlineSeconds").filter(|_| !self.is_suspended())?;
        let start = pods::time(&self.status, "/startTime")?;
        let left = pods::until(start.saturating_add(SignedDuration::from_secs(deadline)).ok()?, self.now);
        if left > Duration::ZERO {
            self.wake_after(left);
            return None;
        }
        Some(Verdict::new(false, "DeadlineExceeded", "Job was active longer than specified deadline"))
    }

    /// Containers that are restarted in their Pod count as failures too.
    fn restarts_exceed(&self, limit: i64) -> bool {
        if meta::text(&self.job, "/spec/template/spec/restartPolicy") != "OnFailure" {
            return false;
        }
        let lists = ["/status/initContainerStatuses", "/status/containerStatuses"];
        let running = self.pods.iter().filter(|pod| matches!(meta::text(pod, "/status/phase"), "Running" | "Pending"));
        let statuses = running.flat_map(|pod| lists.into_iter().flat_map(|list| meta::list(pod, list)));
        let restarts: i64 = statuses.filter_map(|status| meta::number(status, "/restartCount")).sum();
        if limit == 0 { restarts > 0 } else { restarts >= limit }
    }

    fn index_verdict(&self) -> Option<Verdict> {
        let indexed = self.indexed.as_ref()?;
        let completions = self.number("completions").unwrap_or_default();
        if let Some(failed) = &indexed.failed {
            let most = self.number("maxFailedIndexes").and_then(|most| usize::try_from(most).ok());
            if most.is_some_and(|most| failed.len() > most) {
                let message = "Job has exceeded the specified maximal number of failed indexes";
                return Some(Verdict::new(false, "MaxFailedIndexesExceeded", message));
            }
            let ended = i64::try_from(failed.len() + indexed.completed.len()).unwrap_or(i64::MAX);
            if !failed.is_empty() && ended >= completions {
                return Some(Verdict::new(false, "FailedIndexes", "Job has failed indexes"));
            }
        }
        let message = policy::success(&self.job, &indexed.completed, completions)?;
        Some(Verdict::new(true, "SuccessPolicy", &message))
    }
}
