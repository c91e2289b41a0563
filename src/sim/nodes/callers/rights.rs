//! What a scheduler has to be allowed, and what the API server says of one that is not.
//! Source: `pkg/scheduler/scheduler.go`, `pkg/scheduler/eventhandlers.go`, and the plugins of the default profile.

use crate::sim::apiserver::auth::{Attributes, ResourceAttributes, Target, User};
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::lease::LEASE;
use crate::sim::nodes::components::settings::Lease;

/// What a scheduler lists before it places anything: API group, plural, and Go's name of the kind.
pub const LISTED: &[(&str, &str, &str)] = &[
    ("", "pods", "*v1.Pod"),
    ("", "nodes", "*v1.Node"),
    ("", "namespaces", "*v1.Namespace"),
    ("", "services", "*v1.Service"),
    ("", "replicationcontrollers", "*v1.ReplicationController"),
    ("apps", "replicasets", "*v1.ReplicaSet"),
    ("apps", "statefulsets", "*v1.StatefulSet"),
    ("policy", "poddisruptionbudgets", "*v1.PodDisruptionBudget"),
    ("", "persistentvolumes", "*v1.PersistentVolume"),
    ("", "persistentvolumeclaims", "*v1.PersistentVolumeClaim"),
    ("storage.k8s.io", "storageclasses", "*v1.StorageClass"),
    ("storage.k8s.io", "csinodes", "*v1.CSINode"),
    ("storage.k8s.io", "csidrivers", "*v1.CSIDriver"),
    ("storage.k8s.io", "csistoragecapacities", "*v1.CSIStorageCapacity"),
    ("storage.k8s.io", "volumeattachments", "*v1.VolumeAttachment"),
    ("resource.k8s.io", "resourceclaims", "*v1.ResourceClaim"),
    ("resource.k8s.io", "resourceslices", "*v1.ResourceSlice"),
    ("resource.k8s.io", "deviceclasses", "*v1.DeviceClass"),
];

/// Whether a user may do something, or the API server's words.
fn may(client: &Client, user: &User, verb: &str, asked: ResourceAttributes) -> Result<(), String> {
    let asked = Attributes { user, verb, target: Target::Resource(asked) };
    let decision = client.server().policy().authorize(&asked);
    if decision.allowed { Ok(()) } else { Err(asked.forbidden(&decision.reason).message) }
}

/// What a scheduler lists and a user may not: Go's name of the kind, and why not.
pub fn unlisted(client: &Client, user: &User) -> Vec<(&'static str, String)> {
    let lists = LISTED.iter().filter_map(|(group, resource, kind)| {
        let asked = ResourceAttributes { group, resource, version: "v1", ..ResourceAttributes::default() };
        may(client, user, "list", asked).err().map(|why| (*kind, why))
    });
    lists.collect()
}

/// Why a user cannot take a lease: what failed, and the API server's words.
pub fn lease_refused(client: &Client, user: &User, lease: &Lease) -> Option<(&'static str, String)> {
    let of = |named: bool, verb: &'static str| {
        let name = if named { lease.name.as_str() } else { "" };
        let (group, namespace) = ("coordination.k8s.io", lease.namespace.as_str());
        let asked = ResourceAttributes { group, resource: "leases", version: "v1", namespace, name, subresource: "" };
        may(client, user, verb, asked)
    };
    let there = client.find(&LEASE, &lease.namespace, &lease.name).is_some();
    if let Err(why) = of(true, "get") {
        return Some(("Error retrieving lease lock", why));
    }
    if let Err(why) = if there { Ok(()) } else { of(false, "create") } {
        return Some(("Error initially creating lease lock", why));
    }
    of(true, "update").err().map(|why| ("Failed to update lock", why))
}
