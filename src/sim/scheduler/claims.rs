//! The claims of a Pod, and which volumes could be theirs.
//! Binding them is the volume controllers'. Source: `pkg/scheduler/framework/plugins/volumebinding/binder.go`,
//! `k8s.io/component-helpers/storage/volume/pv_helpers.go`.

use serde_json::Value;

use super::happened::{About, Happened};
use super::node::NodeInfo;
use super::node_affinity;
use super::pod::PodInfo;
use crate::object::claim::{self, Search};
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::persistentvolume::PERSISTENTVOLUME;
use crate::sim::apiserver::registry::kinds::persistentvolumeclaim::PERSISTENTVOLUMECLAIM;
use crate::sim::apiserver::registry::kinds::storageclass::STORAGECLASS;
use crate::sim::apiserver::storage::Object;

/// Set on a claim whose volume is to be made for a node.
pub const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// Whether what happened is about a claim the Pod mounts; what is not about a claim is not judged.
pub fn may_be_of(pod: &PodInfo, happened: &Happened) -> bool {
    match &happened.about {
        About::Claim(claim) => {
            meta::namespace(claim) == pod.namespace()
                && claim::names(&pod.object).iter().any(|(name, _)| name == meta::name(claim))
        }
        _ => true,
    }
}

/// The claims of a Pod, or why one of them keeps it from every node.
pub fn of(client: &Client, pod: &Value) -> Result<Vec<Object>, String> {
    let mut claims = Vec::new();
    for (name, ephemeral) in claim::names(pod) {
        let Some(found) = client.find(&PERSISTENTVOLUMECLAIM, meta::namespace(pod), &name) else {
            return Err(if ephemeral {
                format!("waiting for ephemeral volume controller to create the persistentvolumeclaim {name:?}")
            } else {
                format!("persistentvolumeclaim {name:?} not found")
            });
        };
        if ephemeral && !claim::is_of_pod(pod, &found) {
            let (namespace, pod) = (meta::namespace(pod), meta::name(pod));
            return Err(format!("PVC {namespace}/{name} was not created for pod {namespace}/{pod} (pod is not owner)"));
        }
        if meta::text(&found, "/status/phase") == "Lost" {
            let volume = meta::text(&found, "/spec/volumeName");
            return Err(format!("persistentvolumeclaim {name:?} bound to non-existent persistentvolume {volume:?}"));
        }
        if meta::is_terminating(&found) {
            return Err(format!("persistentvolumeclaim {name:?} is being deleted"));
        }
        claims.push(found);
    }
    Ok(claims)
}

/// Whether a claim has its volume.
pub fn is_bound(claim: &Value) -> bool {
    let told = meta::annotation(claim, "pv.kubernetes.io/bind-completed").is_some();
    !meta::text(claim, "/spec/volumeName").is_empty() && (told || meta::text(claim, "/status/phase") == "Bound")
}

/// The class of a claim, if there is such a one.
pub fn class(client: &Client, claim: &Value) -> Option<Object> {
    client.find(&STORAGECLASS, "", claim::class_name(claim))
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
    let reached = |volume: &Value| reaches(volume, node);
    claim::matching(claim, volumes, &Search { taken, reached: Some(&reached), delayed: false })
}
