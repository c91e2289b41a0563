//! Job: Pods that run to their end, kept by the job controller. CronJobs share the defaults of its spec.
//! Source: `pkg/apis/batch/v1/defaults.go` and `pkg/registry/batch/job/strategy.go`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::at::At;
use super::cells;
use super::filling::{each, part, put, reset_status, zero};
use super::job_validation;
use super::pod_spec;
use crate::object::meta;
use crate::sim::apiserver::registry::duration::{age, human};
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Table, column, wide};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `batch/v1 Job`.
pub static JOB: Resource = Resource {
    group: "batch",
    version: "v1",
    kind: "Job",
    plural: "jobs",
    singular: "job",
    short_names: &[],
    categories: &["all"],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy {
        defaults: |job| defaults(job),
        prepare_create,
        generation: true,
        fields: &[("status.successful", |job| meta::number(job, "/status/succeeded").unwrap_or_default().to_string())],
        validate: job_validation::validate,
        allocate: |_, job, _| {
            labels_from_template(job);
            Ok(())
        },
        validate_update: job_validation::validate_update,
        validate_subresource: job_validation::validate_subresource,
        warnings,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[
            NAME,
            column("Status"),
            column("Completions"),
            column("Duration"),
            AGE,
            wide("Containers"),
            wide("Images"),
            wide("Selector"),
        ],
        row,
    },
    stored_as: None,
};

fn warnings(job: &Value) -> Vec<String> {
    let mut told = pod_spec::warnings::hostname(job, "this is used in Pod names and hostnames");
    told.extend(pod_spec::warnings::job(At::root(job).key("spec")));
    told
}

fn defaults(job: &mut Value) {
    let spec = meta::child(job, "spec");
    pod_spec::defaults::template(spec, "template");
    spec_defaults(spec);
    labels_from_template(job);
}

/// A Job without labels of its own has those of its template; on creation, after validation, as upstream decodes what it stores.
fn labels_from_template(job: &mut Value) {
    let labels = job.pointer("/spec/template/metadata/labels").cloned();
    if let Some(labels) = labels.filter(Value::is_object)
        && meta::map(job, "/metadata/labels").is_none_or(Map::is_empty)
    {
        put(meta::child(job, "metadata"), "labels", labels);
    }
}

/// Defaults of a Job's spec, its template aside.
fn spec_defaults(spec: &mut Value) {
    if is_absent(spec, "completions") && is_absent(spec, "parallelism") {
        meta::set_default(spec, "completions", 1);
    }
    meta::set_default(spec, "parallelism", 1);
    let limit = if is_absent(spec, "backoffLimitPerIndex") { 6 } else { i32::MAX };
    meta::set_default(spec, "backoffLimit", limit);
    failure_policy(spec);
    meta::set_default(spec, "completionMode", "NonIndexed");
    meta::set_default(spec, "suspend", false);
    let replace = if is_absent(spec, "podFailurePolicy") { "TerminatingOrFailed" } else { "Failed" };
    meta::set_default(spec, "podReplacementPolicy", replace);
    meta::set_default(spec, "manualSelector", false);
}

/// A condition that is looked for is looked for as true.
pub fn failure_policy(spec: &mut Value) {
    part(spec, "podFailurePolicy", |policy| {
        each(policy, "rules", |rule| each(rule, "onPodConditions", |condition| zero(condition, "status", "True")));
    });
}

fn is_absent(spec: &Value, key: &str) -> bool {
    spec.get(key).is_none_or(Value::is_null)
}

fn prepare_create(job: &mut Value) {
    if !meta::truth(job, "/spec/manualSelector") {
        generate_selector(job);
    }
    reset_status(job, json!({}));
}

/// Makes the Job's Pods its own by labels with its uid.
fn generate_selector(job: &mut Value) {
    let (name, uid) = (meta::name(job).to_owned(), meta::uid(job).to_owned());
    let spec = meta::child(job, "spec");
    let labels = meta::child(meta::child(meta::child(spec, "template"), "metadata"), "labels");
    for (key, value) in [
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", &uid),
        ("job-name", &name),
    ] {
        meta::set_default(labels, key, value.as_str());
    }
    let selector = meta::child(meta::child(spec, "selector"), "matchLabels");
    meta::set_default(selector, "batch.kubernetes.io/controller-uid", uid);
}

fn row(job: &Value, now: Timestamp) -> Vec<Value> {
    let (names, images) = cells::containers(job.pointer("/spec/template/spec"));
    vec![
        cells::name(job),
        json!(status(job)),
        json!(completions(job)),
        json!(duration(job, now)),
        age(job, now),
        names,
        images,
        cells::selector(job.pointer("/spec/selector")),
    ]
}

fn status(job: &Value) -> &'static str {
    let holds = |kind: &str| job_validation::holds(job, kind);
    match () {
        () if holds("Complete") => "Complete",
        () if holds("Failed") => "Failed",
        () if meta::is_terminating(job) => "Terminating",
        () if holds("Suspended") => "Suspended",
        () if holds("FailureTarget") => "FailureTarget",
        () if holds("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    }
}

fn completions(job: &Value) -> String {
    let succeeded = meta::number(job, "/status/succeeded").unwrap_or_default();
    match (meta::number(job, "/spec/completions"), meta::number(job, "/spec/parallelism").unwrap_or_default()) {
        (Some(wanted), _) => format!("{succeeded}/{wanted}"),
        (None, parallelism) if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        (None, _) => format!("{succeeded}/1"),
    }
}

fn duration(job: &Value, now: Timestamp) -> String {
    let time = |pointer: &str| meta::text(job, pointer).parse::<Timestamp>().ok();
    match (time("/status/startTime"), time("/status/completionTime")) {
        (None, _) => String::new(),
        (Some(start), end) => human(end.unwrap_or(now).duration_since(start).as_secs()),
    }
}
