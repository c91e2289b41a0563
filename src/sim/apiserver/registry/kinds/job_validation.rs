//! What a Job must be and what of it may change; CronJobs share the checks of its spec.
//! Source: `pkg/apis/batch/validation/validation.go`.

use serde_json::{Value, json};

use super::at::At;
use super::check;
use super::filling::copy;
use super::pod_spec::validation as template;
use super::workload;
use crate::object::meta;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::field::ErrorList;

/// Checks a Job.
pub fn validate(job: &Value, errors: &mut ErrorList) {
    let root = At::root(job);
    let spec = root.key("spec");
    generated_selector(job, errors);
    job_spec(spec, errors);
    let selector = spec.key("selector");
    if selector.is_set() {
        check::selector(selector, errors);
    } else {
        selector.required(errors);
    }
    if let Ok(found) = LabelSelector::from_object(Some(selector.value())) {
        workload::selects(&found, spec.key("template"), errors);
    }
}

/// A selector that was not asked to be manual is the one that was generated.
fn generated_selector(job: &Value, errors: &mut ErrorList) {
    if meta::truth(job, "/spec/manualSelector") {
        return;
    }
    let (uid, name) = (meta::uid(job), meta::name(job));
    let expected = json!({
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    });
    let labels = job.pointer("/spec/template/metadata/labels");
    for (key, value) in expected.as_object().into_iter().flatten() {
        let found = labels.and_then(|labels| labels.get(key));
        if found != Some(value) {
            let field = "spec.template.metadata.labels";
            match found {
                None => errors.required(field, &format!("must be '{}'", value.as_str().unwrap_or_default())),
                Some(_) => errors.invalid(
                    field,
                    labels.cloned().unwrap_or_default(),
                    format!("must be '{}'", value.as_str().unwrap_or_default()),
                ),
            }
        }
    }
    let selector = job.pointer("/spec/selector");
    if let Ok(found) = LabelSelector::from_object(selector)
        && !found.matches(expected.as_object())
    {
        errors.invalid("spec.selector", selector.cloned().unwrap_or_default(), "`selector` not auto-generated");
    }
}

/// Checks the spec of a Job, its selector aside.
pub fn job_spec(spec: At<'_, '_>, errors: &mut ErrorList) {
    let counts = [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ];
    for field in counts {
        check::not_negative(spec.key(field), errors);
    }
    indexes(spec, errors);
    let policy = spec.key("podFailurePolicy");
    let replacement = spec.key("podReplacementPolicy");
    if policy.is_set() {
        failure_policy(policy, errors);
        replacement.one_of_if_set(&["Failed"], errors);
    } else {
        replacement.one_of_if_set(&["Failed", "TerminatingOrFailed"], errors);
    }
    template::template(spec.key("template"), errors);
    let template = spec.key("template");
    let pod = template.key("spec");
    let restart = pod.key("restartPolicy");
    match restart.text() {
        "Always" | "" => restart.required_because("valid values: \"OnFailure\", \"Never\"", errors),
        "OnFailure" if policy.is_set() => {
            restart.invalid("only \"Never\" is supported when podFailurePolicy is specified", errors);
        }
        _ => restart.one_of(&["OnFailure", "Never"], errors),
    }
}

fn indexes(spec: At<'_, '_>, errors: &mut ErrorList) {
    let mode = spec.key("completionMode");
    mode.one_of_if_set(&["NonIndexed", "Indexed"], errors);
    if mode.text() == "Indexed" {
        if !spec.key("completions").is_set() {
            spec.key("completions").required_because("when completion mode is Indexed", errors);
        }
        return;
    }
    for field in ["backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"] {
        if spec.key(field).is_set() {
            spec.key(field).invalid("requires indexed completion mode", errors);
        }
    }
}

fn failure_policy(policy: At<'_, '_>, errors: &mut ErrorList) {
    let rules = policy.key("rules");
    for rule in rules.items() {
        rule.key("action").one_of(&["Count", "FailIndex", "FailJob", "Ignore"], errors);
        let codes = rule.key("onExitCodes");
        let conditions = rule.key("onPodConditions");
        match (codes.is_set(), !conditions.is_empty()) {
            (true, true) => {
                errors
                    .invalid_because(&rule.path(), "specifying both OnExitCodes and OnPodConditions is not supported");
            }
            (false, false) => {
                errors.invalid_because(&rule.path(), "specifying one of OnExitCodes and OnPodConditions is required");
            }
            (true, false) => {
                codes.key("operator").one_of(&["In", "NotIn"], errors);
                if codes.key("values").list().is_empty() {
                    codes.key("values").invalid("at least one value is required", errors);
                }
            }
            (false, true) => {}
        }
    }
}

/// What may not change. Where Pods may go can change while the Job is suspended and has not begun.
pub fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    let indexed = meta::text(new, "/spec/completionMode") == "Indexed";
    if !indexed {
        workload::same(new, old, "completions", errors);
    } else if new["spec"]["completions"] != old["spec"]["completions"]
        && new["spec"]["completions"] != new["spec"]["parallelism"]
    {
        let why = "can only be modified in tandem with spec.parallelism";
        errors.invalid("spec.completions", new["spec"]["completions"].clone(), why);
    }
    workload::same(new, old, "selector", errors);
    template_update(new, old, errors);
    for field in ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"] {
        workload::same(new, old, field, errors);
    }
}

fn template_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    let mut before = old["spec"]["template"].clone();
    let after = &new["spec"]["template"];
    if meta::truth(old, "/spec/suspend") && meta::text(old, "/status/startTime").is_empty() {
        for key in ["nodeSelector", "tolerations", "affinity", "schedulingGates"] {
            copy(&after["spec"], meta::child(&mut before, "spec"), key);
        }
        for key in ["labels", "annotations"] {
            copy(&after["metadata"], meta::child(&mut before, "metadata"), key);
        }
    }
    if before != *after {
        errors.immutable("spec.template", after.clone());
    }
}
