//! The claims of a Pod, and which volumes could be theirs.
//! Binding them is the volume controllers'. Source: `pkg/scheduler/framework/plugins/volumebinding/binder.go`,
//! `k8s.io/component-helpers/storage/volume/pv_helpers.go`.

use serde_json::Value;

use super::node::NodeInfo;
use super::node_affinity;
use crate::object::meta;
use crate::object::quantity::Quantity;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::persistentvolume::PERSISTENTVOLUME;
use crate::sim::apiserver::registry::kinds::persistentvolumeclaim::PERSISTENTVOLUMECLAIM;
use crate::sim::apiserver::registry::kinds::storageclass::STORAGECLASS;
use crate::sim::apiserver::storage::Object;

/// Set on a claim whose volume is to be made for a node.
pub const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// The names of the claims a Pod mounts, and whether each is made for its volume alone.
pub fn names(pod: &Value) -> Vec<(String, bool)> {
    let claim = |volume: &Value| match volume.get("ephemeral") {
        Some(_) => Some((format!("{}-{}", meta::name(pod), meta::text(volume, "/name")), true)),
        None => {
            let name = meta::text(volume, "/persistentVolumeClaim/claimName");
            (!name.is_empty()).then(|| (name.to_owned(), false))
        }
    };
    meta::list(pod, "/spec/volumes").iter().filter_map(claim).collect()
}

/// The claims of a Pod, or why one of them keeps it from every node.
pub fn of(client: &Client, pod: &Value) -> Result<Vec<Object>, String> {
    let mut claims = Vec::new();
    for (name, ephemeral) in names(pod) {
        let Some(claim) = client.find(&PERSISTENTVOLUMECLAIM, meta::namespace(pod), &name) else {
            return Err(if ephemeral {
                format!("waiting for ephemeral volume controller to create the persistentvolumeclaim {name:?}")
            } else {
                format!("persistentvolumeclaim {name:?} not found")
            });
        };
        if meta::text(&claim, "/status/phase") == "Lost" {
            let volume = meta::text(&claim, "/spec/volumeName");
            return Err(format!("persistentvolumeclaim {name:?} bound to non-existent persistentvolume {volume:?}"));
        }
        if meta::is_terminating(&claim) {
            return Err(format!("persistentvolumeclaim {name:?} is being deleted"));
        }
        claims.push(claim);
    }
    Ok(claims)
}

/// Whether a claim has its volume.
pub fn is_bound(claim: &Value) -> bool {
    let told = meta::annotation(claim, "pv.kubernetes.io/bind-completed").is_some();
    !meta::text(claim, "/spec/volumeName").is_empty() && (told || meta::text(claim, "/status/phase") == "Bound")
}

/// A claim's storage class, by the old annotation too.
pub fn class_name(object: &Value) -> &str {
    meta::annotation(object, "volume.beta.kubernetes.io/storage-class")
        .unwrap_or_else(|| meta::text(object, "/spec/storageClassName"))
}

/// The class of a claim, if there is such a one.
pub fn class(client: &Client, claim: &Value) -> Option<Object> {
    client.find(&STORAGECLASS, "", class_name(claim))
}

/// Whether a claim waits for its first Pod before it gets a volume.
pub fn waits(client: &Client, claim: &Value) -> bool {
    let class = class(client, claim);
    class.is_some_and(|class| meta::text(&class, "/volumeBindingMode") == "WaitForFirstConsumer")
}

/// A volume by its name.
pub fn volume(client: &Client, name: &str) -> Option<Object> {
    client.find(&PERSISTENTVOLUME, "", name)
}

/// All volumes.
pub fn volumes(client: &Client) -> Vec<Object> {
    client.list(&PERSISTENTVOLUME, "")
}

/// Whether a volume can be reached from a node.
pub fn reaches(volume: &Value, node: &NodeInfo) -> bool {
    volume.pointer("/spec/nodeAffinity/required").is_none_or(|selector| node_affinity::matches(selector, node))
}

/// The smallest volume that suits a claim on a node and is none of `taken`.
pub fn matching<'v>(claim: &Value, volumes: &'v [Object], node: &NodeInfo, taken: &[&str]) -> Option<&'v Object> {
    let wanted = claim.pointer("/spec/resources/requests/storage").and_then(|size| Quantity::of(size).ok());
    let wanted = wanted.unwrap_or(Quantity::ZERO);
    let selector = claim.pointer("/spec/selector").map(|selector| LabelSelector::from_object(Some(selector)));
    let mut best: Option<(Quantity, &Object)> = None;
    for volume in volumes.iter().filter(|volume| !taken.contains(&meta::name(volume))) {
        let size = volume.pointer("/spec/capacity/storage").and_then(|size| Quantity::of(size).ok());
        let Some(size) = size.filter(|size| *size >= wanted) else { continue };
        let same = |key: &str, default: &str| {
            let of = |object| Some(meta::text(object, key)).filter(|text| !text.is_empty()).unwrap_or(default);
            of(claim) == of(volume)
        };
        let of_claim = is_for(volume, claim);
        if (volume.pointer("/spec/claimRef").is_some() && !of_claim)
            || meta::is_terminating(volume)
            || !same("/spec/volumeMode", "Filesystem")
            || !same("/spec/volumeAttributesClassName", "")
        {
            continue;
        }
        if of_claim {
            return reaches(volume, node).then_some(volume);
        }
        let suits = meta::text(volume, "/status/phase") == "Available"
            && selector
                .as_ref()
                .is_none_or(|selector| selector.as_ref().is_ok_and(|selector| selector.selects(volume)))
            && class_name(volume) == class_name(claim)
            && has_modes(claim, volume)
            && reaches(volume, node);
        if suits && best.is_none_or(|(smallest, _)| size < smallest) {
            best = Some((size, volume));
        }
    }
    best.map(|(_, volume)| volume)
}

fn is_for(volume: &Value, claim: &Value) -> bool {
    let reference = |key: &str| meta::text(volume, &format!("/spec/claimRef/{key}"));
    let uid = reference("uid");
    reference("name") == meta::name(claim)
        && reference("namespace") == meta::namespace(claim)
        && (uid.is_empty() || uid == meta::uid(claim))
}

fn has_modes(claim: &Value, volume: &Value) -> bool {
    let offered = meta::list(volume, "/spec/accessModes");
    meta::list(claim, "/spec/accessModes").iter().all(|mode| offered.contains(mode))
}
