//! APIService: which server serves a group. Kept, not applied: nothing is proxied to other servers.
//! Source: `k8s.io/kube-aggregator/pkg/registry/apiservice/`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells;
use super::filling::reset_status;
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `apiregistration.k8s.io/v1 APIService`.
pub static APISERVICE: Resource = Resource {
    group: "apiregistration.k8s.io",
    version: "v1",
    kind: "APIService",
    plural: "apiservices",
    singular: "apiservice",
    short_names: &[],
    categories: &["api-extensions"],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy {
        prepare_create: |service| reset_status(service, json!({})),
        unconditional_update: false,
        ..Strategy::PLAIN
    },
    table: Table { columns: &[NAME, column("Service"), column("Available"), AGE], row },
    stored_as: None,
};

fn row(service: &Value, now: Timestamp) -> Vec<Value> {
    let backend = match service.pointer("/spec/service") {
        Some(backend) if backend.is_object() => {
            format!("{}/{}", meta::text(backend, "/namespace"), meta::text(backend, "/name"))
        }
        _ => "Local".to_owned(),
    };
    vec![cells::name(service), json!(backend), json!(available(service)), age(service, now)]
}

fn available(service: &Value) -> String {
    let found = meta::list(service, "/status/conditions")
        .iter()
        .find(|condition| meta::text(condition, "/type") == "Available");
    match found.map(|condition| (meta::text(condition, "/status"), meta::text(condition, "/reason"))) {
        Some(("True", _)) => "True".to_owned(),
        Some((status, reason)) => format!("{status} ({reason})"),
        None => "Unknown".to_owned(),
    }
}
