//! ClusterRole: rights in the whole cluster, or to be bound within namespaces.
//! Who may grant what is decided above. Source: `pkg/registry/rbac/clusterrole/strategy.go`.

use serde_json::Value;

use super::cells;
use crate::object::meta;
use crate::sim::apiserver::registry::resource::{ALL_VERBS, Resource};
use crate::sim::apiserver::registry::strategy::{NameRule, Strategy};

/// `rbac.authorization.k8s.io/v1 ClusterRole`.
pub static CLUSTERROLE: Resource = Resource {
    group: "rbac.authorization.k8s.io",
    version: "v1",
    kind: "ClusterRole",
    plural: "clusterroles",
    singular: "clusterrole",
    short_names: &[],
    categories: &[],
    namespaced: false,
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
