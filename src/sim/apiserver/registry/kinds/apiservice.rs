//! APIService: which server serves a group. Kept, not applied: nothing is proxied to other servers.
//! Source: `k8s.io/kube-aggregator/pkg/registry/apiservice/`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::At;
use super::cells;
use super::filling::{part, reset_status};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::names;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Table, column};
use crate::sim::apiserver::registry::strategy::{NameRule, Strategy};

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
        name: NameRule::PathSegment,
        defaults,
        prepare_create: |service| reset_status(service, json!({})),
        validate,
        unconditional_update: false,
        ..Strategy::PLAIN
    },
    table: Table { columns: &[NAME, column("Service"), column("Available"), AGE], row },
    stored_as: None,
};

fn defaults(service: &mut Value) {
    part(service, "spec", |spec| part(spec, "service", |backend| meta::set_default(backend, "port", 443)));
}

/// Source: `k8s.io/kube-aggregator/pkg/apis/apiregistration/validation/validation.go`.
fn validate(service: &Value, errors: &mut ErrorList) {
    let root = At::root(service);
    let spec = root.key("spec");
    let (group, version) = (spec.key("group"), spec.key("version"));
    let (name, wanted) = (meta::name(service), format!("{}.{}", version.text(), group.text()));
    if name != wanted {
        errors.invalid("metadata.name", name, format!("must be `spec.version+\".\"+spec.group`: {wanted:?}"));
    }
    if !group.is_empty() {
        group.invalid_each(names::subdomain(group.text()), errors);
    } else if version.text() != "v1" {
        group.required_because("only v1 may have an empty group and it better be legacy kube", errors);
    }
    version.invalid_each(names::dns1035_label(version.text()), errors);
    for (key, most) in [("groupPriorityMinimum", 20_000), ("versionPriority", 1000)] {
        let number = spec.key(key).count();
        if !(1..=most).contains(&number) {
            errors.invalid(spec.key(key).path(), number, format!("must be positive and less than {most}"));
        }
    }
    let (backend, trusting) = (spec.key("service"), spec.key("insecureSkipTLSVerify"));
    if !backend.is_set() {
        if trusting.truth() {
            trusting.invalid("local APIServices may not have insecureSkipTLSVerify", errors);
        }
        return;
    }
    for key in ["namespace", "name"] {
        if backend.key(key).is_empty() {
            backend.key(key).required(errors);
        }
    }
    if trusting.truth() && !spec.key("caBundle").is_empty() {
        trusting.invalid("may not be true if caBundle is present", errors);
    }
}

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
