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
        ("", _) if binding.pointer("/spec/paramRef").is_none_or(Value::is_null) => UNSET.to_owned(),
        ("", _) => go_selector(binding.pointer("/spec/paramRef/selector")),
        (name, "") => format!("*/{name}"),
        (name, namespace) => format!("{namespace}/{name}"),
    };
    vec![cells::name(binding), cells::text(binding, "/spec/policyName"), json!(parameter), age(binding, now)]
}

/// A selector in the words of its `String` (`k8s.io/apimachinery/pkg/apis/meta/v1/generated.pb.go`).
fn go_selector(selector: Option<&Value>) -> String {
    let Some(selector) = selector.filter(|selector| !selector.is_null()) else { return "nil".to_owned() };
    let mut labels: Vec<(&String, &Value)> = meta::map(selector, "/matchLabels").into_iter().flatten().collect();
    labels.sort_by_key(|(key, _)| *key);
    let labels = labels.iter().map(|(key, value)| format!("{key}: {},", value.as_str().unwrap_or_default()));
    let requirements = meta::list(selector, "/matchExpressions").iter().map(|one| {
        let values: Vec<&str> = meta::list(one, "/values").iter().filter_map(Value::as_str).collect();
        let (key, operator) = (meta::text(one, "/key"), meta::text(one, "/operator"));
        format!("LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{}],}},", values.join(" "))
    });
    let (labels, requirements) = (labels.collect::<String>(), requirements.collect::<String>());
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{requirements}}},}}"
    )
}
