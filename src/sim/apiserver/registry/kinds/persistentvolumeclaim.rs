//! PersistentVolumeClaim: storage asked for, bound to a volume by the volume controller.
//! Source: `pkg/apis/core/v1/defaults.go` and `pkg/registry/core/persistentvolumeclaim/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::At;
use super::cells::{self, UNSET};
use super::check;
use super::filling::{copy, is_zero, part, put, reset_status, zero};
use super::persistentvolume;
use super::pod_spec;
use crate::object::meta;
use crate::object::quantity::Quantity;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::names;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Table, column, wide};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `v1 PersistentVolumeClaim`.
pub static PERSISTENTVOLUMECLAIM: Resource = Resource {
    group: "",
    version: "v1",
    kind: "PersistentVolumeClaim",
    plural: "persistentvolumeclaims",
    singular: "persistentvolumeclaim",
    short_names: &["pvc"],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy {
        defaults,
        prepare_create,
        prepare_update: |claim, _| sources(claim),
        validate: |claim, errors| claim_spec(At::root(claim).key("spec"), errors),
        validate_update,
        warnings,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[
            NAME,
            column("Status"),
            column("Volume"),
            column("Capacity"),
            column("Access Modes"),
            column("StorageClass"),
            column("VolumeAttributesClass"),
            AGE,
            wide("VolumeMode"),
        ],
        row,
    },
    stored_as: None,
};

fn defaults(claim: &mut Value) {
    let spec = meta::child(claim, "spec");
    pod_spec::defaults::claim_spec(spec);
    for source in ["dataSource", "dataSourceRef"] {
        part(spec, source, |source| meta::set_default(source, "apiGroup", Value::Null));
    }
    zero(meta::child(claim, "status"), "phase", "Pending");
}

fn prepare_create(claim: &mut Value) {
    sources(claim);
    reset_status(claim, json!({ "phase": "Pending" }));
}

/// `dataSource` and `dataSourceRef` say the same, unless the second names another namespace.
fn sources(claim: &mut Value) {
    let spec = meta::child(claim, "spec");
    let (old, new) = (spec.get("dataSource").cloned(), spec.get("dataSourceRef").cloned());
    match (old, new) {
        (Some(source), None) => put(spec, "dataSourceRef", source),
        (None, Some(source)) if meta::text(&source, "/namespace").is_empty() => put(spec, "dataSource", source),
        _ => {}
    }
}

fn row(claim: &Value, now: Timestamp) -> Vec<Value> {
    let phase = if meta::is_terminating(claim) { "Terminating" } else { meta::text(claim, "/status/phase") };
    let bound = !meta::text(claim, "/spec/volumeName").is_empty();
    let (capacity, modes) = if bound {
        let modes = cells::access_modes(meta::list(claim, "/status/accessModes"));
        (cells::text_or(claim, "/status/capacity/storage", "0"), modes)
    } else {
        (json!(""), json!(""))
    };
    vec![
        cells::name(claim),
        json!(phase),
        cells::text(claim, "/spec/volumeName"),
        capacity,
        modes,
        cells::storage_class(claim),
        cells::text_or(claim, "/spec/volumeAttributesClassName", UNSET),
        age(claim, now),
        cells::text_or(claim, "/spec/volumeMode", UNSET),
    ]
}

/// The spec of a claim, wherever it stands.
pub fn claim_spec(spec: At<'_, '_>, errors: &mut ErrorList) {
    let modes = spec.key("accessModes");
    if modes.list().is_empty() {
        modes.required_because("at least 1 access mode is required", errors);
    }
    check::selector(spec.key("selector"), errors);
    persistentvolume::modes(modes, errors);
    let resources = spec.key("resources");
    let requests = resources.key("requests");
    let storage = requests.key("storage");
    // Upstream leaves "requests" out.
    let field = format!("{}[storage]", resources.path());
    let amount = pod_spec::resources::quantity(storage.value());
    if !storage.is_set() {
        errors.required(field, "");
    } else if amount <= Quantity::ZERO {
        errors.invalid(field, amount.to_string(), "must be greater than zero");
    }
    let class = spec.key("storageClassName");
    if !class.is_empty() {
        check::subdomain(class, errors);
    }
    spec.key("volumeMode").one_of_if_set(&["Block", "Filesystem"], errors);
    for source in ["dataSource", "dataSourceRef"] {
        let source = spec.key(source);
        for field in ["name", "kind"] {
            if source.is_set() && source.key(field).is_empty() {
                source.key(field).required(errors);
            }
        }
    }
    let attributes = spec.key("volumeAttributesClassName");
    if !attributes.is_empty() {
        check::subdomain(attributes, errors);
    }
}

/// The template of a claim that lives with its Pod: of its metadata only what the claim is to take over is let through, other
/// fields are told of in the order in which Go has them (`pkg/apis/core/validation/validation.go`, ValidateTemplateObjectMeta).
pub fn template(template: At<'_, '_>, errors: &mut ErrorList) {
    let metadata = template.key("metadata");
    names::annotations(Some(metadata.key("annotations").value()), &metadata.key("annotations").path(), errors);
    check::labels(metadata.key("labels"), errors);
    for (key, shown) in UNUSED {
        let field = metadata.key(key);
        // In Go an empty list, and a number that is pointed to, are not what they are born with.
        if !is_zero(Some(field.value())) || (key == "deletionGracePeriodSeconds" && field.is_set()) {
            errors.forbidden(metadata.key(shown).path(), "cannot be set");
        }
    }
    claim_spec(template.key("spec"), errors);
}

/// The metadata that a template cannot have, and how messages call it: Go's names with their first letter small.
const UNUSED: [(&str, &str); 13] = [
    ("name", "name"),
    ("generateName", "generateName"),
    ("namespace", "namespace"),
    ("selfLink", "selfLink"),
    ("uid", "uID"),
    ("resourceVersion", "resourceVersion"),
    ("generation", "generation"),
    ("creationTimestamp", "creationTimestamp"),
    ("deletionTimestamp", "deletionTimestamp"),
    ("deletionGracePeriodSeconds", "deletionGracePeriodSeconds"),
    ("ownerReferences", "ownerReferences"),
    ("finalizers", "finalizers"),
    ("managedFields", "managedFields"),
];

const FIXED: &str =
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";

fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    let (mut after, mut before) = (new["spec"].clone(), old["spec"].clone());
    if meta::text(old, "/spec/volumeName").is_empty() {
        // The volume is written in once.
        copy(&after, &mut before, "volumeName");
    }
    if old["spec"].get("storageClassName").is_none() {
        // A claim without class gets the default one later.
        copy(&before, &mut after, "storageClassName");
    }
    if meta::text(new, "/status/phase") == "Bound" {
        copy(&before, &mut after, "volumeAttributesClassName");
        if let Some(requests) = after.pointer_mut("/resources/requests") {
            put(requests, "storage", old.pointer("/spec/resources/requests/storage").cloned().unwrap_or_default());
        }
    }
    if after != before {
        errors.forbidden("spec", FIXED);
    }
    let size =
        |object: &Value, pointer: &str| object.pointer(pointer).map_or(Quantity::ZERO, pod_spec::resources::quantity);
    let asked = size(new, "/spec/resources/requests/storage");
    let has = size(old, "/status/capacity/storage");
    if asked < size(old, "/spec/resources/requests/storage") && asked <= has {
        errors.forbidden("spec.resources.requests.storage", "field can not be less than status.capacity");
    }
    if new["spec"]["volumeMode"] != old["spec"]["volumeMode"] {
        errors.immutable("volumeMode", new["spec"]["volumeMode"].clone());
    }
    attributes_stay(new, old, errors);
}

/// A claim whose volume has got attributes cannot do without any more.
fn attributes_stay(new: &Value, old: &Value, errors: &mut ErrorList) {
    let class = new.pointer("/spec/volumeAttributesClassName").filter(|class| !class.is_null());
    let before = old.pointer("/spec/volumeAttributesClassName").filter(|class| !class.is_null());
    let applied = old.pointer("/status/currentVolumeAttributesClassName").is_some_and(|class| !class.is_null());
    if !applied || class == before {
        return;
    }
    let what = match class.map(|class| class.as_str().unwrap_or_default()) {
        None => "nil",
        Some("") => "empty string",
        Some(_) => return,
    };
    let why = format!("update to {what} is forbidden when status.currentVolumeAttributesClassName is not nil");
    errors.forbidden("spec.volumeAttributesClassName", why);
}

fn warnings(claim: &Value) -> Vec<String> {
    let mut told = persistentvolume::old_annotations(claim, &["volume.beta.kubernetes.io/storage-class"]);
    let root = At::root(claim);
    told.extend(pod_spec::warnings::fractions(root.key("spec").key("resources"), &["storage"]));
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_of_attributes_has_a_name_and_is_not_taken_away() {
        let spec = |class: Value| json!({ "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } }, "volumeAttributesClassName": class });
        let mut errors = ErrorList::default();
        claim_spec(At::root(&json!({ "spec": spec(json!("Gold")) })).key("spec"), &mut errors);
        assert!(
            errors
                .sentence()
                .starts_with("spec.volumeAttributesClassName: Invalid value: \"Gold\": a lowercase RFC 1123")
        );
        let status = json!({ "phase": "Bound", "currentVolumeAttributesClassName": "gold" });
        let claim = |class: Value| json!({ "spec": spec(class), "status": status });
        for (class, what) in [(json!(null), "nil"), (json!(""), "empty string")] {
            let mut errors = ErrorList::default();
            validate_update(&claim(class), &claim(json!("gold")), &mut errors);
            let why = "is forbidden when status.currentVolumeAttributesClassName is not nil";
            let told = format!("spec.volumeAttributesClassName: Forbidden: update to {what} {why}");
            assert!(errors.sentence().contains(&told), "{}", errors.sentence());
        }
        let mut errors = ErrorList::default();
        validate_update(&claim(json!("silver")), &claim(json!("gold")), &mut errors);
        assert!(errors.is_empty(), "{}", errors.sentence());
    }

    #[test]
    fn a_template_has_labels_and_annotations_alone() {
        let metadata = json!({
            "annotations": { "a b": "" }, "labels": { "a": "b" }, "finalizers": [], "uid": "1", "name": "x", "creationTimestamp": null,
        });
        let spec = json!({ "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } });
        let mut errors = ErrorList::default();
        template(At::root(&json!({ "metadata": metadata, "spec": spec })), &mut errors);
        let fields: Vec<&str> = errors.0.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["metadata.annotations", "metadata.name", "metadata.uID", "metadata.finalizers"]);
        assert_eq!(errors.0[1].message, "Forbidden: cannot be set");
    }
}
