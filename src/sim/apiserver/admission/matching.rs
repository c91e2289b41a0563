//! Which writes a policy, a binding or a webhook is about: rules over verbs and resources, selectors over labels, conditions in CEL.
//! Source: `k8s.io/apiserver/pkg/admission/plugin/{policy/matching,webhook/predicates}`.

use serde_json::Value;

use super::{Attributes, Operation};
use crate::object::meta;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::registry;
use crate::sim::apiserver::storage::Object;

/// A write as rules see it: the object is missing when it is being deleted.
pub(super) struct Write<'a> {
    pub attributes: &'a Attributes<'a>,
    pub object: Option<&'a Value>,
    pub old: Option<&'a Value>,
    pub namespace: Option<Object>,
}

impl<'a> Write<'a> {
    /// Of these two objects: as it is to be, and as it is.
    pub fn of(attributes: &'a Attributes<'a>, (object, old): (&'a Value, Option<&'a Value>)) -> Self {
        let about_namespace = attributes.resource.group.is_empty() && attributes.resource.plural == "namespaces";
        Self {
            attributes,
            object: (attributes.operation != Operation::Delete).then_some(object),
            old,
            namespace: attributes.namespace_object().filter(|_| !about_namespace),
        }
    }
}

/// Whether a write is among those that a webhook's rules and selectors describe.
pub(super) fn concerns(webhook: &Value, write: &Write) -> bool {
    let exact = meta::text(webhook, "/matchPolicy") == "Exact";
    namespace_matches(webhook, write)
        && object_matches(webhook, write)
        && meta::list(webhook, "/rules").iter().any(|rule| is_about(rule, write, exact))
}

/// Whether a write is among those that `resources` (matchConstraints or matchResources) describes.
pub(super) fn matches(resources: Option<&Value>, write: &Write) -> bool {
    let Some(resources) = resources else { return false };
    if !namespace_matches(resources, write) || !object_matches(resources, write) {
        return false;
    }
    let exact = meta::text(resources, "/matchPolicy") == "Exact";
    let any = |list: &str| meta::list(resources, list).iter().any(|rule| is_about(rule, write, exact));
    if any("/excludeResourceRules") {
        return false;
    }
    meta::list(resources, "/resourceRules").is_empty() || any("/resourceRules")
}

fn has(rule: &Value, list: &str, wanted: impl Fn(&str) -> bool) -> bool {
    meta::list(rule, list).iter().filter_map(Value::as_str).any(|found| found == "*" || wanted(found))
}

fn is_about(rule: &Value, write: &Write, exact: bool) -> bool {
    let (attributes, resource) = (write.attributes, write.attributes.resource);
    let scope = match meta::text(rule, "/scope") {
        "Namespaced" => resource.namespaced,
        "Cluster" => !resource.namespaced,
        _ => true,
    };
    // A rule about another version of the same thing is about this one too, unless it is told not to be.
    let version = |wanted: &str| {
        wanted == resource.version || !exact && registry::find(resource.group, wanted, resource.plural).is_some()
    };
    let names = meta::list(rule, "/resourceNames");
    scope
        && has(rule, "/operations", |wanted| wanted == verb(attributes.operation))
        && has(rule, "/apiGroups", |wanted| wanted == resource.group)
        && has(rule, "/apiVersions", version)
        && meta::list(rule, "/resources")
            .iter()
            .filter_map(Value::as_str)
            .any(|wanted| names_resource(wanted, resource.plural, attributes.subresource))
        && (names.is_empty() || names.iter().any(|name| name == attributes.name))
}

/// `pods`, `pods/status`, `pods/*`, `*/scale`, `*` (no subresources) or `*/*`.
fn names_resource(wanted: &str, plural: &str, subresource: &str) -> bool {
    let (resource, below) = wanted.split_once('/').unwrap_or((wanted, ""));
    (resource == "*" || resource == plural) && (below == "*" || below == subresource)
}

/// The verb as admission reviews write it.
pub(super) fn verb(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "CREATE",
        Operation::Update => "UPDATE",
        Operation::Delete => "DELETE",
        Operation::Connect => "CONNECT",
    }
}

fn selector(resources: &Value, key: &str) -> LabelSelector {
    match resources.get(key) {
        None => LabelSelector::everything(),
        found => LabelSelector::from_object(found).unwrap_or_else(|_| LabelSelector::nothing()),
    }
}

fn namespace_matches(resources: &Value, write: &Write) -> bool {
    let selector = selector(resources, "namespaceSelector");
    if selector.is_everything() {
        return true;
    }
    let resource = write.attributes.resource;
    if resource.group.is_empty() && resource.plural == "namespaces" {
        return write.object.or(write.old).is_some_and(|namespace| selector.selects(namespace));
    }
    !resource.namespaced || write.namespace.as_ref().is_some_and(|namespace| selector.selects(namespace))
}

fn object_matches(resources: &Value, write: &Write) -> bool {
    let selector = selector(resources, "objectSelector");
    selector.is_everything() || [write.object, write.old].into_iter().flatten().any(|object| selector.selects(object))
}

#[cfg(test)]
mod tests {
    use super::names_resource;

    #[test]
    fn a_star_names_no_subresources() {
        assert!(names_resource("*", "pods", ""));
        assert!(!names_resource("*", "pods", "status"));
        assert!(names_resource("*/*", "pods", "status"));
        assert!(names_resource("pods/*", "pods", "exec"));
        assert!(names_resource("*/scale", "deployments", "scale"));
        assert!(!names_resource("pods/status", "pods", ""));
    }
}
