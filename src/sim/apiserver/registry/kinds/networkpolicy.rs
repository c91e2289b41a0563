//! NetworkPolicy: which traffic Pods take and send.
//! Source: `pkg/apis/networking/v1/defaults.go` and `pkg/registry/networking/networkpolicy/strategy.go`.

use serde_json::{Value, json};

use super::cells;
use super::filling::{always, each};
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `networking.k8s.io/v1 NetworkPolicy`.
pub static NETWORKPOLICY: Resource = Resource {
    group: "networking.k8s.io",
    version: "v1",
    kind: "NetworkPolicy",
    plural: "networkpolicies",
    singular: "networkpolicy",
    short_names: &["netpol"],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy { defaults, generation: true, ..Strategy::PLAIN },
    table: Table {
        columns: &[NAME, column("Pod-Selector"), AGE],
        row: |policy, now| {
            vec![cells::name(policy), cells::selector(policy.pointer("/spec/podSelector")), age(policy, now)]
        },
    },
    stored_as: None,
};

fn defaults(policy: &mut Value) {
    let spec = meta::child(policy, "spec");
    always(spec, "podSelector");
    for list in ["ingress", "egress"] {
        each(spec, list, |rule| each(rule, "ports", |port| meta::set_default(port, "protocol", "TCP")));
    }
    if meta::list(spec, "/policyTypes").is_empty() {
        let egress = !meta::list(spec, "/egress").is_empty();
        spec["policyTypes"] = if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
    }
}
