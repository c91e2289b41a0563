//! Pod: its row, what creation and updates keep, what can be asked for by field.
//! Defaults and validation of the spec stand in `pod_spec`, the table in `pod_cells.rs`.
//! Source: `pkg/registry/core/pod/strategy.go`.

use serde_json::{Value, json};

use super::at::At;
use super::filling::{put, reset_status};
use super::{pod_cells, pod_spec};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::resource::{
    AGE, ALL_VERBS, NAME, Resource, STATUS, Subresource, Table, column, wide,
};
use crate::sim::apiserver::registry::strategy::{Deletion, Strategy};
use crate::sim::apiserver::status::Status;

const fn sub(name: &'static str, kind: &'static str, verbs: &'static [&'static str]) -> Subresource {
    Subresource { name, group: "", version: "", kind, verbs }
}

const CONNECT: &[&str] = &["create", "get"];
const WRITE: &[&str] = &["get", "patch", "update"];

/// `v1 Pod`.
pub static POD: Resource = Resource {
    group: "",
    version: "v1",
    kind: "Pod",
    plural: "pods",
    singular: "pod",
    short_names: &["po"],
    categories: &["all"],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[
        sub("attach", "PodAttachOptions", CONNECT),
        sub("binding", "Binding", &["create"]),
        sub("ephemeralcontainers", "", WRITE),
        Subresource { name: "eviction", group: "policy", version: "v1", kind: "Eviction", verbs: &["create"] },
        sub("exec", "PodExecOptions", CONNECT),
        sub("log", "", &["get"]),
        sub("portforward", "PodPortForwardOptions", CONNECT),
        sub("proxy", "PodProxyOptions", &["create", "delete", "get", "patch", "update"]),
        sub("resize", "", WRITE),
        STATUS,
    ],
    strategy: Strategy {
        deletion: Deletion::Graceful,
        defaults,
        prepare_create,
        prepare_status,
        generation: true,
        fields: &[
            ("spec.nodeName", |pod| meta::text(pod, "/spec/nodeName").to_owned()),
            ("spec.restartPolicy", |pod| meta::text(pod, "/spec/restartPolicy").to_owned()),
            ("spec.schedulerName", |pod| meta::text(pod, "/spec/schedulerName").to_owned()),
            ("spec.serviceAccountName", |pod| meta::text(pod, "/spec/serviceAccountName").to_owned()),
            ("spec.hostNetwork", |pod| meta::truth(pod, "/spec/hostNetwork").to_string()),
            ("status.phase", |pod| meta::text(pod, "/status/phase").to_owned()),
            ("status.podIP", |pod| meta::text(pod, "/status/podIPs/0/ip").to_owned()),
            ("status.nominatedNodeName", |pod| meta::text(pod, "/status/nominatedNodeName").to_owned()),
        ],
        validate,
        validate_update: pod_spec::update::pod,
        validate_subresource,
        allocate: |_, pod, old| match old {
            None => new_pod(pod),
            Some(_) => Ok(()),
        },
        early_warnings: pod_spec::app_armor::warnings,
        warnings: pod_spec::warnings::pod,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[
            NAME,
            column("Ready"),
            column("Status"),
            column("Restarts"),
            AGE,
            wide("IP"),
            wide("Node"),
            wide("Nominated Node"),
            wide("Readiness Gates"),
        ],
        row: pod_cells::row,
    },
    stored_as: None,
};

fn defaults(pod: &mut Value) {
    let spec = meta::child(pod, "spec");
    pod_spec::defaults::pod_spec(spec);
    pod_spec::defaults::pod(spec);
}

fn prepare_create(pod: &mut Value) {
    if meta::number(pod, "/spec/terminationGracePeriodSeconds").is_some_and(|seconds| seconds < 0) {
        put(meta::child(pod, "spec"), "terminationGracePeriodSeconds", 1);
    }
    let mut status = json!({ "phase": "Pending", "qosClass": pod_spec::qos::class(&pod["spec"]) });
    if !meta::list(pod, "/spec/schedulingGates").is_empty() {
        status["conditions"] = json!([{
            "type": "PodScheduled",
            "status": "False",
            "lastProbeTime": null,
            "lastTransitionTime": pod.pointer("/metadata/creationTimestamp"),
            "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates",
        }]);
    }
    reset_status(pod, status);
    pod_spec::label_keys::merge(pod);
    pod_spec::app_armor::fill(pod);
}

fn prepare_status(new: &mut Value, old: &Value) {
    // The class was decided at creation; who writes status may have dropped it.
    if let Some(class) = old.pointer("/status/qosClass") {
        meta::set_default(meta::child(new, "status"), "qosClass", class.clone());
    }
}

fn validate(pod: &Value, errors: &mut ErrorList) {
    let root = At::root(pod);
    pod_spec::validation::pod_spec(root.key("spec"), errors);
    pod_spec::validation::pod(root.key("spec"), errors);
    annotations(pod, errors);
}

/// What some annotations may say (`pkg/apis/core/validation/validation.go`, ValidatePodSpecificAnnotations).
fn annotations(pod: &Value, errors: &mut ErrorList) {
    const MIRROR: &str = "kubernetes.io/config.mirror";
    const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
    if let Some(hash) = meta::annotation(pod, MIRROR)
        && meta::text(pod, "/spec/nodeName").is_empty()
    {
        let why = "must set spec.nodeName if mirror pod annotation is set";
        errors.invalid(format!("metadata.annotations[{MIRROR}]"), hash, why);
    }
    if let Some(cost) = meta::annotation(pod, DELETION_COST) {
        let plain = cost == "0" || cost.starts_with(|first| matches!(first, '-' | '1'..='9'));
        if !plain || cost.parse::<i32>().is_err() {
            errors.invalid(format!("metadata.annotations[{DELETION_COST}]"), cost, "must be a 32bit integer");
        }
    }
    let root = At::root(pod);
    let metadata = root.key("metadata");
    pod_spec::app_armor::annotations(metadata.key("annotations"), "metadata.annotations", &pod["spec"], errors);
}

/// What only new Pods must be.
fn new_pod(pod: &Value) -> Result<(), Status> {
    let mut errors = ErrorList::default();
    let root = At::root(pod);
    pod_spec::validation::new_pod(root.key("spec"), &mut errors);
    pod_spec::app_armor::agree(root.key("metadata"), root.key("spec"), &mut errors);
    if errors.is_empty() { Ok(()) } else { Err(Status::invalid("", "Pod", meta::name(pod), errors)) }
}

fn validate_subresource(subresource: &str, new: &Value, old: &Value, errors: &mut ErrorList) {
    match subresource {
        "ephemeralcontainers" => pod_spec::update::ephemeral(new, old, errors),
        "resize" => pod_spec::update::resize(new, old, errors),
        _ => {}
    }
}
