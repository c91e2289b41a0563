//! Role: rights within a namespace.
//! Who may grant what is decided above. Source: `pkg/registry/rbac/role/strategy.go`.

use serde_json::Value;

use super::at::At;
use super::cells;
use super::rbac_role;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::resource::{ALL_VERBS, Resource};
use crate::sim::apiserver::registry::strategy::{NameRule, Strategy};

/// `rbac.authorization.k8s.io/v1 Role`.
pub static ROLE: Resource = Resource {
    group: "rbac.authorization.k8s.io",
    version: "v1",
    kind: "Role",
    plural: "roles",
    singular: "role",
    short_names: &[],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy {
        name: NameRule::PathSegment,
        defaults: |role| meta::set_default(role, "rules", Value::Null),
        create_on_update: true,
        validate,
        ..Strategy::PLAIN
    },
    table: cells::CREATED_TABLE,
    stored_as: None,
};

fn validate(role: &Value, errors: &mut ErrorList) {
    let root = At::root(role);
    rbac_role::rules(root.key("rules"), true, errors);
}
