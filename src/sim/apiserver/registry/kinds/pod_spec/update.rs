//! What of a Pod may change once it is there: images, a deadline that gets nearer, more tolerations, fewer gates.
//! What else may change while there are gates is `gated.rs`.
//! Source: `pkg/apis/core/validation/validation.go`, ValidatePodUpdate.

use serde_json::{Value, json};

use super::super::at::At;
use super::super::filling::copy;
use super::{gated, qos};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;

const UPDATABLE: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// Checks an update of a Pod.
pub fn pod(new: &Value, old: &Value, errors: &mut ErrorList) {
    let (new_pod, old_pod) = (At::root(new), At::root(old));
    let (new, old) = (new_pod.key("spec"), old_pod.key("spec"));
    for list in ["containers", "initContainers"] {
        if !images(new.key(list), old.key(list), errors) {
            return;
        }
    }
    if !deadline(new.key("activeDeadlineSeconds"), old.key("activeDeadlineSeconds"), errors) {
        return;
    }
    tolerations(new.key("tolerations"), old.key("tolerations"), errors);
    gated::gates(new.key("schedulingGates"), old.key("schedulingGates"), errors);
    let mut rest = munged(new.value(), old.value());
    if !old.key("schedulingGates").is_empty() {
        gated::narrowed(new, old, errors);
        gated::put_back(&mut rest, old.value());
    }
    let changed = differences(rest, old.value().clone());
    if !changed.is_empty() {
        new.forbidden(format!("{UPDATABLE}\n{}", changed.join("\n")), errors);
    }
}

fn images(new: At<'_, '_>, old: At<'_, '_>, errors: &mut ErrorList) -> bool {
    if new.list().len() != old.list().len() {
        new.forbidden("pod updates may not add or remove containers", errors);
        return false;
    }
    for container in new.items() {
        let image = container.key("image");
        if image.is_empty() {
            image.required(errors);
        }
        if image.text().trim() != image.text() {
            image.invalid("must not have leading or trailing whitespace", errors);
        }
    }
    true
}

fn deadline(new: At<'_, '_>, old: At<'_, '_>, errors: &mut ErrorList) -> bool {
    if new.count() < 0 {
        new.invalid("must be between 0 and 2147483647, inclusive", errors);
        return false;
    }
    match (new.number(), old.number()) {
        (Some(new_seconds), Some(old_seconds)) if new_seconds > old_seconds => {
            new.invalid("must be less than or equal to previous value", errors);
            return false;
        }
        (None, Some(_)) => {
            errors.invalid(new.path(), Value::Null, "must not update from a positive integer to nil value");
        }
        _ => {}
    }
    true
}

fn tolerations(new: At<'_, '_>, old: At<'_, '_>, errors: &mut ErrorList) {
    let kept = |known: &Value| {
        new.list().iter().any(|found| {
            let mut known = known.clone();
            copy(found, &mut known, "tolerationSeconds");
            known == *found
        })
    };
    if !old.list().iter().all(kept) {
        new.forbidden("existing toleration can not be modified except its tolerationSeconds", errors);
    }
}

/// The new spec with everything put back that may change.
fn munged(new: &Value, old: &Value) -> Value {
    let mut munged = new.clone();
    for list in ["containers", "initContainers"] {
        for (index, known) in old[list].as_array().into_iter().flatten().enumerate() {
            if let Some(container) = munged.pointer_mut(&format!("/{list}/{index}")) {
                copy(known, container, "image");
            }
        }
    }
    let mut put_back = vec!["activeDeadlineSeconds", "schedulingGates", "tolerations"];
    let negative = old["terminationGracePeriodSeconds"].as_i64().is_some_and(|seconds| seconds < 0);
    if negative && munged["terminationGracePeriodSeconds"] == json!(1) {
        put_back.push("terminationGracePeriodSeconds");
    }
    for key in put_back {
        copy(old, &mut munged, key);
    }
    munged
}

/// What differs, as lines with `-` and `+`.
fn differences(new: Value, old: Value) -> Vec<String> {
    let (Value::Object(new), Value::Object(old)) = (new, old) else { return Vec::new() };
    let mut lines = Vec::new();
    let line = |sign: &str, key: &str, value: &Value| format!("  {sign} \t{key}: {value},");
    for (key, before) in &old {
        match new.get(key) {
            Some(after) if after == before => {}
            after => {
                lines.push(line("-", key, before));
                lines.extend(after.map(|after| line("+", key, after)));
            }
        }
    }
    lines.extend(new.iter().filter(|(key, _)| !old.contains_key(*key)).map(|(key, value)| line("+", key, value)));
    lines
}

/// Checks a change of `ephemeralContainers` through the subresource of that name: more may come, none may change or go.
pub fn ephemeral(new: &Value, old: &Value, errors: &mut ErrorList) {
    let found = meta::list(new, "/spec/ephemeralContainers");
    for known in meta::list(old, "/spec/ephemeralContainers") {
        let name = meta::text(known, "/name");
        let why = match found.iter().find(|container| meta::text(container, "/name") == name) {
            Some(same) if same == known => continue,
            Some(_) => format!("existing ephemeral containers \"{name}\" may not be changed"),
            None => format!("existing ephemeral containers \"{name}\" may not be removed"),
        };
        errors.forbidden("spec.ephemeralContainers", why);
    }
}

/// Checks a change through `/resize`: only cpu and memory of containers, and none of what is set may go
/// (`pkg/apis/core/validation/validation.go`, ValidatePodResize).
pub fn resize(new: &Value, old: &Value, errors: &mut ErrorList) {
    if meta::annotation(old, "kubernetes.io/config.mirror").is_some() {
        return errors.forbidden("[]", "static pods cannot be resized");
    }
    let known = old.pointer("/status/qosClass").and_then(Value::as_str).unwrap_or_else(|| qos::class(&old["spec"]));
    if qos::class(&new["spec"]) != known {
        // Upstream shows the class of the status, which is still the old one.
        errors.invalid("spec", known, "Pod QOS Class may not change as a result of resizing");
    }
    let runs = meta::list(old, "/status/containerStatuses").iter().find(|one| one.pointer("/state/running").is_some());
    if runs.is_some_and(|one| one.get("resources").is_none()) {
        errors.forbidden("spec", "Pod running on node without support for resize");
    }
    if has_own_resources(old) || has_own_resources(new) {
        return errors.forbidden("[]", POD_LEVEL);
    }
    let root = At::root(new);
    let spec = root.key("spec");
    if !same_containers(spec, &old["spec"], errors) {
        return;
    }
    for list in ["initContainers", "containers"] {
        let containers = spec.key(list);
        for (container, known) in containers.items().zip(meta::list(&old["spec"], &format!("/{list}"))) {
            if list == "containers" || is_sidecar(known) {
                nothing_removed(container, known, errors);
            }
        }
    }
    let mut munged = new["spec"].clone();
    for list in ["containers", "initContainers"] {
        for (index, known) in meta::list(&old["spec"], &format!("/{list}")).iter().enumerate() {
            let Some(container) = munged.pointer_mut(&format!("/{list}/{index}")) else { continue };
            let why = match (list, is_sidecar(known)) {
                ("containers", _) => "only cpu and memory resources are mutable",
                (_, true) => "only cpu and memory resources for sidecar containers are mutable",
                (_, false) => "resources for non-sidecar init containers are immutable",
            };
            if list == "containers" || is_sidecar(known) {
                same_compute(container, known);
            }
            if container != known {
                errors.forbidden("spec", why);
            }
        }
    }
    if errors.is_empty() && munged != old["spec"] {
        errors.forbidden("spec", "only cpu and memory resources are mutable");
    }
}

const POD_LEVEL: &str = "resize of pods with pod-level resources is forbidden when InPlacePodLevelResourcesVerticalScalingEnabled feature gate is disabled";

/// Whether resources are set for the Pod as a whole.
fn has_own_resources(pod: &Value) -> bool {
    let has = |list: &str| meta::map(pod, &format!("/spec/resources/{list}")).is_some_and(|map| !map.is_empty());
    has("requests") || has("limits")
}

fn is_sidecar(container: &Value) -> bool {
    meta::text(container, "/restartPolicy") == "Always"
}

/// Whether there are the same containers in the same order, which is told where there are not.
fn same_containers(spec: At<'_, '_>, old: &Value, errors: &mut ErrorList) -> bool {
    let mut same = true;
    for list in ["containers", "initContainers"] {
        let (containers, before) = (spec.key(list), meta::list(old, &format!("/{list}")));
        if containers.list().len() != before.len() {
            containers.forbidden(format!("{list} may not be added or removed on resize"), errors);
            same = false;
            continue;
        }
        for (container, known) in containers.items().zip(before) {
            let name = container.key("name");
            if name.value() != &known["name"] {
                name.forbidden(format!("{list} may not be renamed or reordered on resize"), errors);
                same = false;
            }
        }
    }
    same
}

fn nothing_removed(container: At<'_, '_>, known: &Value, errors: &mut ErrorList) {
    let resources = container.key("resources");
    for kind in ["requests", "limits"] {
        let (values, had) = (resources.key(kind), known.pointer(&format!("/resources/{kind}")));
        let had = had.and_then(Value::as_object);
        let gone = had.into_iter().flatten().any(|(name, _)| !values.entry(name).is_set());
        if gone {
            values.forbidden(format!("resource {kind} cannot be removed"), errors);
        }
    }
}

/// Puts back cpu and memory as they were.
fn same_compute(container: &mut Value, known: &Value) {
    for kind in ["limits", "requests"] {
        for name in ["cpu", "memory"] {
            let was = known.pointer(&format!("/resources/{kind}/{name}"));
            match was {
                Some(value) => meta::child(meta::child(container, "resources"), kind)[name] = value.clone(),
                None => {
                    if let Some(values) = container.pointer_mut(&format!("/resources/{kind}")) {
                        meta::remove(values, name);
                    }
                }
            }
        }
        if known.pointer(&format!("/resources/{kind}")).is_none() {
            drop_empty(container, kind);
        }
    }
}

/// An empty map is as good as none.
fn drop_empty(container: &mut Value, kind: &str) {
    if let Some(resources) = container.get_mut("resources")
        && resources.get(kind).and_then(Value::as_object).is_some_and(serde_json::Map::is_empty)
    {
        meta::remove(resources, kind);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(mut old: Value, requests: Value) -> Vec<String> {
        old["spec"]["containers"] = json!([{ "name": "c", "resources": { "requests": { "cpu": "1" } } }]);
        let mut new = old.clone();
        new["spec"]["containers"][0]["resources"]["requests"] = requests;
        let mut errors = ErrorList::default();
        resize(&new, &old, &mut errors);
        errors.0.iter().map(|error| format!("{}: {}", error.field, error.message)).collect()
    }

    #[test]
    fn some_pods_cannot_be_resized() {
        let more = json!({ "cpu": "2" });
        assert!(refused(json!({}), more.clone()).is_empty());
        let mirror = json!({ "metadata": { "annotations": { "kubernetes.io/config.mirror": "x" } } });
        assert_eq!(refused(mirror, more.clone()), ["[]: Forbidden: static pods cannot be resized"]);
        let whole = json!({ "spec": { "resources": { "limits": { "cpu": "4" } } } });
        assert_eq!(refused(whole, more.clone()), [format!("[]: Forbidden: {POD_LEVEL}")]);
        let old_node = json!({ "status": { "containerStatuses": [{ "name": "c", "state": { "running": {} } }] } });
        let why = "spec: Forbidden: Pod running on node without support for resize";
        assert_eq!(refused(old_node, more), [why]);
    }
}
