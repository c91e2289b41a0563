//! What the three reviews of access have to say for themselves before anybody is asked.
//! Source: `pkg/apis/authorization/validation/validation.go`.

use serde_json::{Value, json};

use super::at::At;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;

/// The words for a review that asks about nothing.
pub const ONE_OF: &str = "exactly one of nonResourceAttributes or resourceAttributes must be specified";

/// Checks a review of this kind, asked in this namespace.
pub fn validate(kind: &str, namespace: &str, review: &Value, errors: &mut ErrorList) {
    let root = At::root(review);
    let spec = root.key("spec");
    let (about, path) = (spec.key("resourceAttributes"), spec.key("nonResourceAttributes"));
    let shown = json!({ "Path": path.key("path").text(), "Verb": path.key("verb").text() });
    match (about.is_set(), path.is_set()) {
        (true, true) => {
            errors.invalid(path.path(), shown.clone(), "cannot be specified in combination with resourceAttributes");
        }
        (false, false) => about.invalid(ONE_OF, errors),
        _ => {}
    }
    if kind != "SelfSubjectAccessReview" && spec.key("user").is_empty() && spec.key("groups").is_empty() {
        spec.key("user").invalid_text("at least one of user or group must be specified", errors);
    }
    selector(about.key("fieldSelector"), errors);
    selector(about.key("labelSelector"), errors);
    let local = kind == "LocalSubjectAccessReview";
    let is_more = |(key, value): (&String, &Value)| {
        let is_empty = value.is_null() || value.as_str() == Some("");
        !is_empty && key != "managedFields" && !(local && key == "namespace")
    };
    if meta::map(review, "/metadata").into_iter().flatten().any(is_more) {
        let why = if local { "must be empty except for namespace" } else { "must be empty" };
        root.key("metadata").invalid(why, errors);
    }
    if local && about.is_set() && about.key("namespace").text() != namespace {
        about.key("namespace").invalid_text("must match metadata.namespace", errors);
    }
    if local && path.is_set() {
        errors.invalid(path.path(), shown, "disallowed on this kind of request");
    }
}

fn selector(at: At<'_, '_>, errors: &mut ErrorList) {
    let (raw, requirements) = (at.key("rawSelector"), at.key("requirements"));
    match (raw.is_empty(), requirements.is_empty()) {
        _ if !at.is_set() => {}
        (false, false) => raw.invalid("may not specified at the same time as requirements", errors),
        (true, true) => {
            let why = format!("when {} is specified, requirements or rawSelector is required", at.path());
            requirements.required_because(&why, errors);
        }
        _ => {}
    }
}
