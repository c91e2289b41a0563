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
use crate::sim::apiserver::registry::names;

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
    // One that is absent is told of elsewhere.
    if meta::truth(job, "/spec/manualSelector") || job.pointer("/spec/selector").is_none_or(Value::is_null) {
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
    managed_by(spec.key("managedBy"), errors);
    indexes(spec, errors);
    let policy = spec.key("podFailurePolicy");
    let replacement = spec.key("podReplacementPolicy");
    if policy.is_set() {
        failure_policy(spec, policy, errors);
        replacement.one_of_if_set(&["Failed"], errors);
    } else {
        replacement.one_of_if_set(&["Failed", "TerminatingOrFailed"], errors);
    }
    success_policy(spec, errors);
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

/// The most indexes a Job can have, and that can run at once (`pkg/apis/batch/validation/validation.go`).
const MOST_PARALLEL: i64 = 100_000;
const MOST_INDEXES: i64 = 1_000_000_000;

fn indexes(spec: At<'_, '_>, errors: &mut ErrorList) {
    let mode = spec.key("completionMode");
    mode.one_of_if_set(&["NonIndexed", "Indexed"], errors);
    let (parallelism, completions) = (spec.key("parallelism"), spec.key("completions"));
    let most_failed = spec.key("maxFailedIndexes");
    match mode.text() {
        "Indexed" => {
            if !completions.is_set() {
                completions.required_because("when completion mode is Indexed", errors);
            }
            if parallelism.count() > MOST_PARALLEL {
                let why = format!("must be less than or equal to {MOST_PARALLEL} when completion mode is Indexed");
                parallelism.invalid(why, errors);
            }
            if completions.count() > MOST_INDEXES {
                completions.invalid(format!("must be less than or equal to {MOST_INDEXES}"), errors);
            }
            if completions.is_set() && most_failed.count() > completions.count() {
                most_failed.invalid("must be less than or equal to completions", errors);
            }
            if most_failed.is_set() && !spec.key("backoffLimitPerIndex").is_set() {
                spec.key("backoffLimitPerIndex").required_because("when maxFailedIndexes is specified", errors);
            }
        }
        "NonIndexed" => {
            for field in ["backoffLimitPerIndex", "maxFailedIndexes"] {
                if spec.key(field).is_set() {
                    spec.key(field).invalid("requires indexed completion mode", errors);
                }
            }
        }
        _ => {}
    }
}

/// `spec.managedBy`: a controller's name with its domain.
fn managed_by(at: At<'_, '_>, errors: &mut ErrorList) {
    if !at.is_set() {
        return;
    }
    let text = at.text();
    match text.split_once('/') {
        Some((domain, path)) if !domain.is_empty() && !path.is_empty() => {
            at.invalid_each(names::subdomain(domain), errors);
        }
        _ => at.invalid_text("must be a domain-prefixed path (such as \"acme.io/foo\")", errors),
    }
    if text.len() > 63 {
        errors.too_long(at.path(), 63);
    }
}

/// `spec.successPolicy`: when enough of an indexed Job has succeeded.
fn success_policy(spec: At<'_, '_>, errors: &mut ErrorList) {
    let policy = spec.key("successPolicy");
    if !policy.is_set() {
        return;
    }
    if spec.key("completionMode").text() != "Indexed" {
        let shown = json!({ "Rules": policy.key("rules").list() });
        return errors.invalid(policy.path(), shown, "requires indexed completion mode");
    }
    let rules = policy.key("rules");
    if rules.is_empty() {
        rules.required_because("at least one rules must be specified when the successPolicy is specified", errors);
    }
    let completions = spec.key("completions").count();
    for rule in rules.items() {
        let (count, indexes) = (rule.key("succeededCount"), rule.key("succeededIndexes"));
        if !count.is_set() && !indexes.is_set() {
            let why = "at least one of succeededCount or succeededIndexes must be specified";
            rule.required_because(why, errors);
        }
        check::not_negative(count, errors);
        if count.count() > completions {
            let why = format!("must be less than or equal to {completions} (the number of specified completions)");
            count.invalid(why, errors);
        }
        if indexes.is_set() {
            match succeeded(indexes.text(), completions) {
                Err(why) => indexes.invalid(format!("error parsing succeededIndexes: {why}"), errors),
                Ok(total) if count.count() > total => {
                    let why = format!(
                        "must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
                    );
                    count.invalid(why, errors);
                }
                Ok(_) => {}
            }
        }
    }
}

/// How many indexes a text such as `1,3-5` names.
fn succeeded(text: &str, completions: i64) -> Result<i64, String> {
    let index = |text: &str| {
        let number =
            text.parse::<i64>().map_err(|_| format!("cannot convert string to integer for index: {text:?}"))?;
        if number >= completions { Err(format!("too large index: {text:?}")) } else { Ok(number) }
    };
    let (mut total, mut last) = (0, -1);
    for part in text.split(',').filter(|_| !text.is_empty()) {
        let bounds: Vec<&str> = part.split('-').collect();
        let (first, end) = match bounds[..] {
            [one] => (index(one)?, index(one)?),
            [first, end] => (index(first)?, index(end)?),
            _ => {
                return Err(format!(
                    "the fragment {part:?} violates the requirement that an index interval can have at most two parts separated by '-'"
                ));
            }
        };
        if first <= last {
            return Err(format!("non-increasing order, previous: {last}, current: {first}"));
        }
        if bounds.len() > 1 && end <= first {
            return Err(format!("non-increasing order, previous: {first}, current: {end}"));
        }
        total += end - first + 1;
        last = end;
    }
    Ok(total)
}

fn failure_policy(spec: At<'_, '_>, policy: At<'_, '_>, errors: &mut ErrorList) {
    let rules = policy.key("rules");
    for rule in rules.items() {
        let action = rule.key("action");
        if action.text() == "FailIndex" && !spec.key("backoffLimitPerIndex").is_set() {
            action.invalid("requires the backoffLimitPerIndex to be set", errors);
        }
        action.one_of(&["Count", "FailIndex", "FailJob", "Ignore"], errors);
        let codes = rule.key("onExitCodes");
        let conditions = rule.key("onPodConditions");
        if codes.is_set() {
            exit_codes(spec, codes, errors);
        }
        for condition in conditions.items() {
            check::qualified(condition.key("type"), errors);
            condition.key("status").one_of(&["False", "True", "Unknown"], errors);
        }
        match (codes.is_set(), !conditions.is_empty()) {
            (true, true) => {
                errors
                    .invalid_because(&rule.path(), "specifying both OnExitCodes and OnPodConditions is not supported");
            }
            (false, false) => {
                errors.invalid_because(&rule.path(), "specifying one of OnExitCodes and OnPodConditions is required");
            }
            _ => {}
        }
    }
}

fn exit_codes(spec: At<'_, '_>, codes: At<'_, '_>, errors: &mut ErrorList) {
    let (operator, container, values) = (codes.key("operator"), codes.key("containerName"), codes.key("values"));
    operator.one_of(&["In", "NotIn"], errors);
    let lists = ["/template/spec/containers", "/template/spec/initContainers"];
    let known =
        |name: &str| lists.iter().any(|list| meta::list(spec.value(), list).iter().any(|one| one["name"] == name));
    if container.is_set() && !known(container.text()) {
        container.invalid("must be one of the container or initContainer names in the pod template", errors);
    }
    if values.list().is_empty() {
        errors.invalid(values.path(), json!(values.list()), "at least one value is required");
    }
    let mut seen = Vec::new();
    for value in values.items() {
        if operator.text() == "In" && value.count() == 0 {
            value.invalid("must not be 0 for the In operator", errors);
        }
        if seen.contains(&value.count()) {
            value.duplicate(errors);
        }
        seen.push(value.count());
    }
    if !seen.is_sorted() {
        values.invalid("must be ordered", errors);
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
        errors.immutable("spec.template", embedded(after));
    }
}

/// A status takes back nothing of how the Job ended (`ValidateJobStatusUpdate`; rules for controllers of other makers are left out).
pub fn validate_subresource(subresource: &str, new: &Value, old: &Value, errors: &mut ErrorList) {
    if subresource != "status" {
        return;
    }
    let root = At::root(new);
    let status = root.key("status");
    check::none_negative(status, &["active", "succeeded", "failed", "ready", "terminating"], errors);
    let lost = |kind: &str| holds(old, kind) && !holds(new, kind);
    let completed = status.key("completionTime");
    let changed = new["status"]["completionTime"] != old["status"]["completionTime"] || lost("Complete");
    if changed && completed.is_set() && !holds(new, "Complete") {
        completed.invalid("cannot set completionTime when there is no Complete=True condition", errors);
    }
    for kind in ["Failed", "Complete", "FailureTarget"] {
        if lost(kind) {
            errors.invalid_because("status.conditions", &format!("cannot disable the terminal {kind}=True condition"));
        }
    }
    if lost("SuccessCriteriaMet") {
        errors.invalid_because("status.conditions", "cannot disable the SuccessCriteriaMet=True condition");
    }
}

/// Whether a condition of the Job is true.
pub fn holds(job: &Value, kind: &str) -> bool {
    let conditions = meta::list(job, "/status/conditions");
    conditions.iter().any(|condition| condition["type"] == kind && condition["status"] == "True")
}

/// A template as the server's own type is printed, which embeds the metadata (`pkg/apis/core/types.go`, PodTemplateSpec).
fn embedded(template: &Value) -> Value {
    let mut shown = json!({});
    for key in ["labels", "annotations"] {
        copy(&template["metadata"], &mut shown, key);
    }
    shown["Spec"] = template["spec"].clone();
    shown
}
