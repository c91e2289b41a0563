//! PersistentVolume: storage there is, bound to claims by the volume controller.
//! Source: `pkg/apis/core/v1/defaults.go` and `pkg/registry/core/persistentvolume/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::{At, go};
use super::cells::{self, UNSET};
use super::check;
use super::filling::{reset_status, zero};
use super::pod_spec;
use crate::object::meta;
use crate::object::quantity::Quantity;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Table, column, wide};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `v1 PersistentVolume`.
pub static PERSISTENTVOLUME: Resource = Resource {
    group: "",
    version: "v1",
    kind: "PersistentVolume",
    plural: "persistentvolumes",
    singular: "persistentvolume",
    short_names: &["pv"],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy {
        defaults,
        prepare_create,
        prepare_status,
        validate,
        validate_update,
        warnings,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[
            NAME,
            column("Capacity"),
            column("Access Modes"),
            column("Reclaim Policy"),
            column("Status"),
            column("Claim"),
            column("StorageClass"),
            column("VolumeAttributesClass"),
            column("Reason"),
            AGE,
            wide("VolumeMode"),
        ],
        row,
    },
    stored_as: None,
};

fn defaults(volume: &mut Value) {
    let spec = meta::child(volume, "spec");
    zero(spec, "persistentVolumeReclaimPolicy", "Retain");
    meta::set_default(spec, "volumeMode", "Filesystem");
    pod_spec::defaults::volume_source(spec);
    zero(meta::child(volume, "status"), "phase", "Pending");
}

fn prepare_create(volume: &mut Value) {
    let mut status = json!({ "phase": "Pending" });
    if let Some(now) = volume.pointer("/metadata/creationTimestamp").filter(|time| time.is_string()) {
        status["lastPhaseTransitionTime"] = now.clone();
    }
    reset_status(volume, status);
}

fn prepare_status(new: &mut Value, old: &Value) {
    if meta::text(new, "/status/phase") == meta::text(old, "/status/phase")
        && let Some(time) = old.pointer("/status/lastPhaseTransitionTime")
    {
        meta::set_default(meta::child(new, "status"), "lastPhaseTransitionTime", time.clone());
    }
}

fn row(volume: &Value, now: Timestamp) -> Vec<Value> {
    let phase = if meta::is_terminating(volume) { "Terminating" } else { meta::text(volume, "/status/phase") };
    let claim = match volume.pointer("/spec/claimRef") {
        Some(claim) => format!("{}/{}", meta::text(claim, "/namespace"), meta::text(claim, "/name")),
        None => String::new(),
    };
    vec![
        cells::name(volume),
        cells::text_or(volume, "/spec/capacity/storage", "0"),
        cells::access_modes(meta::list(volume, "/spec/accessModes")),
        cells::text(volume, "/spec/persistentVolumeReclaimPolicy"),
        json!(phase),
        json!(claim),
        cells::storage_class(volume),
        cells::text_or(volume, "/spec/volumeAttributesClassName", UNSET),
        cells::text(volume, "/status/reason"),
        age(volume, now),
        cells::text_or(volume, "/spec/volumeMode", UNSET),
    ]
}

const ACCESS_MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

/// Access modes, each known; `ReadWriteOncePod` stands alone.
pub fn modes(modes: At<'_, '_>, errors: &mut ErrorList) {
    let (mut alone, mut other) = (false, false);
    for mode in modes.list().iter().map(|mode| mode.as_str().unwrap_or_default()) {
        if !ACCESS_MODES.contains(&mode) {
            errors.not_supported(modes.path(), mode, &ACCESS_MODES);
        } else if mode == "ReadWriteOncePod" {
            alone = true;
        } else {
            other = true;
        }
    }
    if alone && other {
        modes.forbidden("may not use ReadWriteOncePod with other access modes", errors);
    }
}

/// The sources in the order they are looked at.
const SOURCES: [&str; 19] = [
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "csi",
];

fn validate(volume: &Value, errors: &mut ErrorList) {
    let root = At::root(volume);
    let spec = root.key("spec");
    if spec.key("accessModes").list().is_empty() {
        spec.key("accessModes").required(errors);
    }
    modes(spec.key("accessModes"), errors);
    capacity(spec.key("capacity"), errors);
    let reclaim = spec.key("persistentVolumeReclaimPolicy");
    reclaim.one_of_if_set(&["Delete", "Recycle", "Retain"], errors);
    let placed = affinity(spec.key("nodeAffinity"), errors);
    source(spec, placed, errors);
    let path = spec.key("hostPath").key("path").text().trim_end_matches('/').is_empty();
    if spec.key("hostPath").is_set() && path && reclaim.text() == "Recycle" {
        reclaim.forbidden("may not be 'recycle' for a hostPath mount of '/'", errors);
    }
    let class = spec.key("storageClassName");
    if !class.is_empty() {
        check::subdomain(class, errors);
    }
    spec.key("volumeMode").one_of_if_set(&["Block", "Filesystem"], errors);
    attributes(spec, errors);
    let annotation = "volume.beta.kubernetes.io/mount-options";
    if meta::annotation(volume, annotation).is_some() && !MOUNTED.iter().any(|kind| spec.key(kind).is_set()) {
        let why = "may not specify mount options for this volume type";
        errors.forbidden(format!("metadata.annotations.{annotation}"), why);
    }
}

/// The volumes whose mount options may stand in an annotation (`pkg/volume/validation/pv_validation.go`).
const MOUNTED: [&str; 13] = [
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "nfs",
    "rbd",
    "quobyte",
    "iscsi",
    "cinder",
    "cephfs",
    "azureFile",
    "vsphereVolume",
    "azureDisk",
    "photonPersistentDisk",
];

/// A class of attributes is named, and for drivers alone.
fn attributes(spec: At<'_, '_>, errors: &mut ErrorList) {
    let class = spec.key("volumeAttributesClassName");
    if !class.is_set() {
        return;
    }
    if class.is_empty() {
        class.required_because("an empty string is disallowed", errors);
    } else {
        check::subdomain(class, errors);
    }
    if !spec.key("csi").is_set() {
        spec.key("csi").required_because("has to be specified when using volumeAttributesClassName", errors);
    }
}

fn capacity(capacity: At<'_, '_>, errors: &mut ErrorList) {
    if capacity.is_empty() {
        capacity.required(errors);
    }
    if !capacity.key("storage").is_set() || capacity.entries().count() > 1 {
        errors.not_supported(capacity.path(), capacity.value().clone(), &["storage"]);
    }
    for (_, amount) in capacity.entries() {
        let found = pod_spec::resources::quantity(amount.value());
        if found < Quantity::ZERO {
            errors.invalid(amount.path(), found.value(), "must be a valid resource quantity");
        }
        if found <= Quantity::ZERO {
            errors.invalid(amount.path(), found.to_string(), "must be greater than zero");
        }
    }
}

/// Checks where the volume is; says whether that is said.
fn affinity(affinity: At<'_, '_>, errors: &mut ErrorList) -> bool {
    if !affinity.is_set() {
        return false;
    }
    let required = affinity.key("required");
    if required.is_set() {
        pod_spec::affinity::node_selector(required, errors);
    } else {
        required.required_because("must specify required node constraints", errors);
    }
    true
}

fn source(spec: At<'_, '_>, placed: bool, errors: &mut ErrorList) {
    let mut found = false;
    for kind in SOURCES {
        let source = spec.key(kind);
        if !source.is_set() {
            continue;
        }
        if found {
            source.forbidden("may not specify more than 1 volume type", errors);
            continue;
        }
        found = true;
        pod_spec::volumes::source(kind, source, errors);
        if kind == "local" && !placed {
            errors.required(spec.key("nodeAffinity").path(), "Local volume requires node affinity");
        }
    }
    if !found {
        spec.required_because("must specify a volume type", errors);
    }
}

fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    if SOURCES.iter().any(|kind| new["spec"][kind] != old["spec"][kind]) {
        errors.forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation");
    }
    if new["spec"]["volumeMode"] != old["spec"]["volumeMode"] {
        errors.immutable("volumeMode", new["spec"]["volumeMode"].clone());
    }
    let affinity = &old["spec"]["nodeAffinity"];
    if !affinity.is_null() && *affinity != new["spec"]["nodeAffinity"] {
        let why = "field is immutable, except for updating from beta label to GA";
        errors.invalid("nodeAffinity", go_affinity(&new["spec"]["nodeAffinity"]), why);
    }
    let class = |volume: &Value| volume["spec"]["volumeAttributesClassName"].is_string();
    if class(old) && !class(new) {
        errors.forbidden("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden");
    }
}

/// A volume's node affinity as Go writes it.
fn go_affinity(affinity: &Value) -> Value {
    let requirement = |found: &Value| go(found, &[("Key", "key"), ("Operator", "operator"), ("Values", "values")]);
    let list = |term: &Value, key: &str| match term.get(key).and_then(Value::as_array) {
        Some(list) => list.iter().map(requirement).collect(),
        None => Value::Null,
    };
    let terms: Vec<Value> = meta::list(affinity, "/required/nodeSelectorTerms")
        .iter()
        .map(|term| json!({ "MatchExpressions": list(term, "matchExpressions"), "MatchFields": list(term, "matchFields") }))
        .collect();
    json!({ "Required": { "NodeSelectorTerms": terms } })
}

/// Annotations that fields have taken the place of.
const OLD_ANNOTATIONS: [(&str, &str); 2] = [
    ("volume.beta.kubernetes.io/storage-class", "deprecated since v1.8; use \"storageClassName\" attribute instead"),
    ("volume.beta.kubernetes.io/mount-options", "deprecated since v1.31; use \"mountOptions\" attribute instead"),
];

/// What is told of those of these annotations that an object has.
pub fn old_annotations(object: &Value, keys: &[&str]) -> Vec<String> {
    OLD_ANNOTATIONS
        .iter()
        .filter(|(key, _)| keys.contains(key) && meta::annotation(object, key).is_some())
        .map(|(key, why)| format!("metadata.annotations[{key}]: {why}"))
        .collect()
}

fn warnings(volume: &Value) -> Vec<String> {
    let mut told = old_annotations(volume, &OLD_ANNOTATIONS.map(|(key, _)| key));
    if meta::text(volume, "/spec/persistentVolumeReclaimPolicy") == "Recycle" {
        let why = "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.";
        told.push(format!("spec.persistentVolumeReclaimPolicy: {why}"));
    }
    let root = At::root(volume);
    let spec = root.key("spec");
    let affinity = spec.key("nodeAffinity");
    let required = affinity.key("required");
    let terms = required.key("nodeSelectorTerms");
    terms.items().for_each(|term| pod_spec::warnings::term(term, &mut told));
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_of_attributes_is_for_drivers_and_stays() {
        let volume =
            |class: Value| json!({ "spec": { "hostPath": { "path": "/a" }, "volumeAttributesClassName": class } });
        let mut errors = ErrorList::default();
        let empty = volume(json!(""));
        attributes(At::root(&empty).key("spec"), &mut errors);
        let told = "[spec.volumeAttributesClassName: Required value: an empty string is disallowed, spec.csi: Required value: has to be specified when using volumeAttributesClassName]";
        assert_eq!(errors.sentence(), told);
        let mut errors = ErrorList::default();
        validate_update(&volume(json!(null)), &volume(json!("gold")), &mut errors);
        let told = "spec.volumeAttributesClassName: Forbidden: update from non-nil value to nil is forbidden";
        assert_eq!(errors.sentence(), told);
    }
}
