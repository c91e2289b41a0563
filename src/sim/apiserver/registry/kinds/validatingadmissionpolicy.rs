//! ValidatingAdmissionPolicy: rules in CEL about writes. Admission applies them where a binding says so.
//! Source: `pkg/apis/admissionregistration/{v1/defaults.go,validation/validation.go}`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::admission_rules::{Scope, gives, match_conditions, match_resources as match_rules};
use super::at::At;
use super::cells::{self, UNSET};
use super::filling::{each, part, reset_status};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::names;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Table, column, integer};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy`.
pub static VALIDATINGADMISSIONPOLICY: Resource = Resource {
    group: "admissionregistration.k8s.io",
    version: "v1",
    kind: "ValidatingAdmissionPolicy",
    plural: "validatingadmissionpolicies",
    singular: "validatingadmissionpolicy",
    short_names: &[],
    categories: &["api-extensions"],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy {
        defaults,
        validate,
        prepare_create: |policy| reset_status(policy, json!({})),
        generation: true,
        unconditional_update: false,
        ..Strategy::PLAIN
    },
    table: Table { columns: &[NAME, integer("Validations"), column("ParamKind"), AGE], row },
    stored_as: None,
};

fn defaults(policy: &mut Value) {
    let spec = meta::child(policy, "spec");
    meta::set_default(spec, "failurePolicy", "Fail");
    part(spec, "matchConstraints", match_resources);
}

/// Defaults of what a policy or binding matches.
pub fn match_resources(resources: &mut Value) {
    meta::set_default(resources, "matchPolicy", "Equivalent");
    meta::set_default(resources, "namespaceSelector", json!({}));
    meta::set_default(resources, "objectSelector", json!({}));
    for list in ["resourceRules", "excludeResourceRules"] {
        each(resources, list, |rule| meta::set_default(rule, "scope", "*"));
    }
}

const REASONS: [&str; 3] = ["Forbidden", "Invalid", "RequestEntityTooLarge"];

fn validate(policy: &Value, errors: &mut ErrorList) {
    let root = At::root(policy);
    let spec = root.key("spec");
    spec.key("failurePolicy").one_of(&["Fail", "Ignore"], errors);
    let names = vec!["object", "oldObject", "request", "namespaceObject", "authorizer"];
    let mut scope = Scope { names, variables: Vec::new() };
    let parameters = spec.key("paramKind");
    if parameters.is_set() {
        scope.names.push("params");
        for key in ["apiVersion", "kind"].into_iter().filter(|key| parameters.key(key).is_empty()) {
            parameters.key(key).required(errors);
        }
    }
    let constraints = spec.key("matchConstraints");
    if constraints.is_set() {
        match_rules(constraints, errors);
        if constraints.key("resourceRules").is_empty() {
            constraints.key("resourceRules").required(errors);
        }
    } else {
        constraints.required(errors);
    }
    match_conditions(spec.key("matchConditions"), &scope, errors);
    if !spec.key("variables").is_empty() {
        scope.names.push("variables");
    }
    for variable in spec.key("variables").items() {
        if variable.key("name").is_empty() {
            variable.key("name").required_because("name is not specified", errors);
        } else if !is_identifier(variable.key("name").text()) {
            variable.key("name").invalid("must be a valid CEL identifier", errors);
        }
        gives(variable.key("expression"), &scope, &[], errors);
        scope.variables.push(variable.key("name").text());
    }
    let (validations, notes) = (spec.key("validations"), spec.key("auditAnnotations"));
    if validations.is_empty() && notes.is_empty() {
        for list in [validations, notes] {
            list.required_because("validations or auditAnnotations must contain at least one item", errors);
        }
    }
    for validation in validations.items() {
        gives(validation.key("expression"), &scope, &["bool"], errors);
        if validation.key("messageExpression").is_set() {
            let mut scope = scope.clone();
            scope.names.retain(|name| *name != "authorizer");
            gives(validation.key("messageExpression"), &scope, &["string"], errors);
        }
        if validation.key("message").text().trim().contains('\n') {
            validation.key("message").invalid("must not contain line breaks", errors);
        }
        validation.key("reason").one_of_if_set(&REASONS, errors);
    }
    for note in notes.items() {
        audit_annotation(policy, note, &scope, errors);
    }
}

/// Whether a variable can be called so (`k8s.io/apimachinery/pkg/util/validation`, CELVariableNameRegex).
fn is_identifier(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

fn audit_annotation(policy: &Value, note: At<'_, '_>, scope: &Scope, errors: &mut ErrorList) {
    let (key, value) = (note.key("key"), note.key("valueExpression"));
    if key.is_empty() {
        key.required(errors);
    } else {
        let whole = format!("{}/{}", meta::name(policy), key.text());
        for why in names::qualified(&whole) {
            errors.invalid(key.path(), whole.as_str(), why);
        }
    }
    if value.text().trim().is_empty() {
        value.required_because("valueExpression is not specified", errors);
    } else {
        gives(value, scope, &["string", "null_type"], errors);
    }
}

fn row(policy: &Value, now: Timestamp) -> Vec<Value> {
    let kind = match policy.pointer("/spec/paramKind") {
        Some(kind) if kind.is_object() => format!("{}/{}", meta::text(kind, "/apiVersion"), meta::text(kind, "/kind")),
        _ => UNSET.to_owned(),
    };
    vec![cells::name(policy), json!(meta::list(policy, "/spec/validations").len()), json!(kind), age(policy, now)]
}
