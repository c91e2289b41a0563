//! What RoleBinding and ClusterRoleBinding share: defaults and columns.
//! Source: `pkg/apis/rbac/v1/defaults.go` and `pkg/apis/rbac/helpers.go`, SubjectsStrings.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells;
use super::filling::{each, zero};
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;

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
