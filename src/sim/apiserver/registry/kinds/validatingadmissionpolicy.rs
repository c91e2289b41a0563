//! ValidatingAdmissionPolicy: rules in CEL about writes. Kept, not applied.
//! Source: `pkg/apis/admissionregistration/v1/defaults.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{self, UNSET};
use super::filling::{each, part, reset_status};
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
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

fn row(policy: &Value, now: Timestamp) -> Vec<Value> {
    let kind = match policy.pointer("/spec/paramKind") {
        Some(kind) if kind.is_object() => format!("{}/{}", meta::text(kind, "/apiVersion"), meta::text(kind, "/kind")),
        _ => UNSET.to_owned(),
    };
    vec![cells::name(policy), json!(meta::list(policy, "/spec/validations").len()), json!(kind), age(policy, now)]
}
