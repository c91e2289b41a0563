//! Node: a machine that runs Pods, written by its kubelet.
//! Source: `pkg/apis/core/v1/defaults.go`, `pkg/registry/core/node/strategy.go` and `pkg/printers/internalversion/printers.go`, printNode.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::{At, go};
use super::cells::{self, NONE};
use super::check;
use super::filling::part;
use super::pod_spec;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::names;
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
        validate,
        validate_update,
        warnings,
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

fn warnings(node: &Value) -> Vec<String> {
    let old = !meta::text(node, "/spec/externalID").is_empty();
    let why = "spec.externalID: this field is deprecated, and is unused by Kubernetes";
    old.then(|| why.to_owned()).into_iter().collect()
}

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

fn validate(node: &Value, errors: &mut ErrorList) {
    let root = At::root(node);
    let spec = root.key("spec");
    taints(spec.key("taints"), errors);
    let ranges = spec.key("podCIDRs");
    for range in ranges.items() {
        check::cidr(range, errors);
    }
}

/// Upstream tells of taints as if they stood in metadata.
fn taints(taints: At<'_, '_>, errors: &mut ErrorList) {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for (index, taint) in taints.list().iter().enumerate() {
        let field = |name: &str| format!("metadata.taints[{index}].{name}");
        let (key, value) = (meta::text(taint, "/key"), meta::text(taint, "/value"));
        let effect = meta::text(taint, "/effect");
        for why in names::qualified(key) {
            errors.invalid(field("key"), key, why);
        }
        let wrong = names::label_value(value);
        if !wrong.is_empty() {
            errors.invalid(field("value"), value, wrong.join(";"));
        }
        if effect.is_empty() {
            errors.required(field("effect"), "");
        } else if !pod_spec::spread::EFFECTS.contains(&effect) {
            errors.not_supported(field("effect"), effect, &pod_spec::spread::EFFECTS);
        }
        if seen.contains(&(key, effect)) {
            let mut shown =
                go(taint, &[("Key", "key"), ("Value", "value"), ("Effect", "effect"), ("TimeAdded", "timeAdded")]);
            shown["Value"] = value.into();
            errors.duplicate_because(
                format!("metadata.taints[{index}]"),
                shown,
                "taints must be unique by key and effect pair",
            );
        }
        seen.push((key, effect));
    }
}

fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    for (field, key, shown) in
        [("spec.podCIDRs", "podCIDRs", "podCIDR"), ("spec.providerID", "providerID", "providerID")]
    {
        let before = &old["spec"][key];
        // The first range stands in `podCIDR` too, and either may be written.
        if !before.is_null() && (new["spec"][key] != *before || new["spec"][shown] != old["spec"][shown]) {
            errors.forbidden(field, format!("node updates may not change {shown} except from \"\" to valid"));
        }
    }
}
