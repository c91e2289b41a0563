//! What the kinds that make Pods share: a selector, and a template it selects.
//! Source: `pkg/apis/apps/validation/validation.go`.

use serde_json::Value;

use super::at::At;
use super::check;
use super::pod_spec::validation;
use crate::object::meta;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::field::ErrorList;

/// `spec.selector` of a kind: there, well-formed, not empty. Gives it when it can be used.
pub fn selector(spec: At<'_, '_>, kind: &str, broken: &str, errors: &mut ErrorList) -> Option<LabelSelector> {
    let selector = spec.key("selector");
    if selector.is_set() {
        check::selector(selector, errors);
        not_empty(selector, kind, errors);
    } else {
        selector.required(errors);
    }
    let found = LabelSelector::from_object(Some(selector.value()));
    if found.is_err() {
        selector.invalid(broken, errors);
    }
    found.ok()
}

/// A selector that selects everything would take every Pod.
pub fn not_empty(selector: At<'_, '_>, kind: &str, errors: &mut ErrorList) {
    let count = |pointer: &str| selector.value().pointer(pointer).map_or(0, length);
    if selector.is_set() && count("/matchLabels") + count("/matchExpressions") == 0 {
        selector.invalid(format!("empty selector is invalid for {kind}"), errors);
    }
}

fn length(value: &Value) -> usize {
    value.as_object().map(serde_json::Map::len).or(value.as_array().map(Vec::len)).unwrap_or_default()
}

/// The template's labels must be selected.
pub fn selects(selector: &LabelSelector, template: At<'_, '_>, errors: &mut ErrorList) {
    if selector.is_everything() || selector.matches(meta::map(template.value(), "/metadata/labels")) {
        return;
    }
    let labels = validation::labels_of(template);
    let field = format!("{}.metadata.labels", template.path());
    errors.invalid(field, labels, "`selector` does not match template `labels`");
}

/// What templates of workloads that run for ever must be. `kind` as the message names it.
pub fn runs_for_ever(template: At<'_, '_>, kind: &str, errors: &mut ErrorList) {
    let spec = template.key("spec");
    let policy = spec.key("restartPolicy");
    if policy.text() != "Always" {
        policy.one_of(&["Always"], errors);
    }
    let deadline = spec.key("activeDeadlineSeconds");
    if deadline.is_set() {
        deadline.forbidden(format!("activeDeadlineSeconds in {kind} is not Supported"), errors);
    }
}

/// A template under a selector, as Deployments and ReplicaSets have it.
pub fn template(selector: Option<&LabelSelector>, template: At<'_, '_>, errors: &mut ErrorList) {
    let Some(selector) = selector else { return };
    selects(selector, template, errors);
    validation::template(template, errors);
    runs_for_ever(template, "ReplicaSet", errors);
}

/// The counters of a status: none of `all` below zero, and neither `part` nor those that are ready or available above the replicas.
pub fn counted(object: &Value, all: &[&str], part: &str, errors: &mut ErrorList) {
    let root = At::root(object);
    let status = root.key("status");
    check::none_negative(status, all, errors);
    let (replicas, ready) = (status.key("replicas").count(), status.key("readyReplicas").count());
    for (name, most, of) in [
        (part, replicas, "status.replicas"),
        ("readyReplicas", replicas, "status.replicas"),
        ("availableReplicas", replicas, "status.replicas"),
        ("availableReplicas", ready, "readyReplicas"),
    ] {
        let counter = status.key(name);
        if counter.count() > most {
            errors.invalid(counter.path(), counter.count(), format!("cannot be greater than {of}"));
        }
    }
}

/// `spec.selector` may not change.
pub fn same_selector(new: &Value, old: &Value, errors: &mut ErrorList) {
    same(new, old, "selector", errors);
}

/// A field of the spec that may not change.
pub fn same(new: &Value, old: &Value, key: &str, errors: &mut ErrorList) {
    let (after, before) = (&new["spec"][key], &old["spec"][key]);
    if after != before {
        errors.immutable(format!("spec.{key}"), after.clone());
    }
}
