//! Environment variables and where they come from.
//! Source: `pkg/apis/core/validation/validation.go`, ValidateEnv, ValidateEnvFrom.

use serde_json::json;

use super::super::at::At;
use super::super::{check, configmap};
use crate::object::meta;
use crate::object::quantity::Quantity;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::names;

const ENV_NAME: &str =
    "a valid environment variable name must consist only of printable ASCII characters other than '='";

fn name_fits(name: &str) -> bool {
    name.chars().all(|c| matches!(c, ' '..='~') && c != '=')
}

/// `env`.
pub fn variables(variables: At<'_, '_>, errors: &mut ErrorList) {
    for variable in variables.items() {
        let name = variable.key("name");
        if name.is_empty() {
            name.required(errors);
        } else if !name_fits(name.text()) {
            name.invalid(ENV_NAME, errors);
        }
        let from = variable.key("valueFrom");
        if from.is_set() {
            value_from(variable, from, errors);
        }
    }
}

const KINDS: [&str; 5] = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];

fn value_from(variable: At<'_, '_>, from: At<'_, '_>, errors: &mut ErrorList) {
    let given: Vec<&str> = KINDS.into_iter().filter(|kind| from.key(kind).is_set()).collect();
    for kind in &given {
        let source = from.key(kind);
        match *kind {
            "fieldRef" => field_ref(source, FIELDS, errors),
            "resourceFieldRef" => resource_ref(source, false, errors),
            "configMapKeyRef" | "secretKeyRef" => key_ref(source, errors),
            _ => file_key_ref(source, errors),
        }
    }
    let wrong = |why: &str, errors: &mut ErrorList| errors.invalid(from.path(), "", why);
    if given.is_empty() {
        let all =
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
        wrong(all, errors);
    } else if !variable.key("value").is_empty() {
        wrong("may not be specified when `value` is not empty", errors);
    } else if given.len() > 1 {
        wrong("may not have more than one field specified at a time", errors);
    }
}

fn key_ref(source: At<'_, '_>, errors: &mut ErrorList) {
    check::subdomain(source.key("name"), errors);
    let key = source.key("key");
    if key.is_empty() {
        key.required(errors);
    } else if let Some(why) = configmap::config_key(key.text()) {
        key.invalid(why, errors);
    }
}

/// A key of a file in one of the Pod's volumes (validateFileKeySelector).
fn file_key_ref(source: At<'_, '_>, errors: &mut ErrorList) {
    let (key, volume, path) = (source.key("key"), source.key("volumeName"), source.key("path"));
    if key.is_empty() {
        key.required(errors);
    } else if !name_fits(key.text()) {
        key.invalid(ENV_NAME, errors);
    }
    if volume.is_empty() {
        volume.required(errors);
    } else {
        check::dns_label(volume, errors);
    }
    if path.is_empty() {
        path.required(errors);
    } else {
        check::climbs(path, errors);
    }
}

/// The volumes in which there are files with variables (validateFileKeyRefVolumes).
pub fn file_volumes(spec: At<'_, '_>, errors: &mut ErrorList) {
    let volumes = meta::list(spec.value(), "/volumes");
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        let containers = spec.key(list);
        for container in containers.items() {
            let variables = container.key("env");
            for variable in variables.items() {
                let from = variable.key("valueFrom");
                let source = from.key("fileKeyRef");
                let name = source.key("volumeName");
                if !source.is_set() {
                    continue;
                }
                // Of several with this name the last counts.
                match volumes.iter().rfind(|volume| volume["name"] == name.text()) {
                    None => errors.not_found(name.path(), name.text()),
                    Some(volume) if volume.get("emptyDir").is_some() => {}
                    Some(_) => name.invalid_text("referenced volume must be of type emptyDir", errors),
                }
            }
        }
    }
}

/// Fields of the Pod that variables can show.
const FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// Fields of the Pod that files can show.
pub const FILE_FIELDS: &[&str] =
    &["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

/// All fields there are a path for.
fn known(path: &str) -> bool {
    matches!(
        path,
        "metadata.annotations"
            | "metadata.labels"
            | "spec.hostIP"
            | "spec.restartPolicy"
            | "spec.schedulerName"
            | "status.phase"
    ) || FIELDS.contains(&path)
}

/// `metadata.labels['app']` as its two parts.
fn subscript(path: &str) -> Option<(&str, &str)> {
    let (map, rest) = path.split_once("['")?;
    Some((map, rest.strip_suffix("']")?))
}

/// A reference to a field of the Pod, which must be one of `allowed`.
pub fn field_ref(source: At<'_, '_>, allowed: &[&str], errors: &mut ErrorList) {
    let version = source.key("apiVersion");
    if version.is_empty() {
        return version.required(errors);
    }
    let path = source.key("fieldPath");
    if path.is_empty() {
        return path.required(errors);
    }
    if version.text() != "v1" {
        let why = format!("error converting fieldPath: unsupported pod version: {}", version.text());
        return path.invalid(why, errors);
    }
    if let Some((map, key)) = subscript(path.text()) {
        // Upstream shows the key, at the reference.
        let mut qualified =
            |key: &str| names::qualified(key).iter().for_each(|why| errors.invalid(source.path(), key, why));
        return match map {
            "metadata.annotations" => qualified(&key.to_lowercase()),
            "metadata.labels" => qualified(key),
            _ => path.invalid(
                format!("error converting fieldPath: field label does not support subscript: {}", path.text()),
                errors,
            ),
        };
    }
    if !known(path.text()) {
        let why = format!("error converting fieldPath: field label not supported: {}", path.text());
        path.invalid(why, errors);
    } else if !allowed.contains(&path.text()) {
        let mut sorted = allowed.to_vec();
        sorted.sort_unstable();
        path.one_of(&sorted, errors);
    }
}

const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

/// A reference to what a container asks for. Files must say which container.
pub fn resource_ref(source: At<'_, '_>, in_file: bool, errors: &mut ErrorList) {
    let (container, resource) = (source.key("containerName"), source.key("resource"));
    if in_file && container.is_empty() {
        return container.required(errors);
    }
    if resource.is_empty() {
        return resource.required(errors);
    }
    let name = resource.text();
    let huge = ["limits.hugepages-", "requests.hugepages-"].iter().any(|prefix| name.starts_with(prefix));
    if !huge {
        resource.one_of(&RESOURCES, errors);
    }
    divisor(source, name, errors);
}

fn divisor(source: At<'_, '_>, resource: &str, errors: &mut ErrorList) {
    let divisor = source.key("divisor");
    let Ok(quantity) = Quantity::of(divisor.value()) else { return };
    if quantity.is_zero() {
        return;
    }
    let shown = quantity.to_string();
    let (fits, why) = match resource.split_once('.').map(|(_, name)| name) {
        Some("cpu") => (
            ["1m", "1"].contains(&shown.as_str()),
            "only divisor's values 1m and 1 are supported with the cpu resource",
        ),
        Some("memory") => (
            ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"]
                .contains(&shown.as_str()),
            "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the memory resource",
        ),
        _ => (true, ""),
    };
    if !fits {
        errors.invalid(divisor.path(), json!(resource), why);
    }
}

/// `envFrom`.
pub fn sources(sources: At<'_, '_>, errors: &mut ErrorList) {
    for source in sources.items() {
        let prefix = source.key("prefix");
        if !prefix.is_empty() && !name_fits(prefix.text()) {
            prefix.invalid(ENV_NAME, errors);
        }
        let mut given = 0;
        for kind in ["configMapRef", "secretRef"] {
            let reference = source.key(kind);
            if !reference.is_set() {
                continue;
            }
            given += 1;
            let name = reference.key("name");
            if name.is_empty() {
                name.required(errors);
            } else {
                check::subdomain(name, errors);
            }
        }
        if given == 0 {
            errors.invalid(sources.path(), "", "must specify one of: `configMapRef` or `secretRef`");
        } else if given > 1 {
            errors.invalid(sources.path(), "", "may not have more than one field specified at a time");
        }
    }
}
