//! Seccomp profiles of a node's own, which a container names: the runtime reads them from the kubelet's folder.
//! What they let through is not looked at. Source: `pkg/kubelet/kuberuntime/helpers.go`, getSeccompProfile;
//! containerd's `contrib/seccomp/seccomp.go`, WithProfile.

use serde_json::Value;

use super::kubelet::Sync;
use super::mounts;
use super::runtime::Runtime;
use crate::object::meta;

/// Where a kubelet has them.
const FOLDER: &str = "/var/lib/kubelet/seccomp";

/// Why a container cannot be made: its profile is not on the node. A privileged one has none.
pub fn fault(runtime: &Runtime, sync: &Sync, container: &Value) -> Option<String> {
    let profiles = [container, &sync.pod["spec"]].map(|holder| holder.pointer("/securityContext/seccompProfile"));
    let profile = profiles.into_iter().flatten().next().filter(|profile| profile["type"] == "Localhost")?;
    let path = format!("{FOLDER}/{}", meta::text(profile, "/localhostProfile"));
    let is_there = || mounts::of_node(runtime, sync.node(), &path).is_some();
    let why = || {
        format!(
            "failed to create containerd container: cannot load seccomp profile {path:?}: open {path}: no such file or directory"
        )
    };
    (!meta::truth(container, "/securityContext/privileged") && !is_there()).then(why)
}
