//! One look at a CronJob: is a Job due, may it start, and when is the next.
//! What became of the Jobs is in `history`. Source: `syncCronJob` in `pkg/controller/cronjob/cronjob_controllerv2.go`.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::schedule::{Missed, Timetable};
use crate::object::meta;
use crate::sim::apiserver::endpoints::timestamp;
use crate::sim::apiserver::registry::kinds::cron_schedule;
use crate::sim::apiserver::registry::kinds::cronjob::CRONJOB;
use crate::sim::apiserver::registry::kinds::job::JOB;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::{claim, conditions, pod_control, pods};
use crate::sim::reconciler::{Context, Key, Next};

/// So that the time is surely past when it is looked at.
const PADDING: Duration = Duration::from_millis(100);

/// Where a Job says when it was due.
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// A CronJob with its Jobs.
pub struct Cron<'a> {
    pub context: &'a Context,
    pub cron: Object,
    /// The status to be written.
    pub status: Value,
    pub jobs: Vec<Object>,
    pub now: Timestamp,
}

/// Starts a Job where one is due.
pub fn reconcile(context: &Context, (namespace, name): &Key) -> Result<Next> {
    let Some(cron) = context.client.find(&CRONJOB, namespace, name) else { return Ok(Next::Done) };
    let mut jobs = context.client.list(&JOB, namespace);
    jobs.retain(|job| claim::is_controlled_by(job, &cron));
    let status = cron.get("status").cloned().unwrap_or_else(|| json!({}));
    let mut cron = Cron { context, status, cron, jobs, now: context.client.clock().now() };
    cron.clean_up();
    cron.look_at_jobs();
    let ticked = cron.tick();
    conditions::write(context, &CRONJOB, &cron.cron, &cron.status)?;
    Ok(ticked?.map_or(Next::Done, Next::After))
}

impl Cron<'_> {
    /// A field of the spec.
    pub fn spec(&self, key: &str) -> Option<&Value> {
        self.cron.get("spec")?.get(key)
    }

    fn warn(&self, reason: &str, message: &str) {
        self.context.events.warning(&self.cron, reason, message);
    }

    /// Starts a Job if one is due; gives the time until the next.
    fn tick(&mut self) -> Result<Option<Duration>> {
        if meta::is_terminating(&self.cron) || meta::truth(&self.cron, "/spec/suspend") {
            return Ok(None);
        }
        let Some(timetable) = self.timetable() else { return Ok(None) };
        let missed = match timetable.missed(self.earliest(true), self.now) {
            Ok(missed) => missed,
            Err(why) => {
                let schedule = meta::text(&self.cron, "/spec/schedule");
                self.warn("InvalidSchedule", &format!("invalid schedule: {schedule} : {why}"));
                return Ok(None);
            }
        };
        if let Some(due) = self.due(&missed) {
            self.start(&timetable, due)?;
        }
        Ok(self.until_next(&timetable))
    }

    fn timetable(&self) -> Option<Timetable> {
        let zone = match self.spec("timeZone").and_then(Value::as_str) {
            None => TimeZone::UTC,
            Some(name) => match TimeZone::get(name) {
                Ok(zone) => zone,
                Err(_) => {
                    self.warn("UnknownTimeZone", &format!("invalid timeZone: {name:?}: unknown time zone {name}"));
                    return None;
                }
            },
        };
        let text = meta::text(&self.cron, "/spec/schedule");
        match cron_schedule::parse(text) {
            Ok(schedule) => Some(Timetable { schedule, zone }),
            Err(why) => {
                self.warn("UnparseableSchedule", &format!("unparseable schedule: {text:?} : {why}"));
                None
            }
        }
    }

    /// The time after which starts count: the last one, or the CronJob's birth; nothing before the deadline counts.
    fn earliest(&self, with_deadline: bool) -> Timestamp {
        let last = pods::time(&self.status, "/lastScheduleTime");
        let since = last.or_else(|| pods::time(&self.cron, "/metadata/creationTimestamp")).unwrap_or(self.now);
        let deadline = self.deadline().filter(|_| with_deadline);
        let oldest = deadline.and_then(|deadline| self.now.checked_sub(deadline).ok());
        oldest.map_or(since, |oldest| oldest.max(since))
    }

    fn deadline(&self) -> Option<SignedDuration> {
        Some(SignedDuration::from_secs(self.spec("startingDeadlineSeconds")?.as_i64()?))
    }

    fn until_next(&self, timetable: &Timetable) -> Option<Duration> {
        let from = match timetable.missed(self.earliest(false), self.now) {
            Ok(Missed { last: Some(last), .. }) => last,
            Ok(Missed { last: None, many: false }) => self.earliest(false),
            _ => self.now,
        };
        let next = timetable.next(from)?;
        Some(pods::until(next, self.now) + PADDING)
    }

    /// The time a Job is to be started for now, unless it is too late, was done, or another still runs.
    fn due(&self, missed: &Missed) -> Option<Timestamp> {
        let due = missed.last?;
        if missed.many {
            let message =
                "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
            self.warn("TooManyMissedTimes", message);
        }
        if self.deadline().and_then(|deadline| due.checked_add(deadline).ok()).is_some_and(|end| end < self.now) {
            let time = due.strftime("%a, %d %b %Y %H:%M:%S +0000");
            self.warn("MissSchedule", &format!("Missed scheduled time to start a job: {time}"));
            return None;
        }
        let active = meta::list(&self.status, "/active");
        let name = self.job_name(due);
        let is_done = active.iter().any(|job| meta::text(job, "/name") == name)
            || meta::text(&self.status, "/lastScheduleTime") == timestamp(due);
        if is_done {
            return None;
        }
        if meta::text(&self.cron, "/spec/concurrencyPolicy") == "Forbid" && !active.is_empty() {
            let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
            self.context.events.normal(&self.cron, "JobAlreadyActive", message);
            return None;
        }
        Some(due)
    }

    fn job_name(&self, due: Timestamp) -> String {
        format!("{}-{}", meta::name(&self.cron), due.as_second() / 60)
    }

    fn start(&mut self, timetable: &Timetable, due: Timestamp) -> Result<()> {
        if meta::text(&self.cron, "/spec/concurrencyPolicy") == "Replace" {
            self.replace_active()?;
        }
        let job = self.job(timetable, due);
        let created = match self.context.client.create(&JOB, job.clone()) {
            Ok(created) => {
                let message = format!("Created job {}", meta::name(&created));
                self.context.events.normal(&self.cron, "SuccessfulCreate", &message);
                created
            }
            // Made before, but not written down.
            Err(status) if status.reason == "AlreadyExists" => {
                let found = self.context.client.get(&JOB, meta::namespace(&job), meta::name(&job))?;
                if !claim::is_controlled_by(&found, &self.cron) {
                    return Ok(());
                }
                found
            }
            Err(status) => return Err(self.tell_failure(status)),
        };
        self.remember(&created);
        self.status["lastScheduleTime"] = json!(timestamp(due));
        Ok(())
    }

    fn tell_failure(&self, status: Status) -> Status {
        if !pod_control::is_namespace_ending(&status) {
            self.warn("FailedCreate", &format!("Error creating job: {status}"));
        }
        status
    }

    fn replace_active(&mut self) -> Result<()> {
        for active in meta::list(&self.status, "/active").to_vec() {
            let (namespace, name) = (meta::text(&active, "/namespace"), meta::text(&active, "/name"));
            match self.context.client.get(&JOB, namespace, name) {
                Ok(job) => self.delete(&job)?,
                Err(status) => {
                    self.warn("FailedGet", &format!("Get job: {status}"));
                    return Err(status);
                }
            }
        }
        Ok(())
    }

    fn job(&self, timetable: &Timetable, due: Timestamp) -> Value {
        let template = self.spec("jobTemplate").cloned().unwrap_or_default();
        let part = |key: &str| template.pointer(&format!("/metadata/{key}")).cloned();
        let mut metadata = json!({
            "name": self.job_name(due),
            "namespace": meta::namespace(&self.cron),
            "ownerReferences": [meta::controller_reference(&self.cron)],
        });
        for key in ["labels", "annotations"] {
            if let Some(found) = part(key).filter(|found| !found.is_null()) {
                metadata[key] = found;
            }
        }
        let spec = template.get("spec").cloned().unwrap_or_default();
        let mut job = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec });
        let local = due.to_zoned(timetable.zone.clone());
        let offset = if local.offset().is_zero() { "Z".to_owned() } else { local.strftime("%:z").to_string() };
        meta::set_annotation(&mut job, SCHEDULED, &format!("{}{offset}", local.strftime("%Y-%m-%dT%H:%M:%S")));
        job
    }
}
