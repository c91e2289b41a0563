//! Which volume suits a claim. Nodes play no part here: where they do, the scheduler chooses.
//! Source: `k8s.io/component-helpers/storage/volume/pv_helpers.go`, FindMatchingVolume, and `checkVolumeSatisfyClaim`.

use serde_json::Value;

use crate::object::meta;
use crate::object::quantity::Quantity;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::storage::Object;

/// An object's storage class, by the old annotation too; empty when it has none.
pub fn class_name(object: &Value) -> &str {
    meta::annotation(object, "volume.beta.kubernetes.io/storage-class")
        .unwrap_or_else(|| meta::text(object, "/spec/storageClassName"))
}

/// The room a claim asks for.
pub fn request(claim: &Value) -> Quantity {
    size(claim, "/spec/resources/requests/storage")
}

/// The room a volume has.
pub fn capacity(volume: &Value) -> Quantity {
    size(volume, "/spec/capacity/storage")
}

fn size(object: &Value, pointer: &str) -> Quantity {
    object.pointer(pointer).and_then(|size| Quantity::of(size).ok()).unwrap_or_default()
}

/// Whether a volume names this claim as its own, be it by name alone.
pub fn is_for(volume: &Value, claim: &Value) -> bool {
    let Some(reference) = volume.pointer("/spec/claimRef") else { return false };
    let uid = meta::text(reference, "/uid");
    meta::text(reference, "/name") == meta::name(claim)
        && meta::text(reference, "/namespace") == meta::namespace(claim)
        && (uid.is_empty() || uid == meta::uid(claim))
}

/// Why a claim cannot have the volume it names.
pub fn mismatch(claim: &Value, volume: &Value) -> Option<String> {
    if meta::is_terminating(volume) {
        Some(format!("the volume is marked for deletion {:?}", meta::name(volume)))
    } else if capacity(volume) < request(claim) {
        Some("requested PV is too small".to_owned())
    } else if class_name(volume) != class_name(claim) {
        Some("storageClassName does not match".to_owned())
    } else if !same(claim, volume, "/spec/volumeAttributesClassName", "") {
        Some("volumeAttributesClassName does not match".to_owned())
    } else if !same_mode(claim, volume) {
        Some("incompatible volumeMode".to_owned())
    } else if !has_modes(claim, volume) {
        Some("incompatible accessMode".to_owned())
    } else {
        None
    }
}

/// The volume made for a claim, else the smallest that suits it. A claim that is `delayed` gets only what was made for it.
pub fn best<'v>(claim: &Value, volumes: &'v [Object], delayed: bool) -> Option<&'v Object> {
    let wanted = request(claim);
    let fits = |volume: &&Object| {
        !meta::is_terminating(volume)
            && same_mode(claim, volume)
            && same(claim, volume, "/spec/volumeAttributesClassName", "")
            && capacity(volume) >= wanted
    };
    let reserved = volumes.iter().filter(fits).find(|volume| is_for(volume, claim));
    if reserved.is_some() || delayed {
        return reserved;
    }
    let selector = claim.pointer("/spec/selector").map(|selector| LabelSelector::from_object(Some(selector)));
    let selected = |volume: &Value| match &selector {
        Some(selector) => selector.as_ref().is_ok_and(|selector| selector.selects(volume)),
        None => true,
    };
    let free = |volume: &&Object| {
        volume.pointer("/spec/claimRef").is_none()
            && meta::text(volume, "/status/phase") == "Available"
            && class_name(volume) == class_name(claim)
            && has_modes(claim, volume)
            && selected(volume)
    };
    volumes.iter().filter(fits).filter(free).min_by_key(|volume| capacity(volume))
}

/// Whether both are file systems, or both blocks.
pub fn same_mode(claim: &Value, volume: &Value) -> bool {
    same(claim, volume, "/spec/volumeMode", "Filesystem")
}

fn same(claim: &Value, volume: &Value, pointer: &str, default: &str) -> bool {
    let of = |object| Some(meta::text(object, pointer)).filter(|text| !text.is_empty()).unwrap_or(default).to_owned();
    of(claim) == of(volume)
}

fn has_modes(claim: &Value, volume: &Value) -> bool {
    let offered = meta::list(volume, "/spec/accessModes");
    meta::list(claim, "/spec/accessModes").iter().all(|mode| offered.contains(mode))
}
