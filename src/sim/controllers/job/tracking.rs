//! Counting each Pod once: written down as uncounted, freed of its finalizer, then counted; and the end of the Job after that.
//! Source: `trackJobStatusAndRemoveFinalizers` in `pkg/controller/job/job_controller.go`.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::backoff::Records;
use super::finish::{self, Verdict};
use super::indexes;
use super::orphan;
use super::policy::{self, Failure};
use super::work::Work;
use crate::object::meta;
use crate::sim::apiserver::endpoints::timestamp;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::conditions::count;

/// How many Pods are counted in one turn at most.
const BURST: usize = 500;

impl Work<'_> {
    /// Writes the status, counts and frees Pods that ended, and ends the Job when the verdict says so and nothing is left.
    pub fn track(&mut self, verdict: Option<Verdict>) -> Result<()> {
        count(&mut self.status, "active", i64::try_from(self.active.len()).unwrap_or(i64::MAX));
        self.status["ready"] = json!(self.ready);
        self.status["terminating"] = json!(self.terminating);
        let mut tracked: HashSet<String> =
            self.pods.iter().filter(|pod| orphan::is_tracked(pod)).map(|pod| meta::uid(pod).to_owned()).collect();
        self.count_freed(&tracked);
        let freed = self.note_uncounted(verdict.as_ref());
        let is_last = freed.len() < BURST;
        if let Some(verdict) = &verdict {
            let said = (verdict.reason.as_str(), verdict.message.as_str());
            if !meta::list(&self.status, "/conditions").iter().any(|found| found["type"] == verdict.target()) {
                let condition = finish::condition(verdict.target(), "True", said, self.now);
                finish::ensure(&mut self.status, condition);
            }
        }
        self.write_status()?;
        let (uid, record) = (meta::uid(&self.job).to_owned(), self.record);
        self.context.remember(|records: &mut Records| records.0.insert(uid, record));
        for pod in &freed {
            orphan::untrack(self.context, pod)?;
            tracked.remove(meta::uid(pod));
        }
        self.count_freed(&tracked);
        let is_over = verdict.filter(|_| is_last && self.terminating == 0 && self.has_counted_all());
        if let Some(verdict) = &is_over {
            self.enact(verdict);
        }
        self.write_status()?;
        if let Some(verdict) = &is_over {
            self.tell_end(verdict);
        }
        Ok(())
    }

    fn has_counted_all(&self) -> bool {
        ["succeeded", "failed"]
            .iter()
            .all(|kind| meta::list(&self.status["uncountedTerminatedPods"], &format!("/{kind}")).is_empty())
    }

    /// Moves uncounted Pods that are free to the counters.
    fn count_freed(&mut self, tracked: &HashSet<String>) {
        for kind in ["succeeded", "failed"] {
            let counted = meta::edit_list(&mut self.status["uncountedTerminatedPods"], kind, |list| {
                let before = list.len();
                list.retain(|uid| uid.as_str().is_some_and(|uid| tracked.contains(uid)));
                i64::try_from(before - list.len()).unwrap_or_default()
            });
            let total = meta::number(&self.status[kind], "").unwrap_or_default() + counted;
            count(&mut self.status, kind, total);
        }
    }

    /// Writes down which Pods ended; gives those whose finalizer may go.
    fn note_uncounted(&mut self, verdict: Option<&Verdict>) -> Vec<Object> {
        let mut freed = Vec::new();
        let mut completed = self.indexed.as_ref().map(|indexed| indexed.before.clone());
        for pod in self.pods.clone().into_iter().filter(|pod| orphan::is_tracked(pod)) {
            if !self.may_free(&pod, verdict) {
                continue;
            }
            let index = indexes::of(&pod, self.completions());
            let succeeded = meta::text(&pod, "/status/phase") == "Succeeded";
            match (&mut completed, succeeded) {
                (Some(completed), true) => completed.extend(index),
                (None, true) => self.note("succeeded", &pod),
                (indexed, false) => {
                    let fails = self.is_failed(&pod) || verdict.is_some_and(|verdict| !verdict.succeeds);
                    let is_counted = indexed.is_none() || index.is_some();
                    if fails && is_counted && policy::of_failure(&self.job, &pod) != Failure::Ignored {
                        self.note("failed", &pod);
                    }
                }
            }
            freed.push(pod);
            if freed.len() >= BURST {
                break;
            }
        }
        if let Some(completed) = completed {
            let text = indexes::text(&completed);
            count(&mut self.status, "succeeded", i64::try_from(completed.len()).unwrap_or(i64::MAX));
            match text.is_empty() {
                true => drop(meta::remove(&mut self.status, "completedIndexes")),
                false => self.status["completedIndexes"] = json!(text),
            }
        }
        if let Some(failed) = self.indexed.as_ref().and_then(|indexed| indexed.failed.as_ref()) {
            self.status["failedIndexes"] = json!(indexes::text(failed));
        }
        freed
    }

    fn note(&mut self, kind: &str, pod: &Value) {
        meta::edit_list(&mut self.status["uncountedTerminatedPods"], kind, |list| {
            if !list.iter().any(|uid| uid == meta::uid(pod)) {
                list.push(json!(meta::uid(pod)));
            }
        });
    }

    fn may_free(&self, pod: &Value, verdict: Option<&Verdict>) -> bool {
        if verdict.is_some() || meta::is_terminating(&self.job) || meta::text(pod, "/status/phase") == "Succeeded" {
            return true;
        }
        // One whose index is to be tried again stays for its count.
        let is_delayed = self
            .indexed
            .as_ref()
            .is_some_and(|indexed| indexed.delayed.values().any(|delayed| meta::uid(delayed) == meta::uid(pod)));
        self.is_failed(pod) && !is_delayed
    }

    fn enact(&mut self, verdict: &Verdict) {
        let said = (verdict.reason.as_str(), verdict.message.as_str());
        finish::ensure(&mut self.status, finish::condition(verdict.fact(), "True", said, self.now));
        if verdict.succeeds {
            self.status["completionTime"] = json!(timestamp(self.now));
        }
    }

    fn tell_end(&self, verdict: &Verdict) {
        let uid = meta::uid(&self.job);
        self.context.remember(|records: &mut Records| records.0.remove(uid));
        let events = &self.context.events;
        if !verdict.succeeds {
            return events.warning(&self.job, &verdict.reason, &verdict.message);
        }
        let succeeded = meta::number(&self.status, "/succeeded").unwrap_or_default();
        if self.number("completions").is_some_and(|wanted| succeeded > wanted) {
            let message = "Too many succeeded pods running after completion count reached";
            events.warning(&self.job, "TooManySucceededPods", message);
        }
        events.normal(&self.job, "Completed", "Job completed");
    }
}
