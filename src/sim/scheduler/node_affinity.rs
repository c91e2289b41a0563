//! Node selectors and node affinity terms, asked about a node. Volumes use them as Pods do.
//! Source: `k8s.io/component-helpers/scheduling/corev1/nodeaffinity`.

use serde_json::Value;

use super::node::NodeInfo;
use crate::object::meta;
use crate::object::selector::Requirement;

/// Whether a node has every label of `spec.nodeSelector` and meets a required term of the Pod's node affinity.
pub fn required(pod: &Value, node: &NodeInfo) -> bool {
    let labels = meta::map(pod, "/spec/nodeSelector").into_iter().flatten();
    let selected = labels.into_iter().all(|(key, value)| node.label(key) == value.as_str());
    let required = pod.pointer("/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution");
    selected && required.is_none_or(|selector| matches(selector, node))
}

/// Whether a node meets one of the terms of a NodeSelector.
pub fn matches(selector: &Value, node: &NodeInfo) -> bool {
    meta::list(selector, "/nodeSelectorTerms").iter().any(|term| matches_term(term, node))
}

/// Whether a node meets a term; an empty term matches nothing.
pub fn matches_term(term: &Value, node: &NodeInfo) -> bool {
    let (labels, fields) = (meta::list(term, "/matchExpressions"), meta::list(term, "/matchFields"));
    if labels.is_empty() && fields.is_empty() {
        return false;
    }
    let meets = |expression: &Value, value: Option<&str>| {
        Requirement::from_expression(expression).is_ok_and(|requirement| requirement.matches_value(value))
    };
    let field = |expression: &Value| (meta::text(expression, "/key") == "metadata.name").then(|| node.name());
    labels.iter().all(|expression| meets(expression, node.label(meta::text(expression, "/key"))))
        && fields.iter().all(|expression| meets(expression, field(expression)))
}
