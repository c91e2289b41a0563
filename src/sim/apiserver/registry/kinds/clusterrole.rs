//! ClusterRole: rights in the whole cluster, or to be bound within namespaces.
//! Who may grant what is decided above. Source: `pkg/registry/rbac/clusterrole/strategy.go`.

use serde_json::Value;

use super::at::At;
use super::cells;
use super::check;
use super::rbac_role;
use crate::object::meta;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::field::ErrorList;
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
        validate,
        ..Strategy::PLAIN
    },
    table: cells::CREATED_TABLE,
    stored_as: None,
};

fn validate(role: &Value, errors: &mut ErrorList) {
    let root = At::root(role);
    rbac_role::rules(root.key("rules"), false, errors);

    let aggregation = root.key("aggregationRule");
    let selectors = aggregation.key("clusterRoleSelectors");
    if aggregation.is_set() && selectors.list().is_empty() {
        let why = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        selectors.required_because(why, errors);
    }
    for selector in selectors.items() {
        check::selector(selector, errors);
        if LabelSelector::from_object(Some(selector.value())).is_err() {
            errors.invalid(selector.path(), Value::Null, "invalid label selector.");
        }
    }
}
