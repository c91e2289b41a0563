//! The volumes of claims: whether what a claim got can be mounted on the Pod's node, and the kubelet's words when it cannot.
//! Pairing claims with volumes is the controllers'; what containers see of a volume is `mounts.rs`.
//! Source: `pkg/kubelet/volumemanager/populator/desired_state_of_world_populator.go` and
//! `pkg/volume/util/operationexecutor/operation_generator.go`, GenerateMountVolumeFunc.

use serde_json::Value;

use super::host_paths;
use super::kubelet::Sync;
use super::runtime::Runtime;
use crate::object::{claim, meta};
use crate::sim::apiserver::registry::kinds::persistentvolume::PERSISTENTVOLUME;
use crate::sim::apiserver::registry::kinds::persistentvolumeclaim::PERSISTENTVOLUMECLAIM;

/// Why a Pod's volume that is a claim cannot be mounted; nothing of other volumes.
pub fn fault(runtime: &Runtime, sync: &Sync, volume: &Value) -> Option<String> {
    let name = match volume.get("ephemeral") {
        Some(_) => claim::ephemeral_name(sync.pod, volume),
        None => meta::text(volume, "/persistentVolumeClaim/claimName").to_owned(),
    };
    if name.is_empty() {
        return None;
    }
    let (client, namespace) = (&sync.context.client, meta::namespace(sync.pod));
    let Some(claim) = client.find(&PERSISTENTVOLUMECLAIM, namespace, &name) else {
        return Some(format!("persistentvolumeclaim {name:?} not found"));
    };
    if meta::text(&claim, "/status/phase") != "Bound" {
        return Some(format!("error processing PVC {namespace}/{name}: PVC is not bound"));
    }
    if has_begun(&sync.status) {
        return None;
    }
    let persistent = client.find(&PERSISTENTVOLUME, "", meta::text(&claim, "/spec/volumeName"))?;
    of_node(runtime, sync.node(), &persistent)
}

/// Whether a container was made already: what is mounted is not looked at again.
fn has_begun(status: &Value) -> bool {
    let lists = ["/initContainerStatuses", "/containerStatuses"].into_iter();
    lists.flat_map(|list| meta::list(status, list)).any(|container| !meta::text(container, "/containerID").is_empty())
}

/// Why the node has not what a volume stands for. Messages call it by its own name, not by that of the Pod's volume.
fn of_node(runtime: &Runtime, node: &str, persistent: &Value) -> Option<String> {
    if meta::text(persistent, "/spec/volumeMode") == "Block" {
        return None;
    }
    let failed =
        |step: &str, why: String| format!("MountVolume.{step} for volume {:?} : {why}", meta::name(persistent));
    if let Some(host_path) = persistent.pointer("/spec/hostPath") {
        return host_paths::fault(runtime, node, host_path).map(|why| failed("SetUp failed", why));
    }
    let path = persistent.pointer("/spec/local/path")?.as_str()?;
    host_paths::local_fault(runtime, node, path).map(|why| failed("NewMounter initialization failed", why))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_begun_is_mounted() {
        let waits = json!({ "containerStatuses": [{ "state": { "waiting": { "reason": "ContainerCreating" } } }] });
        assert!(!has_begun(&waits) && !has_begun(&json!({})));
        let runs = json!({ "initContainerStatuses": [{ "containerID": "containerd://1" }], "containerStatuses": [{}] });
        assert!(has_begun(&runs));
    }
}
