//! What of a Pod may change once it is there: images, a deadline that gets nearer, more tolerations, fewer gates.
//! Source: `pkg/apis/core/validation/validation.go`, ValidatePodUpdate.

use serde_json::{Value, json};

use super::super::at::At;
use super::super::filling::copy;
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
    gates(new.key("schedulingGates"), old.key("schedulingGates"), errors);
    let was_gated = !old.key("schedulingGates").is_empty();
    let changed = differences(munged(new.value(), old.value(), was_gated), old.value().clone());
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

fn gates(new: At<'_, '_>, old: At<'_, '_>, errors: &mut ErrorList) {
    for gate in new.items() {
        if !old.list().contains(gate.value()) {
            let name = gate.key("name");
            let why = format!("only deletion is allowed, but found new scheduling gate '{}'", name.text());
            name.forbidden(why, errors);
        }
    }
}

/// The new spec with everything put back that may change.
fn munged(new: &Value, old: &Value, was_gated: bool) -> Value {
    let mut munged = new.clone();
    for list in ["containers", "initContainers"] {
        for (index, known) in old[list].as_array().into_iter().flatten().enumerate() {
            if let Some(container) = munged.pointer_mut(&format!("/{list}/{index}")) {
                copy(known, container, "image");
            }
        }
    }
    let mut put_back = vec!["activeDeadlineSeconds", "schedulingGates", "tolerations"];
    if was_gated {
        // Gated Pods are not scheduled yet: where they may go can still be narrowed.
        put_back.extend(["nodeSelector", "affinity"]);
    }
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

/// Checks a change through `/resize`: only cpu and memory of containers.
pub fn resize(new: &Value, old: &Value, errors: &mut ErrorList) {
    let mut munged = new["spec"].clone();
    for list in ["containers", "initContainers"] {
        for (index, known) in old["spec"][list].as_array().into_iter().flatten().enumerate() {
            if let Some(container) = munged.pointer_mut(&format!("/{list}/{index}")) {
                copy(known, container, "resources");
            }
        }
    }
    if munged != old["spec"] {
        errors.forbidden("spec", "only cpu and memory resources are mutable");
    }
}
