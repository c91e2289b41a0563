//! Whether a node is one that a Pod's `nodeSelector` and required node affinity ask for.
//! Source: `k8s.io/component-helpers/scheduling/corev1/nodeaffinity`.

use serde_json::Value;

use super::meta;
use super::selector::Requirement;

/// Whether the node has what the Pod of this `spec` requires of one.
pub fn required(spec: &Value, node: &Value) -> bool {
    let mut selected = meta::map(spec, "/nodeSelector").into_iter().flatten();
    let has_labels = selected.all(|(key, value)| meta::label(node, key) == value.as_str());
    let required = spec.pointer("/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution");
    has_labels
        && required.is_none_or(|required| {
            meta::list(required, "/nodeSelectorTerms").iter().any(|term| matches_term(term, node))
        })
}

/// Whether a node meets a term; an empty term matches nothing.
fn matches_term(term: &Value, node: &Value) -> bool {
    let (labels, fields) = (meta::list(term, "/matchExpressions"), meta::list(term, "/matchFields"));
    let meets = |expression: &Value, value: Option<&str>| {
        Requirement::from_expression(expression).is_ok_and(|requirement| requirement.matches_value(value))
    };
    let field = |expression: &Value| (meta::text(expression, "/key") == "metadata.name").then(|| meta::name(node));
    !(labels.is_empty() && fields.is_empty())
        && labels.iter().all(|expression| meets(expression, meta::label(node, meta::text(expression, "/key"))))
        && fields.iter().all(|expression| meets(expression, field(expression)))
}
