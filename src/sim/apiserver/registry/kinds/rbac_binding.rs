//! What RoleBinding and ClusterRoleBinding share: defaults and columns.
//! Source: `pkg/apis/rbac/v1/defaults.go` and `pkg/apis/rbac/helpers.go`, SubjectsStrings.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::{At, go};
use super::cells;
use super::check;
use super::filling::{each, zero};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::names;
use crate::sim::apiserver::registry::strategy::NameRule;

/// The API group of everything about rights.
pub const GROUP: &str = "rbac.authorization.k8s.io";

/// Groups of the role and of users and groups, where they are left out.
pub fn defaults(binding: &mut Value) {
    zero(meta::child(binding, "roleRef"), "apiGroup", GROUP);
    each(binding, "subjects", |subject| {
        if matches!(meta::text(subject, "/kind"), "User" | "Group") {
            zero(subject, "apiGroup", GROUP);
        }
    });
}

/// Name, role, age, and who has it.
pub fn row(binding: &Value, now: Timestamp) -> Vec<Value> {
    let role = format!("{}/{}", meta::text(binding, "/roleRef/kind"), meta::text(binding, "/roleRef/name"));
    vec![
        cells::name(binding),
        json!(role),
        age(binding, now),
        subjects(binding, "User"),
        subjects(binding, "Group"),
        subjects(binding, "ServiceAccount"),
    ]
}

fn subjects(binding: &Value, kind: &str) -> Value {
    let found: Vec<String> = meta::list(binding, "/subjects")
        .iter()
        .filter(|subject| meta::text(subject, "/kind") == kind)
        .map(|subject| match (kind, meta::text(subject, "/namespace")) {
            ("ServiceAccount", namespace) if !namespace.is_empty() => {
                format!("{namespace}/{}", meta::text(subject, "/name"))
            }
            _ => meta::text(subject, "/name").to_owned(),
        })
        .collect();
    json!(found.join(", "))
}

/// Checks a binding to a role of one of these kinds.
pub fn validate(binding: &Value, kinds: &[&str], errors: &mut ErrorList) {
    let root = At::root(binding);
    let role = root.key("roleRef");
    role.key("apiGroup").one_of(&[GROUP], errors);
    role.key("kind").one_of(kinds, errors);
    let name = role.key("name");
    if name.is_empty() {
        name.required(errors);
    } else {
        name.invalid_each(names::name(NameRule::PathSegment, name.text()), errors);
    }
    let subjects = root.key("subjects");
    // A RoleBinding's accounts may leave the namespace out.
    let namespaced = kinds.contains(&"Role");
    for subject in subjects.items() {
        self::subject(subject, namespaced, errors);
    }
}

fn subject(subject: At<'_, '_>, namespaced: bool, errors: &mut ErrorList) {
    let (name, group) = (subject.key("name"), subject.key("apiGroup"));
    if name.is_empty() {
        name.required(errors);
    }
    match subject.key("kind").text() {
        "ServiceAccount" => {
            if !name.is_empty() {
                check::subdomain(name, errors);
            }
            if !group.is_empty() {
                group.one_of(&[""], errors);
            }
            if !namespaced && subject.key("namespace").is_empty() {
                subject.key("namespace").required(errors);
            }
        }
        "User" | "Group" => group.one_of(&[GROUP], errors),
        _ => subject.key("kind").one_of(&["ServiceAccount", "User", "Group"], errors),
    }
}

/// The role of a binding stays.
pub fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    if new.get("roleRef") != old.get("roleRef") {
        let shown = go(&new["roleRef"], &[("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name")]);
        errors.invalid("roleRef", shown, "cannot change roleRef");
    }
}
