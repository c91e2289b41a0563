//! VolumeAttachment: a volume on a node. Nothing here attaches.
//! Source: `pkg/registry/storage/volumeattachment/strategy.go`, `pkg/apis/storage/validation/validation.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::{At, go};
use super::cells;
use super::check;
use super::filling::reset_status;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, Column, NAME, Resource, STATUS, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `storage.k8s.io/v1 VolumeAttachment`.
pub static VOLUMEATTACHMENT: Resource = Resource {
    group: "storage.k8s.io",
    version: "v1",
    kind: "VolumeAttachment",
    plural: "volumeattachments",
    singular: "volumeattachment",
    short_names: &[],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy {
        prepare_create: |attachment| reset_status(attachment, json!({ "attached": false })),
        validate,
        validate_update: |new, old, errors| {
            if new["spec"] != old["spec"] {
                errors.immutable("spec", shown(&new["spec"]));
            }
        },
        unconditional_update: false,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[
            NAME,
            Column { name: "Attacher", kind: "string", format: "name", priority: 0 },
            column("PV"),
            column("Node"),
            cells::boolean("Attached"),
            AGE,
        ],
        row,
    },
    stored_as: None,
};

fn row(attachment: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        cells::name(attachment),
        cells::text(attachment, "/spec/attacher"),
        cells::text(attachment, "/spec/source/persistentVolumeName"),
        cells::text(attachment, "/spec/nodeName"),
        json!(meta::truth(attachment, "/status/attached")),
        age(attachment, now),
    ]
}

/// A spec as Go writes it, but for a volume that stands in it.
fn shown(spec: &Value) -> Value {
    let source = [("PersistentVolumeName", "persistentVolumeName"), ("InlineVolumeSpec", "inlineVolumeSpec")];
    json!({ "Attacher": spec["attacher"], "Source": go(&spec["source"], &source), "NodeName": spec["nodeName"] })
}

fn validate(attachment: &Value, errors: &mut ErrorList) {
    let root = At::root(attachment);
    let spec = root.key("spec");
    let (attacher, source) = (spec.key("attacher"), spec.key("source"));
    if attacher.is_empty() {
        attacher.required(errors);
    }
    let (inline, name) = (source.key("inlineVolumeSpec"), source.key("persistentVolumeName"));
    match (inline.is_set(), name.is_set()) {
        (false, false) => {
            source.required_because("must specify exactly one of inlineVolumeSpec and persistentVolumeName", errors);
        }
        (true, true) => {
            source.forbidden("must specify exactly one of inlineVolumeSpec and persistentVolumeName", errors)
        }
        (false, true) if name.is_empty() => {
            name.required_because("must specify non empty persistentVolumeName", errors)
        }
        _ => {}
    }
    check::subdomain(spec.key("nodeName"), errors);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_attached_stays() {
        let source = json!({ "persistentVolumeName": "pv" });
        let old = json!({ "spec": { "attacher": "a.example.com", "nodeName": "n1", "source": source } });
        let mut new = old.clone();
        new["spec"]["nodeName"] = json!("n2");
        let mut errors = ErrorList::default();
        (VOLUMEATTACHMENT.strategy.validate_update)(&new, &old, &mut errors);
        let told = "spec: Invalid value: {\"Attacher\":\"a.example.com\",\"Source\":{\"PersistentVolumeName\":\"pv\",\"InlineVolumeSpec\":null},\"NodeName\":\"n2\"}: field is immutable";
        assert_eq!(errors.sentence(), told);
    }
}
