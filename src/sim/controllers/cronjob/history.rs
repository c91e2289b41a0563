//! The Jobs a CronJob made: which still run, which are finished, and which of these are kept.
//! Source: `cleanupFinishedJobs` and the first half of `syncCronJob` in `pkg/controller/cronjob/cronjob_controllerv2.go`.

use serde_json::{Value, json};

use super::ticks::Cron;
use crate::object::meta;
use crate::sim::apiserver::endpoints::{DeleteOptions, Propagation};
use crate::sim::apiserver::registry::kinds::job::JOB;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::pods;

/// `Complete` or `Failed`, once it holds.
fn end(job: &Value) -> Option<&'static str> {
    ["Complete", "Failed"].into_iter().find(|kind| pods::holds(job, kind))
}

impl Cron<'_> {
    /// Deletes the oldest finished Jobs beyond the limits.
    pub fn clean_up(&mut self) {
        for (kind, limit) in [("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")] {
            let Some(limit) = self.spec(limit).and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok())
            else {
                continue;
            };
            let mut ended: Vec<Object> = self.jobs.iter().filter(|job| end(job) == Some(kind)).cloned().collect();
            ended.sort_by(|one, other| by_start(one).cmp(&by_start(other)));
            let excess = ended.len().saturating_sub(limit);
            for job in ended.into_iter().take(excess) {
                let known = self.is_active(meta::uid(&job));
                self.note_success(&job, kind);
                // A failure is told as an event; tried again at the next tick.
                if self.delete(&job).is_ok() && known {
                    // The next look comes before this one's status is seen.
                    self.tell_missing(meta::name(&job));
                }
            }
        }
    }

    /// Brings the list of active Jobs up to date.
    pub fn look_at_jobs(&mut self) {
        for job in self.jobs.clone() {
            let (name, known) = (meta::name(&job), self.is_active(meta::uid(&job)));
            match end(&job) {
                None if !known => {
                    let message = format!("Saw a job that the controller did not create or forgot: {name}");
                    self.context.events.warning(&self.cron, "UnexpectedJob", &message);
                }
                None => {}
                Some(end) => {
                    if known {
                        self.forget(meta::uid(&job));
                        let message = format!("Saw completed job: {name}, condition: {end}");
                        self.context.events.normal(&self.cron, "SawCompletedJob", &message);
                    }
                    self.note_success(&job, end);
                }
            }
        }
        for active in meta::list(&self.status, "/active").to_vec() {
            let uid = meta::text(&active, "/uid");
            if !self.jobs.iter().any(|job| meta::uid(job) == uid) {
                self.tell_missing(meta::text(&active, "/name"));
                self.forget(uid);
            }
        }
    }

    fn tell_missing(&self, name: &str) {
        self.context.events.normal(&self.cron, "MissingJob", &format!("Active job went missing: {name}"));
    }

    fn note_success(&mut self, job: &Value, end: &str) {
        let ended = meta::text(job, "/status/completionTime");
        // Times are all written alike, so their texts have their order.
        if end == "Complete" && ended > meta::text(&self.status, "/lastSuccessfulTime") {
            self.status["lastSuccessfulTime"] = json!(ended);
        }
    }

    fn is_active(&self, uid: &str) -> bool {
        meta::list(&self.status, "/active").iter().any(|active| meta::text(active, "/uid") == uid)
    }

    /// Takes a Job off the list of active ones.
    pub fn forget(&mut self, uid: &str) {
        meta::edit_list(&mut self.status, "active", |list| list.retain(|active| meta::text(active, "/uid") != uid));
    }

    /// Puts a Job on the list of active ones.
    pub fn remember(&mut self, job: &Value) {
        if self.is_active(meta::uid(job)) {
            return;
        }
        let reference = json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": meta::name(job),
            "namespace": meta::namespace(job),
            "resourceVersion": meta::text(job, "/metadata/resourceVersion"),
            "uid": meta::uid(job),
        });
        meta::edit_list(&mut self.status, "active", |list| list.push(reference));
    }

    /// Deletes a Job with its Pods.
    pub fn delete(&mut self, job: &Value) -> Result<()> {
        let options = DeleteOptions { propagation: Some(Propagation::Background), ..DeleteOptions::default() };
        let deleted = self.context.client.delete(&JOB, meta::namespace(job), meta::name(job), &options);
        if let Err(status) = deleted {
            self.context.events.warning(&self.cron, "FailedDelete", &format!("Deleted job: {status}"));
            return Err(status);
        }
        self.forget(meta::uid(job));
        self.jobs.retain(|known| meta::uid(known) != meta::uid(job));
        self.context.events.normal(&self.cron, "SuccessfulDelete", &format!("Deleted job {}", meta::name(job)));
        Ok(())
    }
}

/// Those that started first come first; those that never did come last.
fn by_start(job: &Value) -> (bool, &str, &str) {
    let start = meta::text(job, "/status/startTime");
    (start.is_empty(), start, meta::name(job))
}
