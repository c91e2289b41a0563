//! Which nodes and which other Pods a Pod wants to be near, or far from.
//! Source: `pkg/apis/core/validation/validation.go`, validateAffinity.

use super::super::at::At;
use super::super::check;
use super::label_keys;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::names;

/// Terms that must hold.
pub(super) const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
/// Terms that are better held.
pub(super) const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// `spec.affinity`.
pub fn affinity(affinity: At<'_, '_>, errors: &mut ErrorList) {
    let nodes = affinity.key("nodeAffinity");
    let required = nodes.key(REQUIRED);
    if required.is_set() {
        node_selector(required, errors);
    }
    let preferred = nodes.key(PREFERRED);
    for preference in preferred.items() {
        weight(preference, errors);
        term(preference.key("preference"), errors);
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let pods = affinity.key(kind);
        let required = pods.key(REQUIRED);
        for term in required.items() {
            pod_term(term, errors);
        }
        let preferred = pods.key(PREFERRED);
        for preference in preferred.items() {
            weight(preference, errors);
            pod_term(preference.key("podAffinityTerm"), errors);
        }
    }
}

fn weight(preference: At<'_, '_>, errors: &mut ErrorList) {
    let weight = preference.key("weight");
    if !(1..=100).contains(&weight.count()) {
        errors.invalid(weight.path(), weight.count(), "must be in the range 1-100");
    }
}

/// Terms of which one must hold.
pub fn node_selector(selector: At<'_, '_>, errors: &mut ErrorList) {
    let terms = selector.key("nodeSelectorTerms");
    if terms.list().is_empty() {
        return terms.required_because("must have at least one node selector term", errors);
    }
    for one in terms.items() {
        term(one, errors);
    }
}

fn term(term: At<'_, '_>, errors: &mut ErrorList) {
    let expressions = term.key("matchExpressions");
    for expression in expressions.items() {
        requirement(expression, errors);
        check::qualified(expression.key("key"), errors);
        let values = expression.key("values");
        for value in values.items() {
            value.invalid_each(names::label_value(value.text()), errors);
        }
    }
    let fields = term.key("matchFields");
    for field in fields.items() {
        field_requirement(field, errors);
    }
}

fn requirement(expression: At<'_, '_>, errors: &mut ErrorList) {
    let (operator, values) = (expression.key("operator"), expression.key("values"));
    let count = values.list().len();
    match operator.text() {
        "In" | "NotIn" if count == 0 => {
            values.required_because("must be specified when `operator` is 'In' or 'NotIn'", errors);
        }
        "Exists" | "DoesNotExist" if count > 0 => {
            values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'", errors);
        }
        "Gt" | "Lt" if count != 1 => {
            values.required_because("must be specified single value when `operator` is 'Lt' or 'Gt'", errors);
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        _ => operator.invalid_text("not a valid selector operator", errors),
    }
}

fn field_requirement(field: At<'_, '_>, errors: &mut ErrorList) {
    let (key, operator, values) = (field.key("key"), field.key("operator"), field.key("values"));
    match operator.text() {
        "In" | "NotIn" if values.list().len() != 1 => {
            let why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
            values.required_because(why, errors);
        }
        "In" | "NotIn" => {}
        _ => operator.invalid_text("not a valid selector operator", errors),
    }
    if key.text() != "metadata.name" {
        return key.invalid_text("not a valid field selector key", errors);
    }
    for value in values.items() {
        check::subdomain(value, errors);
    }
}

fn pod_term(term: At<'_, '_>, errors: &mut ErrorList) {
    for selector in ["labelSelector", "namespaceSelector"] {
        check::selector(term.key(selector), errors);
    }
    let namespaces = term.key("namespaces");
    for namespace in namespaces.items() {
        for why in names::dns_label(namespace.text()) {
            errors.invalid(term.key("namespace").path(), namespace.text(), why);
        }
    }
    label_keys::validate(term, errors);
    let key = term.key("topologyKey");
    if key.is_empty() {
        key.required_because("can not be empty", errors);
    }
    check::qualified(key, errors);
}
