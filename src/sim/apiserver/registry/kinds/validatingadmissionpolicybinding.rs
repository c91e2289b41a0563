//! ValidatingAdmissionPolicyBinding: where a policy holds. Kept, not applied.
//! Source: `pkg/apis/admissionregistration/v1/defaults.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{self, UNSET};
use super::filling::part;
use super::validatingadmissionpolicy::match_resources;
use crate::object::meta;
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
        generation: true,
        unconditional_update: false,
        ..Strategy::PLAIN
    },
    table: Table { columns: &[NAME, column("PolicyName"), column("ParamRef"), AGE], row },
    stored_as: None,
};

fn row(binding: &Value, now: Timestamp) -> Vec<Value> {
    let name = meta::text(binding, "/spec/paramRef/name");
    let parameter = match (name, meta::text(binding, "/spec/paramRef/namespace")) {
        ("", _) => UNSET.to_owned(),
        (name, "") => format!("*/{name}"),
        (name, namespace) => format!("{namespace}/{name}"),
    };
    vec![cells::name(binding), cells::text(binding, "/spec/policyName"), json!(parameter), age(binding, now)]
}
