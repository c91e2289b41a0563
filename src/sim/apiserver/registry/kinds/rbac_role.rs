//! What the rules of Roles and ClusterRoles must be.
//! Source: `pkg/apis/rbac/validation/validation.go`, ValidatePolicyRule.

use super::at::At;
use crate::sim::apiserver::field::ErrorList;

/// Checks `rules`. Within a namespace there are no URLs to have rights to.
pub fn rules(rules: At<'_, '_>, namespaced: bool, errors: &mut ErrorList) {
    for rule in rules.items() {
        let (urls, groups) = (rule.key("nonResourceURLs"), rule.key("apiGroups"));
        let resources = rule.key("resources");
        if rule.key("verbs").is_empty() {
            rule.key("verbs").required_because("verbs must contain at least one value", errors);
        }
        if !urls.is_empty() {
            if namespaced {
                urls.invalid("namespaced rules cannot apply to non-resource URLs", errors);
            } else if !groups.is_empty() || !resources.is_empty() || !rule.key("resourceNames").is_empty() {
                urls.invalid("rules cannot apply to both regular resources and non-resource URLs", errors);
            }
            continue;
        }
        if groups.is_empty() {
            groups.required_because("resource rules must supply at least one api group", errors);
        }
        if resources.is_empty() {
            resources.required_because("resource rules must supply at least one resource", errors);
        }
    }
}
