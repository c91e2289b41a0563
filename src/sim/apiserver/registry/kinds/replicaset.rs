//! ReplicaSet: a number of Pods alike, kept by the replicaset controller.
//! Source: `pkg/apis/apps/v1/defaults.go` and `pkg/registry/apps/replicaset/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::At;
use super::cells;
use super::check;
use super::filling::reset_status;
use super::pod_spec;
use super::workload;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, SCALE, STATUS, Table, integer, wide};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `apps/v1 ReplicaSet`.
pub static REPLICASET: Resource = Resource {
    group: "apps",
    version: "v1",
    kind: "ReplicaSet",
    plural: "replicasets",
    singular: "replicaset",
    short_names: &["rs"],
    categories: &["all"],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[SCALE, STATUS],
    strategy: Strategy {
        defaults,
        prepare_create: |object| reset_status(object, json!({ "replicas": 0 })),
        generation: true,
        validate,
        validate_update: workload::same_selector,
        validate_subresource,
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
    pod_spec::defaults::template(spec, "template");
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
        cells::selector(object.pointer("/spec/selector")),
    ]
}

fn validate(set: &Value, errors: &mut ErrorList) {
    let root = At::root(set);
    let spec = root.key("spec");
    check::not_negative(spec.key("replicas"), errors);
    check::not_negative(spec.key("minReadySeconds"), errors);
    // Upstream names a deployment here too.
    let selector = workload::selector(spec, "deployment", "invalid label selector", errors);
    workload::template(selector.as_ref(), spec.key("template"), errors);
}

/// `pkg/apis/apps/validation/validation.go`, ValidateReplicaSetStatus.
fn validate_subresource(subresource: &str, new: &Value, _: &Value, errors: &mut ErrorList) {
    const COUNTERS: [&str; 6] = [
        "replicas",
        "fullyLabeledReplicas",
        "readyReplicas",
        "availableReplicas",
        "observedGeneration",
        "terminatingReplicas",
    ];
    if subresource == "status" {
        workload::counted(new, &COUNTERS, "fullyLabeledReplicas", errors);
    }
}
