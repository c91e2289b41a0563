//! CronJob: Jobs by the clock, made by the cronjob controller.
//! Source: `pkg/apis/batch/v1/defaults.go` and `pkg/registry/batch/cronjob/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::At;
use super::cells::{self, NONE, UNSET};
use super::check;
use super::filling::{always, reset_status, zero};
use super::pod_spec;
use super::{cron_schedule, job_validation};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::{age, since};
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Table, column, integer, wide};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `batch/v1 CronJob`.
pub static CRONJOB: Resource = Resource {
    group: "batch",
    version: "v1",
    kind: "CronJob",
    plural: "cronjobs",
    singular: "cronjob",
    short_names: &["cj"],
    categories: &["all"],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy {
        defaults,
        prepare_create: |cron| reset_status(cron, json!({})),
        generation: true,
        validate,
        warnings,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[
            NAME,
            column("Schedule"),
            column("Timezone"),
            cells::boolean("Suspend"),
            integer("Active"),
            column("Last Schedule"),
            AGE,
            wide("Containers"),
            wide("Images"),
            wide("Selector"),
        ],
        row,
    },
    stored_as: None,
};

fn defaults(cron: &mut Value) {
    let spec = meta::child(cron, "spec");
    zero(spec, "concurrencyPolicy", "Allow");
    meta::set_default(spec, "suspend", false);
    meta::set_default(spec, "successfulJobsHistoryLimit", 3);
    meta::set_default(spec, "failedJobsHistoryLimit", 1);
    let template = meta::child(spec, "jobTemplate");
    always(template, "metadata");
    // What a Job's spec lacks is filled in when the Job is made; its Pod template is filled in here.
    let job = meta::child(template, "spec");
    pod_spec::defaults::template(job, "template");
    super::job::failure_policy(job);
}

fn row(cron: &Value, now: Timestamp) -> Vec<Value> {
    let (names, images) = cells::containers(cron.pointer("/spec/jobTemplate/spec/template/spec"));
    let suspended = match cron.pointer("/spec/suspend").and_then(Value::as_bool) {
        Some(true) => "True",
        Some(false) => "False",
        None => UNSET,
    };
    let last = match meta::text(cron, "/status/lastScheduleTime") {
        "" => NONE.to_owned(),
        _ => since(cron, "/status/lastScheduleTime", now),
    };
    vec![
        cells::name(cron),
        cells::text(cron, "/spec/schedule"),
        cells::text_or(cron, "/spec/timeZone", NONE),
        json!(suspended),
        json!(meta::list(cron, "/status/active").len()),
        json!(last),
        age(cron, now),
        names,
        images,
        cells::selector(cron.pointer("/spec/jobTemplate/spec/selector")),
    ]
}

fn validate(cron: &Value, errors: &mut ErrorList) {
    let root = At::root(cron);
    let spec = root.key("spec");
    let schedule = spec.key("schedule");
    if schedule.is_empty() {
        schedule.required(errors);
    } else {
        if let Err(why) = cron_schedule::parse(schedule.text()) {
            schedule.invalid(why, errors);
        }
        if schedule.text().contains("TZ") {
            let why = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
            schedule.invalid(why, errors);
        }
    }
    check::not_negative(spec.key("startingDeadlineSeconds"), errors);
    time_zone(spec.key("timeZone"), errors);
    spec.key("concurrencyPolicy").one_of(&["Allow", "Forbid", "Replace"], errors);
    let template = spec.key("jobTemplate");
    let job = template.key("spec");
    job_validation::job_spec(job, errors);
    if job.key("selector").is_set() {
        job.key("selector").invalid("`selector` will be auto-generated", errors);
    }
    if job.key("manualSelector").truth() {
        errors.not_supported(job.key("manualSelector").path(), true, &["nil", "false"]);
    }
    check::not_negative(spec.key("successfulJobsHistoryLimit"), errors);
    check::not_negative(spec.key("failedJobsHistoryLimit"), errors);
    let name = meta::name(cron);
    // The Jobs' names are eleven longer.
    if name.len() > 52 {
        errors.invalid("metadata.name", name, "must be no more than 52 characters");
    }
}

fn time_zone(zone: At<'_, '_>, errors: &mut ErrorList) {
    if !zone.is_set() {
        return;
    }
    let name = zone.text();
    if name.is_empty() {
        return zone.invalid("timeZone must be nil or non-empty string", errors);
    }
    if name.eq_ignore_ascii_case("Local") {
        let why = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        zone.invalid(why, errors);
    }
    // Go looks for a file of just this name (`time.LoadLocation`).
    let known = jiff::tz::TimeZone::get(name).is_ok_and(|found| found.iana_name() == Some(name));
    if name != "Local" && !known {
        zone.invalid(format!("unknown time zone {name}"), errors);
    }
}

fn warnings(cron: &Value) -> Vec<String> {
    let mut told = pod_spec::warnings::hostname(cron, "this is used in Pod names and hostnames");
    let root = At::root(cron);
    let spec = root.key("spec");
    let job = spec.key("jobTemplate");
    told.extend(pod_spec::warnings::job(job.key("spec")));
    told
}
