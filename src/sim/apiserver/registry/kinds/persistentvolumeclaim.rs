//! PersistentVolumeClaim: storage asked for, bound to a volume by the volume controller.
//! Source: `pkg/apis/core/v1/defaults.go` and `pkg/registry/core/persistentvolumeclaim/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{self, UNSET};
use super::filling::{reset_status, zero};
use super::pod_spec;
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
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
        prepare_create: |claim| reset_status(claim, json!({ "phase": "Pending" })),
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
    pod_spec::defaults::claim_spec(meta::child(claim, "spec"));
    zero(meta::child(claim, "status"), "phase", "Pending");
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
