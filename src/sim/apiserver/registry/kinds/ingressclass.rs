//! IngressClass: which controller serves an Ingress.
//! Source: `pkg/apis/networking/v1/defaults.go` and `pkg/registry/networking/ingressclass/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::At;
use super::cells::{self, NONE};
use super::filling::part;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::names;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `networking.k8s.io/v1 IngressClass`.
pub static INGRESSCLASS: Resource = Resource {
    group: "networking.k8s.io",
    version: "v1",
    kind: "IngressClass",
    plural: "ingressclasses",
    singular: "ingressclass",
    short_names: &[],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy {
        defaults: |class| {
            part(class, "spec", |spec| {
                part(spec, "parameters", |parameters| meta::set_default(parameters, "scope", "Cluster"))
            })
        },
        generation: true,
        validate,
        validate_update,
        ..Strategy::PLAIN
    },
    table: Table { columns: &[NAME, column("Controller"), column("Parameters"), AGE], row },
    stored_as: None,
};

fn row(class: &Value, now: Timestamp) -> Vec<Value> {
    vec![cells::name(class), cells::text(class, "/spec/controller"), parameters(class), age(class, now)]
}

fn parameters(class: &Value) -> Value {
    let Some(parameters) = class.pointer("/spec/parameters") else { return json!(NONE) };
    let (kind, name) = (meta::text(parameters, "/kind"), meta::text(parameters, "/name"));
    match parameters.get("apiGroup").and_then(Value::as_str) {
        Some(group) => json!(format!("{kind}.{group}/{name}")),
        None => json!(format!("{kind}/{name}")),
    }
}

fn validate(class: &Value, errors: &mut ErrorList) {
    let root = At::root(class);
    let spec = root.key("spec");
    let controller = spec.key("controller");
    match controller.text().split_once('/') {
        _ if controller.is_empty() => controller.required(errors),
        Some((domain, path)) if !domain.is_empty() && !path.is_empty() => {
            for why in names::subdomain(domain) {
                errors.invalid(controller.path(), domain, why);
            }
        }
        _ => controller.invalid("must be a domain-prefixed path (such as \"acme.io/foo\")", errors),
    }
    let parameters = spec.key("parameters");
    if !parameters.is_set() {
        return;
    }
    for field in ["kind", "name"] {
        if parameters.key(field).is_empty() {
            parameters.key(field).required(errors);
        }
    }
    let (scope, namespace) = (parameters.key("scope"), parameters.key("namespace"));
    scope.one_of_if_set(&["Cluster", "Namespace"], errors);
    if scope.text() == "Namespace" && namespace.is_empty() {
        namespace.required_because("`parameters.scope` is set to 'Namespace'", errors);
    }
    if scope.text() == "Cluster" && namespace.is_set() {
        namespace.forbidden("`parameters.scope` is set to 'Cluster'", errors);
    }
}

fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    if new["spec"]["controller"] != old["spec"]["controller"] {
        errors.immutable("spec.controller", new["spec"]["controller"].clone());
    }
}
