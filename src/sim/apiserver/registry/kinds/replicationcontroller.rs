//! ReplicationController: the older ReplicaSet, whose selector is a plain map of labels.
//! Source: `pkg/apis/core/v1/defaults.go` and `pkg/registry/core/replicationcontroller/strategy.go`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::at::At;
use super::cells;
use super::check;
use super::filling::{put, reset_status};
use super::pod_spec;
use super::workload;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, SCALE, STATUS, Table, integer, wide};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `v1 ReplicationController`.
pub static REPLICATIONCONTROLLER: Resource = Resource {
    group: "",
    version: "v1",
    kind: "ReplicationController",
    plural: "replicationcontrollers",
    singular: "replicationcontroller",
    short_names: &["rc"],
    categories: &["all"],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[SCALE, STATUS],
    strategy: Strategy {
        defaults,
        prepare_create: |object| reset_status(object, json!({ "replicas": 0 })),
        generation: true,
        fields: &[("status.replicas", |object| {
            meta::number(object, "/status/replicas").unwrap_or_default().to_string()
        })],
        validate,
        warnings: pod_spec::warnings::workload,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[
            NAME,
            integer("Desired"),
            integer("Current"),
            integer("Ready"),
            AGE,
            wide("Containers"),
            wide("Images"),
            wide("Selector"),
        ],
        row,
    },
    stored_as: None,
};

fn defaults(object: &mut Value) {
    let spec = meta::child(object, "spec");
    meta::set_default(spec, "replicas", 1);
    if !spec["template"].is_object() {
        return;
    }
    pod_spec::defaults::template(spec, "template");
    let Some(labels) = spec.pointer("/template/metadata/labels").filter(|labels| labels.is_object()).cloned() else {
        return;
    };
    if meta::map(spec, "/selector").is_none_or(Map::is_empty) {
        put(spec, "selector", labels.clone());
    }
    if meta::map(object, "/metadata/labels").is_none_or(Map::is_empty) {
        put(meta::child(object, "metadata"), "labels", labels);
    }
}

fn row(object: &Value, now: Timestamp) -> Vec<Value> {
    let (names, images) = cells::containers(object.pointer("/spec/template/spec"));
    vec![
        cells::name(object),
        cells::count(object, "/spec/replicas"),
        cells::count(object, "/status/replicas"),
        cells::count(object, "/status/readyReplicas"),
        age(object, now),
        names,
        images,
        cells::labels(object.pointer("/spec/selector")),
    ]
}

fn validate(controller: &Value, errors: &mut ErrorList) {
    let root = At::root(controller);
    let spec = root.key("spec");
    let (selector, template) = (spec.key("selector"), spec.key("template"));
    check::not_negative(spec.key("minReadySeconds"), errors);
    check::not_negative(spec.key("replicas"), errors);
    if selector.is_empty() {
        selector.required(errors);
    }
    if template.is_set() {
        let labels = meta::map(template.value(), "/metadata/labels");
        if let Some(map) = selector.value().as_object()
            && !map.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
        {
            let field = format!("{}.metadata.labels", template.path());
            let labels = pod_spec::validation::labels_of(template);
            errors.invalid(field, labels, "`selector` does not match template `labels`");
        }
        pod_spec::validation::template(template, errors);
        workload::runs_for_ever(template, "ReplicationController", errors);
    } else {
        template.required(errors);
    }
}
