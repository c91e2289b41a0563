//! IngressClass: which controller serves an Ingress.
//! Source: `pkg/apis/networking/v1/defaults.go` and `pkg/registry/networking/ingressclass/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{self, NONE};
use super::filling::part;
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
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
