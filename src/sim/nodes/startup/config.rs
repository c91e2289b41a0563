//! The kubelet's configuration file: what reads, what does not, and what is not valid.
//! What the kubelet makes of it is `mod.rs`. Source: `k8s.io/kubelet/config/v1beta1`, `pkg/kubelet/kubeletconfig/configfiles`.

use serde_json::Value;

use super::access::{Reader, file_fault};
use crate::object::meta;
use crate::sim::apiserver::decoding;

const VERSION: &str = "kubelet.config.k8s.io/v1beta1";

/// Fields that are no text, and what Go says they are.
const TYPES: &[(&str, &str)] = &[
    ("clusterDNS", "[]string"),
    ("tlsCipherSuites", "[]string"),
    ("enforceNodeAllocatable", "[]string"),
    ("allowedUnsafeSysctls", "[]string"),
    ("maxPods", "int32"),
    ("port", "int32"),
    ("readOnlyPort", "int32"),
    ("healthzPort", "int32"),
    ("podsPerCore", "int32"),
    ("imageGCHighThresholdPercent", "int32"),
    ("imageGCLowThresholdPercent", "int32"),
    ("failSwapOn", "bool"),
    ("rotateCertificates", "bool"),
    ("serverTLSBootstrap", "bool"),
    ("enableServer", "bool"),
    ("failCgroupV1", "bool"),
    ("makeIPTablesUtilChains", "bool"),
    ("featureGates", "map[string]bool"),
    ("evictionHard", "map[string]string"),
    ("systemReserved", "map[string]string"),
    ("kubeReserved", "map[string]string"),
    ("authentication", "v1beta1.KubeletAuthentication"),
    ("authorization", "v1beta1.KubeletAuthorization"),
];

fn fits(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "bool" => value.is_boolean(),
        "int32" => value.is_i64(),
        kind if kind.starts_with("[]") => value.is_array(),
        _ => value.is_object(),
    }
}

fn word(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "bool",
        Value::Array(_) => "array",
        _ => "object",
    }
}

/// Reads the file at `path`; the error is what the kubelet ends with.
pub fn read(path: &str, reader: &Reader) -> Result<Value, String> {
    let failed = |why: String| {
        format!(
            "failed to load kubelet config file, path: {path}, error: failed to load Kubelet config file {path}, error {why}"
        )
    };
    let text = reader(path).map_err(|error| {
        failed(format!("failed to read kubelet config file {path:?}, error: open {path}: {}", file_fault(&error)))
    })?;
    let config = decoding::tree(text.as_bytes(), "application/yaml");
    let config = config.map_err(|why| failed(format!("failed to decode: {why}")))?;
    let (version, kind) = (meta::text(&config, "/apiVersion"), meta::text(&config, "/kind"));
    if kind.is_empty() {
        return Err(failed(format!("failed to decode: Object 'Kind' is missing in '{config}'")));
    }
    if version != VERSION || kind != "KubeletConfiguration" {
        let what = format!("no kind {kind:?} is registered for version {version:?}");
        return Err(failed(format!("failed to decode: {what} in scheme \"pkg/runtime/scheme.go:111\"")));
    }
    for (field, value) in config.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        let text = ["staticPodPath", "cgroupDriver", "clusterDomain", "resolvConf", "containerRuntimeEndpoint"];
        let known = TYPES.iter().find(|(name, _)| name == field).map(|(_, kind)| *kind);
        let Some(kind) = known.or_else(|| text.contains(&field.as_str()).then_some("string")) else { continue };
        if !fits(value, kind) {
            return Err(failed(format!(
                "failed to decode: json: cannot unmarshal {} into Go struct field KubeletConfiguration.{field} of type {kind}",
                word(value)
            )));
        }
    }
    validate(&config)?;
    Ok(config)
}

/// Source: `pkg/kubelet/apis/config/validation/validation.go`.
fn validate(config: &Value) -> Result<(), String> {
    let ports = [("readOnlyPort", "read-only-port", 0), ("healthzPort", "healthz-port", 0), ("port", "port", 1)];
    for (field, flag, least) in ports {
        let Some(port) = meta::number(config, &format!("/{field}")) else { continue };
        if port != 0 && !(least..=65535).contains(&port) {
            return Err(format!(
                "failed to validate kubelet configuration, error: invalid configuration: {field} (--{flag}) {port} must be between {least} and 65535, inclusive, path: &TypeMeta{{Kind:,APIVersion:,}}"
            ));
        }
    }
    Ok(())
}
