//! Aggregated ClusterRoles: the rules they get from the roles that their selectors choose.
//! Who writes them back is a controller's. Source: `pkg/controller/clusterroleaggregation`.

use std::sync::Arc;

use serde_json::Value;

use crate::object::meta;
use crate::object::selector::{LabelSelector, SelectorError};

/// The rules that aggregated role `role` ought to have, or `None` when it has them or aggregates nothing.
///
/// `all` are all ClusterRoles ordered by name. The order of the rules is Kubernetes': by selector, then by role.
pub fn aggregate(role: &Value, all: &[Arc<Value>]) -> Result<Option<Vec<Value>>, SelectorError> {
    if role.get("aggregationRule").is_none_or(Value::is_null) {
        return Ok(None);
    }
    let mut rules: Vec<Value> = Vec::new();
    for selector in meta::list(role, "/aggregationRule/clusterRoleSelectors") {
        let selector = LabelSelector::from_object(Some(selector))?;
        let chosen = |other: &&Arc<Value>| selector.selects(other) && meta::name(other) != meta::name(role);
        for other in all.iter().filter(chosen) {
            for rule in meta::list(other, "/rules") {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
    }
    Ok((meta::list(role, "/rules") != rules).then_some(rules))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sim::apiserver::auth::bootstrap_policy;

    fn cluster_roles() -> Vec<Arc<Value>> {
        bootstrap_policy().into_iter().filter(|one| one["kind"] == "ClusterRole").map(Arc::new).collect()
    }

    #[test]
    fn the_bootstrap_roles_are_aggregated_already() -> Result<(), SelectorError> {
        let all = cluster_roles();
        let aggregated =
            |name: &str| all.iter().find(|one| meta::name(one) == name).is_some_and(|one| !one["rules"].is_null());
        assert!(aggregated("admin") && aggregated("edit") && aggregated("view"));
        for role in &all {
            assert_eq!(aggregate(role, &all)?, None, "{}", meta::name(role));
        }
        Ok(())
    }

    #[test]
    fn a_labelled_role_joins() -> Result<(), SelectorError> {
        let mut all = cluster_roles();
        let rule = json!({"apiGroups": ["stable.example.com"], "resources": ["crontabs"], "verbs": ["get"]});
        let labels = json!({"rbac.authorization.k8s.io/aggregate-to-view": "true"});
        all.push(Arc::new(json!({"metadata": {"name": "z", "labels": labels}, "rules": [rule]})));
        let view = all.iter().find(|one| meta::name(one) == "view").cloned().unwrap_or_default();
        let rules = aggregate(&view, &all)?.unwrap_or_default();
        assert_eq!(rules.last(), Some(&rule));
        assert_eq!(rules.len(), meta::list(&view, "/rules").len() + 1);
        Ok(())
    }
}
