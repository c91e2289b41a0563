//! On which nodes a DaemonSet's Pod may run, and the Pod that is made for one of them.
//! Source: `NodeShouldRunDaemonPod` in `pkg/controller/daemon/daemon_controller.go` and `pkg/controller/daemon/util`.

use serde_json::{Value, json};

use crate::object::{meta, node_affinity, taint};
use crate::sim::controllers::history::REVISION_HASH;
use crate::sim::controllers::pod_control;

/// What every daemon Pod puts up with: key and effect.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

/// The annotation of a DaemonSet and the label of its Pods that clients of old read.
const GENERATION_ANNOTATION: &str = "deprecated.daemonset.template.generation";
const GENERATION_LABEL: &str = "pod-template-generation";

/// Whether a Pod may be made on a node, and whether one that runs there may stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    pub may_start: bool,
    pub may_stay: bool,
}

/// Whether and how a DaemonSet's Pod fits on a node.
pub fn fit(set: &Value, node: &Value) -> Fit {
    let nothing = Fit { may_start: false, may_stay: false };
    let Some(spec) = set.pointer("/spec/template/spec") else { return nothing };
    let fixed = meta::text(spec, "/nodeName");
    if !(fixed.is_empty() || fixed == meta::name(node)) || !node_affinity::required(spec, node) {
        return nothing;
    }
    let tolerations = tolerations(spec);
    let taints = meta::list(node, "/spec/taints");
    let withstands = |effects: &[&str]| taint::untolerated(taints, &tolerations, effects).is_none();
    Fit { may_start: withstands(&["NoExecute", "NoSchedule"]), may_stay: withstands(&["NoExecute"]) }
}

/// The Pod of a DaemonSet for a node, at the revision with this hash.
pub fn pod_for(set: &Value, node: &str, hash: &str) -> Value {
    let mut pod = pod_control::from_template(set);
    meta::set_label(&mut pod, REVISION_HASH, hash);
    if let Some(generation) = meta::annotation(set, GENERATION_ANNOTATION) {
        meta::set_label(&mut pod, GENERATION_LABEL, generation);
    }
    let tolerations = tolerations(&pod["spec"]);
    pod["spec"]["tolerations"] = Value::Array(tolerations);
    let affinity = meta::child(meta::child(&mut pod["spec"], "affinity"), "nodeAffinity");
    let required = meta::child(affinity, "requiredDuringSchedulingIgnoredDuringExecution");
    required["nodeSelectorTerms"] =
        json!([{ "matchFields": [{ "key": "metadata.name", "operator": "In", "values": [node] }] }]);
    pod
}

/// The node a daemon Pod is on or is meant for.
pub fn target(pod: &Value) -> Option<&str> {
    let bound = meta::text(pod, "/spec/nodeName");
    if !bound.is_empty() {
        return Some(bound);
    }
    const TERMS: &str = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let fields = meta::list(pod, TERMS).iter().flat_map(|term| meta::list(term, "/matchFields"));
    fields
        .filter(|field| meta::text(field, "/key") == "metadata.name" && meta::text(field, "/operator") == "In")
        .find_map(|field| field.pointer("/values/0")?.as_str())
}

/// Whether a Pod is of the newest revision.
pub fn is_updated(set: &Value, pod: &Value, hash: &str) -> bool {
    let generation = meta::annotation(set, GENERATION_ANNOTATION);
    meta::label(pod, REVISION_HASH) == Some(hash)
        || (generation.is_some() && meta::label(pod, GENERATION_LABEL) == generation)
}

/// The tolerations of the template with those every daemon Pod has.
fn tolerations(spec: &Value) -> Vec<Value> {
    let mut all = meta::list(spec, "/tolerations").to_vec();
    let network = meta::truth(spec, "/hostNetwork").then_some(("node.kubernetes.io/network-unavailable", "NoSchedule"));
    for (key, effect) in TOLERATED.into_iter().chain(network) {
        let wanted = json!({ "key": key, "operator": "Exists", "effect": effect });
        let same = |found: &Value| ["key", "effect", "operator"].iter().all(|part| found[part] == wanted[part]);
        match all.iter_mut().find(|found| same(found)) {
            Some(found) => *found = wanted,
            None => all.push(wanted),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(spec: Value) -> Value {
        json!({"metadata": {"name": "d"}, "spec": {"template": {"spec": spec}}})
    }

    #[test]
    fn cordons_are_put_up_with_and_other_taints_are_not() {
        let taint = |key: &str, effect: &str| json!({"key": key, "effect": effect});
        let node = |taint: Value| json!({"metadata": {"name": "n"}, "spec": {"taints": [taint]}});
        let cordoned = node(taint("node.kubernetes.io/unschedulable", "NoSchedule"));
        assert_eq!(fit(&set(json!({})), &cordoned), Fit { may_start: true, may_stay: true });
        let control = node(taint("node-role.kubernetes.io/control-plane", "NoSchedule"));
        assert_eq!(fit(&set(json!({})), &control), Fit { may_start: false, may_stay: true });
        let anything = set(json!({"tolerations": [{"operator": "Exists"}]}));
        assert!(fit(&anything, &control).may_start);
        let evicting = node(taint("x", "NoExecute"));
        assert_eq!(fit(&set(json!({})), &evicting), Fit { may_start: false, may_stay: false });
    }

    #[test]
    fn affinity_and_selector_choose_nodes() {
        let node = json!({"metadata": {"name": "n", "labels": {"disk": "ssd", "size": "8"}}});
        let required = |term: Value| {
            let terms = json!({"nodeSelectorTerms": [term]});
            set(json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}))
        };
        let big = json!({"matchExpressions": [{"key": "size", "operator": "Gt", "values": ["4"]}]});
        assert!(fit(&required(big), &node).may_start);
        assert!(!fit(&required(json!({})), &node).may_start, "an empty term matches nothing");
        assert!(!fit(&set(json!({"nodeSelector": {"disk": "hdd"}})), &node).may_stay);
        let made = pod_for(&required(json!({})), "n", "h");
        assert_eq!(target(&made), Some("n"));
    }
}
