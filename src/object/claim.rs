//! Claims and volumes: which claims a Pod mounts, and which volume suits a claim.
//! Binding them is the volume controllers', choosing a node for them the scheduler's.
//! Source: `k8s.io/component-helpers/storage/volume/pv_helpers.go`, FindMatchingVolume, and `…/storage/ephemeral`.

use std::sync::Arc;

use serde_json::Value;

use super::meta;
use super::quantity::Quantity;
use super::selector::LabelSelector;

/// The names of the claims a Pod mounts, and whether each is made for its volume alone.
pub fn names(pod: &Value) -> Vec<(String, bool)> {
    let claim = |volume: &Value| match volume.get("ephemeral") {
        Some(_) => Some((ephemeral_name(pod, volume), true)),
        None => {
            let name = meta::text(volume, "/persistentVolumeClaim/claimName");
            (!name.is_empty()).then(|| (name.to_owned(), false))
        }
    };
    meta::list(pod, "/spec/volumes").iter().filter_map(claim).collect()
}

/// The name of the claim for a Pod's ephemeral volume.
pub fn ephemeral_name(pod: &Value, volume: &Value) -> String {
    format!("{}-{}", meta::name(pod), meta::text(volume, "/name"))
}

/// Whether a Pod mounts the claim of this name, its own ephemeral one included.
pub fn is_used(pod: &Value, claim: &str) -> bool {
    names(pod).iter().any(|(name, _)| name == claim)
}

/// Whether a claim is a Pod's own, made for one of its volumes.
pub fn is_of_pod(pod: &Value, claim: &Value) -> bool {
    meta::controller_of(claim).is_some_and(|owner| meta::text(owner, "/uid") == meta::uid(pod))
}

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

/// Why a claim cannot have the volume it names (`pv_controller.go`, checkVolumeSatisfyClaim).
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

/// Among which volumes one is looked for.
#[derive(Default)]
pub struct Search<'a> {
    /// Given away already, by name.
    pub taken: &'a [&'a str],
    /// Which volumes can be reached from the node in question; all when no node is.
    pub reached: Option<&'a dyn Fn(&Value) -> bool>,
    /// Only what was made for the claim: it waits for its first Pod.
    pub delayed: bool,
}

/// The volume made for a claim, else the smallest that suits it.
pub fn matching<'v>(claim: &Value, volumes: &'v [Arc<Value>], search: &Search) -> Option<&'v Arc<Value>> {
    let wanted = request(claim);
    let fits = |volume: &&Arc<Value>| {
        !search.taken.contains(&meta::name(volume))
            && !meta::is_terminating(volume)
            && same_mode(claim, volume)
            && same(claim, volume, "/spec/volumeAttributesClassName", "")
            && capacity(volume) >= wanted
    };
    let reached = |volume: &Value| search.reached.is_none_or(|reached| reached(volume));
    if let Some(reserved) = volumes.iter().filter(fits).find(|volume| is_for(volume, claim)) {
        return reached(reserved).then_some(reserved);
    }
    if search.delayed {
        return None;
    }
    let selector = claim.pointer("/spec/selector").map(|selector| LabelSelector::from_object(Some(selector)));
    let selected = |volume: &Value| match &selector {
        Some(selector) => selector.as_ref().is_ok_and(|selector| selector.selects(volume)),
        None => true,
    };
    let free = |volume: &&Arc<Value>| {
        volume.pointer("/spec/claimRef").is_none()
            && meta::text(volume, "/status/phase") == "Available"
            && class_name(volume) == class_name(claim)
            && has_modes(claim, volume)
            && selected(volume)
            && reached(volume)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn volume(name: &str, size: &str) -> Arc<Value> {
        Arc::new(json!({
            "metadata": { "name": name },
            "spec": { "capacity": { "storage": size }, "accessModes": ["ReadWriteOnce"] },
            "status": { "phase": "Available" },
        }))
    }

    #[test]
    fn the_smallest_that_suits_is_taken_and_a_reserved_one_before_all() {
        let claim = json!({
            "metadata": { "name": "data", "namespace": "default" },
            "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "2Gi" } } },
        });
        let mut volumes = vec![volume("big", "9Gi"), volume("small", "1Gi"), volume("right", "2Gi")];
        let found = |volumes: &[Arc<Value>], search: &Search| {
            matching(&claim, volumes, search).map(|volume| meta::name(volume).to_owned())
        };
        assert_eq!(found(&volumes, &Search::default()).as_deref(), Some("right"));
        assert_eq!(found(&volumes, &Search { taken: &["right"], ..Search::default() }).as_deref(), Some("big"));
        assert_eq!(found(&volumes, &Search { delayed: true, ..Search::default() }), None);
        let far = |volume: &Value| meta::name(volume) != "right";
        assert_eq!(found(&volumes, &Search { reached: Some(&far), ..Search::default() }).as_deref(), Some("big"));
        let mut reserved = (*volume("mine", "3Gi")).clone();
        reserved["spec"]["claimRef"] = json!({ "namespace": "default", "name": "data" });
        volumes.push(Arc::new(reserved));
        assert_eq!(found(&volumes, &Search { delayed: true, ..Search::default() }).as_deref(), Some("mine"));
    }

    #[test]
    fn a_pods_own_claims_carry_its_name() {
        let pod = json!({
            "metadata": { "name": "web" },
            "spec": { "volumes": [{ "name": "a", "persistentVolumeClaim": { "claimName": "c" } }, { "name": "b", "ephemeral": {} }, { "name": "d", "emptyDir": {} }] },
        });
        assert_eq!(names(&pod), [("c".to_owned(), false), ("web-b".to_owned(), true)]);
        assert!(is_used(&pod, "web-b") && !is_used(&pod, "d"));
    }
}
