//! PersistentVolume: storage there is, bound to claims by the volume controller.
//! Source: `pkg/apis/core/v1/defaults.go` and `pkg/registry/core/persistentvolume/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{self, UNSET};
use super::filling::{reset_status, zero};
use super::pod_spec;
use crate::object::meta;
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
    strategy: Strategy { defaults, prepare_create, prepare_status, ..Strategy::PLAIN },
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
