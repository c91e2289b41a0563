//! AppArmor profiles that annotations name, as before there were fields: into which fields they are brought, and what they may say.
//! The fields themselves are checked in `security.rs`. Source: `pkg/registry/core/pod/strategy.go`, applyAppArmorVersionSkew;
//! `pkg/apis/core/validation/validation.go`, ValidateAppArmorPodAnnotations, validateAppArmorAnnotationsAndFieldsMatchOnCreate.

use serde_json::{Value, json};

use super::super::at::At;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;

const PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";
const LOCALHOST: &str = "localhost/";
const LISTS: [&str; 2] = ["initContainers", "containers"];
/// What is told of an annotation that should be a field.
pub const OLD: &str = "deprecated since v1.30; use the \"appArmorProfile\" field instead";
/// The longest name of a profile of the node.
pub const LONGEST: usize = 4095;

/// The annotation that names a container's profile.
pub fn key(container: &Value) -> String {
    format!("{PREFIX}{}", meta::text(container, "/name"))
}

/// What an annotation says, as a field says it; `None` where that would be no good field.
fn profile(annotation: &str) -> Option<Value> {
    match annotation {
        "unconfined" => Some(json!({ "type": "Unconfined" })),
        "runtime/default" => Some(json!({ "type": "RuntimeDefault" })),
        other => {
            let good = |name: &&str| !name.is_empty() && name.trim() == *name && name.len() <= LONGEST;
            let name = other.strip_prefix(LOCALHOST).filter(good)?;
            Some(json!({ "type": "Localhost", "localhostProfile": name }))
        }
    }
}

/// The annotation about a container that has no field of its own.
fn lone<'v>(pod: &'v Value, container: &Value) -> Option<&'v str> {
    let has_field = meta::map(container, "/securityContext/appArmorProfile").is_some();
    let is_windows = meta::text(pod, "/spec/os/name") == "windows";
    meta::annotation(pod, &key(container)).filter(|_| !has_field && !is_windows)
}

/// The field that a container gets of its annotation: none where the whole Pod has the same.
fn missing(pod: &Value, container: &Value) -> Option<Value> {
    let all = pod.pointer("/spec/securityContext/appArmorProfile");
    profile(lone(pod, container)?).filter(|profile| all != Some(profile))
}

/// What is told of a new Pod, before [`fill`] hides who wrote what.
pub fn warnings(pod: &Value) -> Vec<String> {
    let containers = LISTS.iter().flat_map(|list| meta::list(&pod["spec"], &format!("/{list}")));
    let is_told = |container: &&Value| {
        let is_bad = lone(pod, container).is_some_and(|annotation| profile(annotation).is_none());
        is_bad || missing(pod, container).is_some()
    };
    containers.filter(is_told).map(|container| format!("metadata.annotations[{}]: {OLD}", key(container))).collect()
}

/// Brings the annotations of a new Pod into the fields of its containers.
pub fn fill(pod: &mut Value) {
    for list in LISTS {
        for place in 0..meta::list(&pod["spec"], &format!("/{list}")).len() {
            if let Some(profile) = missing(pod, &pod["spec"][list][place]) {
                meta::child(&mut pod["spec"][list][place], "securityContext")["appArmorProfile"] = profile;
            }
        }
    }
}

/// Checks annotations, which stand at this path: each is of a container, and names a profile.
pub fn annotations(annotations: At<'_, '_>, path: &str, spec: &Value, errors: &mut ErrorList) {
    const ALL: [&str; 3] = ["/initContainers", "/containers", "/ephemeralContainers"];
    let named = |name: &str| {
        ALL.iter().any(|list| meta::list(spec, list).iter().any(|container| meta::text(container, "/name") == name))
    };
    for (key, annotation) in annotations.entries() {
        let Some(container) = key.strip_prefix(PREFIX) else { continue };
        let (path, said) = (format!("{path}[{key}]"), annotation.text());
        if !named(container) {
            errors.invalid(path.as_str(), container, "container not found");
        }
        if !matches!(said, "" | "runtime/default" | "unconfined") && !said.starts_with(LOCALHOST) {
            errors.invalid(path, said, format!("invalid AppArmor profile name: {said:?}"));
        }
    }
}

/// An annotation and the field of a container, or of the whole Pod, say the same.
pub fn agree(metadata: At<'_, '_>, spec: At<'_, '_>, errors: &mut ErrorList) {
    if meta::text(spec.value(), "/os/name") == "windows" {
        return;
    }
    let all = spec.value().pointer("/securityContext/appArmorProfile");
    let annotations = meta::map(metadata.value(), "/annotations");
    for list in LISTS {
        let containers = spec.key(list);
        for container in containers.items() {
            let context = container.key("securityContext");
            let own = context.key("appArmorProfile");
            let profile = Some(own.value()).filter(|_| own.is_set()).or(all);
            let annotation = annotations.and_then(|map| map.get(&key(container.value())));
            if let (Some(profile), Some(Value::String(annotation))) = (profile, annotation) {
                agrees(own, profile, annotation, errors);
            }
        }
    }
}

fn agrees(own: At<'_, '_>, profile: &Value, annotation: &str, errors: &mut ErrorList) {
    let same = match meta::text(profile, "/type") {
        "Unconfined" => annotation == "unconfined",
        "RuntimeDefault" => annotation == "runtime/default",
        "Localhost" => match annotation.strip_prefix(LOCALHOST) {
            Some(name) if name != meta::text(profile, "/localhostProfile") => {
                let why = "apparmor profile in annotation and field must match";
                return own.key("localhostProfile").forbidden(why, errors);
            }
            name => name.is_some(),
        },
        _ => true,
    };
    if !same {
        own.key("type").forbidden("apparmor type in annotation and field must match", errors);
    }
}
