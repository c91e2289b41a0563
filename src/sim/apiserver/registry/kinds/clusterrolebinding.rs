//! ClusterRoleBinding: who has the rights of a ClusterRole everywhere.
//! What bindings share stands in `rbac_binding.rs`. Source: `pkg/registry/rbac/clusterrolebinding/strategy.go`.

use super::rbac_binding;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column, wide};
use crate::sim::apiserver::registry::strategy::{NameRule, Strategy};

/// `rbac.authorization.k8s.io/v1 ClusterRoleBinding`.
pub static CLUSTERROLEBINDING: Resource = Resource {
    group: "rbac.authorization.k8s.io",
    version: "v1",
    kind: "ClusterRoleBinding",
    plural: "clusterrolebindings",
    singular: "clusterrolebinding",
    short_names: &[],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy {
        name: NameRule::PathSegment,
        defaults: rbac_binding::defaults,
        create_on_update: true,
        validate: |binding, errors| rbac_binding::validate(binding, &["ClusterRole"], errors),
        validate_update: rbac_binding::validate_update,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[NAME, column("Role"), AGE, wide("Users"), wide("Groups"), wide("ServiceAccounts")],
        row: rbac_binding::row,
    },
    stored_as: None,
};
