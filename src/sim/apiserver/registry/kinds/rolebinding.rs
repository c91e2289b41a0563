//! RoleBinding: who has the rights of a Role or ClusterRole within a namespace.
//! What bindings share stands in `rbac_binding.rs`. Source: `pkg/registry/rbac/rolebinding/strategy.go`.

use super::rbac_binding;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column, wide};
use crate::sim::apiserver::registry::strategy::{NameRule, Strategy};

/// `rbac.authorization.k8s.io/v1 RoleBinding`.
pub static ROLEBINDING: Resource = Resource {
    group: "rbac.authorization.k8s.io",
    version: "v1",
    kind: "RoleBinding",
    plural: "rolebindings",
    singular: "rolebinding",
    short_names: &[],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy {
        name: NameRule::PathSegment,
        defaults: rbac_binding::defaults,
        create_on_update: true,
        validate: |binding, errors| rbac_binding::validate(binding, &["Role", "ClusterRole"], errors),
        validate_update: rbac_binding::validate_update,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[NAME, column("Role"), AGE, wide("Users"), wide("Groups"), wide("ServiceAccounts")],
        row: rbac_binding::row,
    },
    stored_as: None,
};
