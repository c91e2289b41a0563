//! The kubelet's configuration file: what reads, what does not, and what is not valid.
//! What the kubelet makes of it is `mod.rs`. Source: `pkg/kubelet/kubeletconfig/configfiles`, `pkg/kubelet/apis/config/validation`.

use serde_json::Value;

use super::access::{Reader, file_fault};
use super::typed::{self, Typed};
use crate::object::meta;

/// Reads the file at `path`; the error is what the kubelet ends with.
pub fn read(path: &str, reader: &Reader) -> Result<Typed, String> {
    let failed = |why: String| {
        format!(
            "failed to load kubelet config file, path: {path}, error: failed to load Kubelet config file {path}, error {why}"
        )
    };
    let text = reader(path).map_err(|error| {
        failed(format!("failed to read kubelet config file {path:?}, error: open {path}: {}", file_fault(&error)))
    })?;
    let read = typed::decode(&text, &typed::KUBELET).map_err(|why| failed(format!("failed to decode: {why}")))?;
    validate(&read.config)?;
    Ok(read)
}

/// Numbers that have to lie within bounds: field, flag, the bounds, and the words for them. A port may also be 0 where that turns it off.
const BOUNDS: &[(&str, &str, i64, i64, &str)] = &[
    ("eventBurst", "--event-burst", 0, i64::MAX, "must not be a negative number"),
    ("eventRecordQPS", "--event-qps", 0, i64::MAX, "must not be a negative number"),
    ("healthzPort", "--healthz-port", 0, 65535, "must be between 1 and 65535, inclusive"),
    ("imageGCHighThresholdPercent", "--image-gc-high-threshold", 0, 100, "must be between 0 and 100, inclusive"),
    ("imageGCLowThresholdPercent", "--image-gc-low-threshold", 0, 100, "must be between 0 and 100, inclusive"),
    ("kubeAPIBurst", "--kube-api-burst", 0, i64::MAX, "must not be a negative number"),
    ("kubeAPIQPS", "--kube-api-qps", 0, i64::MAX, "must not be a negative number"),
    ("maxOpenFiles", "--max-open-files", 0, i64::MAX, "must not be a negative number"),
    ("maxPods", "--max-pods", 0, i64::MAX, "must not be a negative number"),
    ("nodeStatusMaxImages", "--node-status-max-images", -1, i64::MAX, "must be -1 or greater"),
    ("oomScoreAdj", "--oom-score-adj", -1000, 1000, "must be between -1000 and 1000, inclusive"),
    ("podsPerCore", "--pods-per-core", 0, i64::MAX, "must not be a negative number"),
    // Defaulting makes 10250 of 0.
    ("port", "--port", 0, 65535, "must be between 1 and 65535, inclusive"),
    ("readOnlyPort", "--read-only-port", 0, 65535, "must be between 0 and 65535, inclusive"),
    ("registryBurst", "--registry-burst", 0, i64::MAX, "must not be a negative number"),
    ("registryPullQPS", "--registry-qps", 0, i64::MAX, "must not be a negative number"),
];

/// Texts that have to be one of several: field, flag, and how the several are told.
const CHOICES: &[(&str, &[&str])] = &[
    ("topologyManagerPolicy", &["none", "best-effort", "restricted", "single-numa-node"]),
    ("topologyManagerScope", &["container", "pod"]),
    ("hairpinMode", &["none", "hairpin-veth", "promiscuous-bridge"]),
];

fn refused(field: &str, chosen: &str, choices: &[&str]) -> String {
    let shown: Vec<String> = choices.iter().map(|choice| format!("{choice:?}")).collect();
    match field {
        "topologyManagerPolicy" => format!(
            "topologyManagerPolicy (--topology-manager-policy) {chosen:?} must be one of: [{}]",
            shown.join(" ")
        ),
        "topologyManagerScope" => {
            format!(
                "topologyManagerScope (--topology-manager-scope) {chosen:?} must be one of: {}",
                shown.join(", or ")
            )
        }
        _ => format!(
            "option {chosen:?} specified for hairpinMode (--hairpin-mode). Valid options are \"none\", \"hairpin-veth\" or \"promiscuous-bridge\""
        ),
    }
}

fn validate(config: &Value) -> Result<(), String> {
    let number = |field: &str| meta::number(config, &format!("/{field}"));
    let mut faults = Vec::new();
    if number("nodeLeaseDurationSeconds").is_some_and(|seconds| seconds < 0) {
        faults.push("nodeLeaseDurationSeconds must be greater than 0".to_owned());
    }
    for (field, flag, least, most, words) in BOUNDS {
        if let Some(value) = number(field).filter(|value| !(*least..=*most).contains(value)) {
            faults.push(format!("{field} ({flag}) {value} {words}"));
        }
    }
    let high = number("imageGCHighThresholdPercent").unwrap_or(85);
    let low = number("imageGCLowThresholdPercent").unwrap_or(80);
    if low >= high {
        faults.push(format!(
            "imageGCLowThresholdPercent (--image-gc-low-threshold) {low} must be less than imageGCHighThresholdPercent (--image-gc-high-threshold) {high}"
        ));
    }
    for (field, choices) in CHOICES {
        let chosen = meta::text(config, &format!("/{field}"));
        if !chosen.is_empty() && !choices.contains(&chosen) {
            faults.push(refused(field, chosen, choices));
        }
    }
    let swap = meta::text(config, "/memorySwap/swapBehavior");
    if !["", "LimitedSwap", "NoSwap"].contains(&swap) {
        faults.push(format!("memorySwap.swapBehavior {swap:?} must be one of: \"\", \"LimitedSwap\" or \"NoSwap\""));
    }
    if number("containerLogMaxFiles").is_some_and(|files| files <= 1 && files != 0) {
        faults.push("containerLogMaxFiles must be greater than 1".to_owned());
    }
    let faults: Vec<String> = faults.into_iter().map(|fault| format!("invalid configuration: {fault}")).collect();
    let told = match faults.as_slice() {
        [] => return Ok(()),
        [one] => one.clone(),
        all => format!("[{}]", all.join(", ")),
    };
    Err(format!("failed to validate kubelet configuration, error: {told}, path: &TypeMeta{{Kind:,APIVersion:,}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(rest: &str) -> Result<(), String> {
        let text = format!("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n{rest}");
        read("/var/lib/kubelet/config.yaml", &|_: &str| Ok(text.clone())).map(drop)
    }

    #[test]
    fn what_is_not_valid_is_told_all_at_once() {
        assert_eq!(told("maxPods: 30\npodsPerCore: 5\nreadOnlyPort: 10255\n"), Ok(()));
        assert_eq!(
            told("maxPods: -1\n").unwrap_err(),
            "failed to validate kubelet configuration, error: invalid configuration: maxPods (--max-pods) -1 must not be a negative number, path: &TypeMeta{Kind:,APIVersion:,}"
        );
        let two = told("readOnlyPort: 70000\nimageGCLowThresholdPercent: 90\n").unwrap_err();
        assert!(
            two.contains("error: [invalid configuration: readOnlyPort") && two.contains("90 must be less than"),
            "{two}"
        );
        assert!(told("hairpinMode: veth\n").unwrap_err().contains("option \"veth\" specified for hairpinMode"));
        assert!(told("maxPods: \"30\"\n").unwrap_err().ends_with(
            "failed to decode: json: cannot unmarshal string into Go struct field KubeletConfiguration.maxPods of type int32"
        ));
    }
}
