//! Role: rights within a namespace.
//! Who may grant what is decided above. Source: `pkg/registry/rbac/role/strategy.go`.

use serde_json::Value;

use super::cells;
use crate::object::meta;
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
        ..Strategy::PLAIN
    },
    table: cells::CREATED_TABLE,
    stored_as: None,
};
