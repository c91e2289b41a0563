//! Node: a machine that runs Pods, written by its kubelet.
//! Source: `pkg/apis/core/v1/defaults.go`, `pkg/registry/core/node/strategy.go` and `pkg/printers/internalversion/printers.go`, printNode.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{self, NONE};
use super::filling::part;
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{
    AGE, ALL_VERBS, NAME, Resource, STATUS, Subresource, Table, column, wide,
};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `v1 Node`.
pub static NODE: Resource = Resource {
    group: "",
    version: "v1",
    kind: "Node",
    plural: "nodes",
    singular: "node",
    short_names: &["no"],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[
        Subresource {
            name: "proxy",
            group: "",
            version: "",
            kind: "NodeProxyOptions",
            verbs: &["create", "delete", "get", "patch", "update"],
        },
        STATUS,
    ],
    strategy: Strategy {
        defaults,
        fields: &[("spec.unschedulable", |node| meta::truth(node, "/spec/unschedulable").to_string())],
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[
            NAME,
            column("Status"),
            column("Roles"),
            AGE,
            column("Version"),
            wide("Internal-IP"),
            wide("External-IP"),
            wide("OS-Image"),
            wide("Kernel-Version"),
            wide("Container-Runtime"),
        ],
        row,
    },
    stored_as: None,
};

fn defaults(node: &mut Value) {
    part(node, "status", |status| {
        if let Some(capacity) = status.get("capacity").cloned() {
            meta::set_default(status, "allocatable", capacity);
        }
    });
}

fn row(node: &Value, now: Timestamp) -> Vec<Value> {
    let info = |key: &str| cells::text_or(node, &format!("/status/nodeInfo/{key}"), "<unknown>");
    vec![
        cells::name(node),
        json!(status(node)),
        json!(roles(node)),
        age(node, now),
        cells::text(node, "/status/nodeInfo/kubeletVersion"),
        json!(address(node, "InternalIP")),
        json!(address(node, "ExternalIP")),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}

fn status(node: &Value) -> String {
    let ready =
        meta::list(node, "/status/conditions").iter().rfind(|condition| meta::text(condition, "/type") == "Ready");
    let status = match ready.map(|condition| meta::text(condition, "/status")) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    if meta::truth(node, "/spec/unschedulable") { format!("{status},SchedulingDisabled") } else { status.to_owned() }
}

fn roles(node: &Value) -> String {
    let mut roles: Vec<&str> = Vec::new();
    for (key, value) in meta::map(node, "/metadata/labels").into_iter().flatten() {
        match key.strip_prefix("node-role.kubernetes.io/") {
            Some("") => {}
            Some(role) => roles.push(role),
            None if key == "kubernetes.io/role" => roles.extend(value.as_str().filter(|role| !role.is_empty())),
            None => {}
        }
    }
    roles.sort_unstable();
    roles.dedup();
    if roles.is_empty() { NONE.to_owned() } else { roles.join(",") }
}

fn address<'a>(node: &'a Value, kind: &str) -> &'a str {
    meta::list(node, "/status/addresses")
        .iter()
        .find(|address| meta::text(address, "/type") == kind)
        .map_or(NONE, |address| meta::text(address, "/address"))
}
