//! One look at a Job and its Pods, and what is done about them.
//! Making Pods is in `manage`, counting them in `tracking`, ending in `finish`. Source: `syncJob` in `pkg/controller/job/job_controller.go`.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::backoff::{Record, Records};
use super::finish::{self, Verdict};
use super::indexes::{self, Indexes};
use super::orphan;
use super::per_index;
use super::policy::{self, Failure};
use crate::object::meta;
use crate::sim::apiserver::endpoints::timestamp;
use crate::sim::apiserver::registry::kinds::job::JOB;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::{claim, conditions, pod_control, pods};
use crate::sim::reconciler::{Context, Key, Next};

/// What an Indexed Job knows of its indexes.
pub struct Indexed {
    /// Succeeded, as the status says.
    pub before: Indexes,
    /// Succeeded, with the Pods that have just ended.
    pub completed: Indexes,
    /// Given up, where each index has a limit of its own.
    pub failed: Option<Indexes>,
    /// The last failed Pod of each index that is to be tried again.
    pub delayed: per_index::Delayed,
}

/// A Job at work.
pub struct Work<'a> {
    pub context: &'a Context,
    pub job: Object,
    /// The status to be written.
    pub status: Value,
    pub pods: Vec<Object>,
    pub active: Vec<Object>,
    pub now: Timestamp,
    pub terminating: i64,
    pub ready: i64,
    pub succeeded: i64,
    pub failed: i64,
    pub record: Record,
    pub indexed: Option<Indexed>,
    wake: Option<Duration>,
}

/// Brings a Job one step further.
pub fn reconcile(context: &Context, (namespace, name): &Key) -> Result<Next> {
    if let Some(pod) = orphan::of_key(name) {
        return orphan::free(context, namespace, pod).map(|()| Next::Done);
    }
    let found = context.client.find(&JOB, namespace, name);
    let Some(job) = found.filter(|job| !finish::is_finished(job)) else {
        return orphan::free_pods_of(context, namespace, name).map(|()| Next::Done);
    };
    if !matches!(meta::text(&job, "/spec/managedBy"), "" | "kubernetes.io/job-controller") {
        return Ok(Next::Done);
    }
    orphan::free_pods_of(context, namespace, name)?;
    let mut work = Work::look(context, job)?;
    let mut verdict = work.judge();
    let managed = match &verdict {
        Some(_) => {
            let ended = work.end_active();
            if ended.is_err() {
                verdict = None;
            }
            ended
        }
        None => work.go_on().map(|ended| verdict = ended),
    };
    work.track(verdict)?;
    managed?;
    Ok(work.wake.map_or(Next::Done, Next::After))
}

impl<'a> Work<'a> {
    fn look(context: &'a Context, job: Object) -> Result<Self> {
        let found = context.client.list(&POD, meta::namespace(&job));
        let orphans: HashSet<String> = found
            .iter()
            .filter(|pod| meta::controller_of(pod).is_none())
            .map(|pod| meta::uid(pod).to_owned())
            .collect();
        let mut pods = claim::claim(context, &POD, &job, &claim::selector(&job), found)?;
        for pod in pods.iter_mut().filter(|pod| orphans.contains(meta::uid(pod)) && !orphan::is_tracked(pod)) {
            *pod = orphan::track(context, pod)?;
        }
        let mut status = job.get("status").cloned().unwrap_or_else(|| json!({}));
        meta::set_default(&mut status, "uncountedTerminatedPods", json!({}));
        let active: Vec<Object> = pods.iter().filter(|pod| pods::is_active(pod)).cloned().collect();
        let count = |holds: &dyn Fn(&Object) -> bool, among: &[Object]| {
            i64::try_from(among.iter().filter(|pod| holds(pod)).count()).unwrap_or(i64::MAX)
        };
        let mut work = Self {
            context,
            now: context.client.clock().now(),
            terminating: count(&|pod| pods::is_ending(pod), &pods),
            ready: count(&|pod| pods::is_ready(pod), &active),
            succeeded: 0,
            failed: 0,
            record: context
                .remember(|records: &mut Records| records.0.get(meta::uid(&job)).copied())
                .unwrap_or_default(),
            indexed: None,
            wake: None,
            job,
            status,
            pods,
            active,
        };
        if !work.is_suspended() && work.status.get("startTime").is_none() {
            work.status["startTime"] = json!(timestamp(work.now));
        }
        work.count_ended();
        Ok(work)
    }

    /// Counts Pods that ended, those the status does not have yet among them.
    fn count_ended(&mut self) {
        let uncounted = |kind: &str| meta::list(&self.status, &format!("/uncountedTerminatedPods/{kind}")).to_vec();
        let (known, failures) = (uncounted("succeeded"), uncounted("failed"));
        let is_new = |pod: &Value, known: &[Value]| {
            orphan::is_tracked(pod)
                && !known.iter().any(|uid| uid == meta::uid(pod))
                && (!self.is_indexed() || indexes::of(pod, self.completions()).is_some())
        };
        let ended: Vec<Object> = self
            .pods
            .iter()
            .filter(|pod| meta::text(pod, "/status/phase") == "Succeeded" && is_new(pod, &known))
            .cloned()
            .collect();
        let failed: Vec<Object> =
            self.pods.iter().filter(|pod| self.is_failed(pod) && is_new(pod, &failures)).cloned().collect();
        let counting = failed.iter().filter(|pod| policy::of_failure(&self.job, pod) != Failure::Ignored).count();
        let counter = |key: &str| meta::number(&self.status, key).unwrap_or_default();
        let sum = |parts: [usize; 2]| i64::try_from(parts.iter().sum::<usize>()).unwrap_or(i64::MAX);
        self.succeeded = counter("/succeeded") + sum([ended.len(), known.len()]);
        self.failed = counter("/failed") + sum([counting, failures.len()]);
        self.record = self.record.after(ended.iter().map(|pod| &**pod), failed.iter().map(|pod| &**pod));
        if self.is_indexed() {
            let indexed = self.look_at_indexes();
            self.succeeded = i64::try_from(indexed.completed.len()).unwrap_or(i64::MAX);
            self.indexed = Some(indexed);
        }
    }

    fn look_at_indexes(&self) -> Indexed {
        let completions = self.completions();
        let before = indexes::parse(meta::text(&self.status, "/completedIndexes"), completions);
        let mut completed = before.clone();
        let tracked = self.pods.iter().filter(|pod| orphan::is_tracked(pod));
        let ended = tracked.filter(|pod| meta::text(pod, "/status/phase") == "Succeeded");
        completed.extend(ended.filter_map(|pod| indexes::of(pod, completions)));
        let failed = per_index::limit(&self.job).map(|limit| per_index::failed(self, limit));
        let delayed = match &failed {
            Some(failed) => per_index::delayed(self, &completed, failed),
            None => per_index::Delayed::default(),
        };
        Indexed { before, completed, failed, delayed }
    }

    /// Whether Pods carry indexes.
    pub fn is_indexed(&self) -> bool {
        meta::text(&self.job, "/spec/completionMode") == "Indexed"
    }

    /// Whether no Pod is to run for now.
    pub fn is_suspended(&self) -> bool {
        meta::truth(&self.job, "/spec/suspend")
    }

    /// A number of the Job's spec.
    pub fn number(&self, key: &str) -> Option<i64> {
        self.job.get("spec")?.get(key)?.as_i64()
    }

    /// `spec.completions`; 0 when there is none.
    pub fn completions(&self) -> i64 {
        self.number("completions").unwrap_or_default()
    }

    /// Whether a Pod that is asked to end is replaced only when it has.
    pub fn replaces_only_failed(&self) -> bool {
        meta::text(&self.job, "/spec/podReplacementPolicy") == "Failed"
            || self.job["spec"].get("podFailurePolicy").is_some()
    }

    /// Whether a Pod counts as failed.
    pub fn is_failed(&self, pod: &Value) -> bool {
        let phase = meta::text(pod, "/status/phase");
        phase == "Failed" || (!self.replaces_only_failed() && meta::is_terminating(pod) && phase != "Succeeded")
    }

    /// Looks again after this time, or sooner.
    pub fn wake_after(&mut self, pause: Duration) {
        self.wake = Some(self.wake.map_or(pause, |wake| wake.min(pause)));
    }

    /// Deletes all that still run, as the Job is to end.
    fn end_active(&mut self) -> Result<()> {
        for pod in std::mem::take(&mut self.active) {
            pod_control::delete(self.context, &self.job, &pod)?;
            self.terminating += 1;
            self.ready -= i64::from(pods::is_ready(&pod));
        }
        Ok(())
    }

    /// Makes and deletes Pods; tells when the Job has all it asked for.
    fn go_on(&mut self) -> Result<Option<Verdict>> {
        if !meta::is_terminating(&self.job) {
            self.manage()?;
        }
        let has_all = match self.number("completions") {
            None => self.succeeded > 0,
            Some(wanted) => self.succeeded >= wanted,
        };
        if has_all && self.active.is_empty() {
            return Ok(Some(Verdict::complete()));
        }
        if !meta::is_terminating(&self.job) {
            self.note_suspension();
        }
        Ok(None)
    }

    fn note_suspension(&mut self) {
        let (truth, reason, words) = match self.is_suspended() {
            true => ("True", ("JobSuspended", "Job suspended"), "Suspended"),
            false => ("False", ("JobResumed", "Job resumed"), "Resumed"),
        };
        if finish::ensure(&mut self.status, finish::condition("Suspended", truth, reason, self.now)) {
            self.context.events.normal(&self.job, words, reason.1);
            if !self.is_suspended() {
                self.status["startTime"] = json!(timestamp(self.now));
            }
        }
    }

    /// Writes the status as it is now.
    pub fn write_status(&self) -> Result<()> {
        conditions::write(self.context, &JOB, &self.job, &self.status)
    }
}
