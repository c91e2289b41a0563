//! With what a kubelet registers its Node: the labels and taints of its flags.
//! That it does is `heartbeat`'s. Source: `cmd/kubelet/app/options/options.go`, `k8s.io/kubelet/pkg/apis/well_known_labels.go`, `pkg/util/taints`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::flags::Given;

/// The labels of Kubernetes that a kubelet may give its own Node, and the namespaces in which it may give any.
const LABELS: [&str; 11] = [
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "kubernetes.io/arch",
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];
const NAMESPACES: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];

fn is_in(namespace: &str, of: &str) -> bool {
    namespace == of || namespace.strip_suffix(of).is_some_and(|rest| rest.ends_with('.'))
}

/// The labels of `--node-labels`; the error is what the kubelet ends with.
pub fn labels(given: &Given) -> Result<BTreeMap<String, String>, String> {
    let text = given.get("node-labels").unwrap_or_default();
    let pairs = text.split(',').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key.trim().to_owned(), value.trim().to_owned())
    };
    let labels: BTreeMap<String, String> = pairs.map(pair).collect();
    let is_foreign = |key: &&String| {
        let namespace = key.split_once('/').map_or("", |(namespace, _)| namespace);
        (is_in(namespace, "kubernetes.io") || is_in(namespace, "k8s.io"))
            && !LABELS.contains(&key.as_str())
            && !NAMESPACES.iter().any(|of| is_in(namespace, of))
    };
    let foreign: Vec<&str> = labels.keys().filter(is_foreign).map(String::as_str).collect();
    if foreign.is_empty() {
        return Ok(labels);
    }
    Err(format!(
        "failed to validate kubelet flags: unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: [{}]\n--node-labels in the 'kubernetes.io' namespace must begin with an allowed prefix ({}) or be in the specifically allowed set ({})",
        foreign.join(" "),
        NAMESPACES.join(", "),
        LABELS.join(", ")
    ))
}

/// The taints of `--register-with-taints`; the error is what the kubelet ends with.
pub fn taints(given: &Given) -> Result<Vec<Value>, String> {
    let text = given.get("register-with-taints").unwrap_or_default();
    text.split(',').filter(|taint| !taint.is_empty()).map(taint).collect()
}

/// A taint as `key=value:Effect` or `key:Effect`.
fn taint(text: &str) -> Result<Value, String> {
    let failed = |why: String| {
        format!("failed to parse kubelet flag: invalid argument {text:?} for \"--register-with-taints\" flag: {why}")
    };
    let (pair, effect) = text.split_once(':').ok_or_else(|| failed(format!("invalid taint spec: {text}")))?;
    if !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
        return Err(failed(format!("invalid taint effect: {effect}, unsupported taint effect")));
    }
    Ok(match pair.split_once('=') {
        Some((key, value)) => json!({ "key": key, "value": value, "effect": effect }),
        None => json!({ "key": pair, "effect": effect }),
    })
}

#[cfg(test)]
mod tests {
    use super::super::flags;
    use super::*;

    fn given(line: &str) -> Given {
        flags::read("kubelet", &line.split(' ').map(str::to_owned).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn labels_of_kubernetes_are_not_a_kubelets_to_give() {
        let good =
            labels(&given("--node-labels=disk=ssd,node.kubernetes.io/pool=a,topology.kubernetes.io/zone=z")).unwrap();
        assert_eq!(good.get("disk").map(String::as_str), Some("ssd"));
        assert_eq!(good.len(), 3);
        let bad = labels(&given("--node-labels=node-role.kubernetes.io/worker=,a=b")).unwrap_err();
        assert!(bad.starts_with("failed to validate kubelet flags: unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: [node-role.kubernetes.io/worker]\n"), "{bad}");
    }

    #[test]
    fn taints_are_read_as_the_kubelet_reads_them() {
        let read = taints(&given("--register-with-taints=a=b:NoSchedule,c:NoExecute")).unwrap();
        assert_eq!(
            read,
            [json!({ "key": "a", "value": "b", "effect": "NoSchedule" }), json!({ "key": "c", "effect": "NoExecute" })]
        );
        assert!(taints(&given("--register-with-taints=a=b")).is_err());
    }
}
