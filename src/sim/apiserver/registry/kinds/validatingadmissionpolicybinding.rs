//! ValidatingAdmissionPolicyBinding: where a policy holds, and what its failures come to.
//! Source: `pkg/apis/admissionregistration/{v1/defaults.go,validation/validation.go}`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::admission_rules::match_resources as match_rules;
use super::at::At;
use super::cells::{self, UNSET};
use super::check;
use super::filling::part;
use super::validatingadmissionpolicy::match_resources;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding`.
pub static VALIDATINGADMISSIONPOLICYBINDING: Resource = Resource {
    group: "admissionregistration.k8s.io",
    version: "v1",
    kind: "ValidatingAdmissionPolicyBinding",
    plural: "validatingadmissionpolicybindings",
    singular: "validatingadmissionpolicybinding",
    short_names: &[],
    categories: &["api-extensions"],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy {
        defaults: |binding| part(binding, "spec", |spec| part(spec, "matchResources", match_resources)),
        validate,
        generation: true,
        unconditional_update: false,
        ..Strategy::PLAIN
    },
    table: Table { columns: &[NAME, column("PolicyName"), column("ParamRef"), AGE], row },
    stored_as: None,
};

fn validate(binding: &Value, errors: &mut ErrorList) {
    let root = At::root(binding);
    let spec = root.key("spec");
    let policy = spec.key("policyName");
    if policy.is_empty() {
        policy.required(errors)
    } else {
        check::subdomain(policy, errors)
    }
    let reference = spec.key("paramRef");
    if reference.is_set() {
        let (name, selector) = (reference.key("name"), reference.key("selector"));
        match (name.is_empty(), selector.is_set()) {
            (true, false) => reference.required_because("one of name or selector must be specified", errors),
            (false, true) => {
                for one in [name, selector] {
                    one.forbidden("name and selector are mutually exclusive", errors);
                }
            }
            _ => {}
        }
        check::selector(selector, errors);
        let action = reference.key("parameterNotFoundAction");
        if action.is_empty() { action.required(errors) } else { action.one_of(&["Deny", "Allow"], errors) }
    }
    if spec.key("matchResources").is_set() {
        match_rules(spec.key("matchResources"), errors);
    }
    let actions = spec.key("validationActions");
    if actions.is_empty() {
        actions.required_because("at least one validation action is required", errors);
    }
    for (index, action) in actions.items().enumerate() {
        action.one_of(&["Audit", "Deny", "Warn"], errors);
        if actions.list()[..index].contains(action.value()) {
            action.duplicate(errors);
        }
    }
    let has = |wanted: &str| actions.list().iter().any(|action| action == wanted);
    if has("Deny") && has("Warn") {
        let why = "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
        actions.invalid(why, errors);
    }
}

fn row(binding: &Value, now: Timestamp) -> Vec<Value> {
    let name = meta::text(binding, "/spec/paramRef/name");
    let parameter = match (name, meta::text(binding, "/spec/paramRef/namespace")) {
        ("", _) => UNSET.to_owned(),
        (name, "") => format!("*/{name}"),
        (name, namespace) => format!("{namespace}/{name}"),
    };
    vec![cells::name(binding), cells::text(binding, "/spec/policyName"), json!(parameter), age(binding, now)]
}
