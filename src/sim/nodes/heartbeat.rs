//! Nodes as their kubelets tell of them: registration, status, and the lease that is renewed while a kubelet runs.
//! What follows when a lease is not renewed is the node lifecycle controller's. Source: `pkg/kubelet/kubelet_node_status.go`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::cordons::Cordons;
use super::present;
use super::runtime::Runtime;
use super::startup::resources;
use crate::base::topology::Topology;
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::endpoints::timestamp;
use crate::sim::apiserver::registry::kinds::csinode::CSINODE;
use crate::sim::apiserver::registry::kinds::lease::LEASE;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::server::discovery::VERSION;
use crate::sim::apiserver::status::Status;
use crate::sim::machine::packages::offers;
use crate::sim::machine::services::KubeletRun;

/// How often a lease is renewed (nodeLeaseDurationSeconds / 4).
pub const RENEW: Duration = Duration::from_secs(10);

/// There is no such release of Kubernetes here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Kubernetes {0} is not simulated")]
pub struct UnknownVersion(String);

/// The release of Kubernetes that a topology asks for, such as `v1.35.4`.
pub fn version(topology: &Topology) -> Result<String, UnknownVersion> {
    match topology.kubernetes.as_str() {
        "" => Ok(VERSION.to_owned()),
        asked => offers::release(asked).ok_or_else(|| UnknownVersion(asked.to_owned())),
    }
}

/// A node to be.
pub struct Plan {
    pub name: String,
    pub control_plane: bool,
    /// Whether it is a machine that has not joined.
    pub blank: bool,
    /// Which node it is: decides its addresses.
    pub index: u8,
    /// The version of its kubelet.
    pub version: String,
}

impl Plan {
    /// `controlplane`, as many workers as asked for, `node01`, `node02`, …, and after them the machines that have not joined.
    pub fn cluster(topology: &Topology) -> Result<Vec<Self>, UnknownVersion> {
        let version = version(topology)?;
        let plan = |name: String, index: u8| Self {
            name,
            control_plane: index == 0,
            blank: index > topology.workers,
            index,
            version: version.clone(),
        };
        let others = (1..=topology.workers + topology.blank).map(|index| plan(format!("node{index:02}"), index));
        Ok(std::iter::once(plan("controlplane".to_owned(), 0)).chain(others).collect())
    }

    /// A machine that comes into a cluster, at its address, with the version of its kubelet.
    pub fn joining((name, address): (&str, &str), version: String) -> Self {
        let last = address.rsplit('.').next().and_then(|last| last.parse::<u8>().ok());
        let index = last.unwrap_or(10).saturating_sub(10);
        Self { name: name.to_owned(), control_plane: false, blank: false, index, version }
    }

    /// The Node as its kubelet registers it; `fault` is why it is not ready.
    pub fn registered(&self, now: jiff::Timestamp, fault: Option<&str>) -> Value {
        let labels = json!({
            "beta.kubernetes.io/arch": "amd64",
            "beta.kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": self.name,
            "kubernetes.io/os": "linux",
        });
        json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": self.name,
                "labels": labels,
                "annotations": {
                    "node.alpha.kubernetes.io/ttl": "0",
                    "volumes.kubernetes.io/controller-managed-attach-detach": "true",
                },
            },
            "spec": {},
            "status": self.status(now, fault),
        })
    }

    /// The Node object as it is after kubeadm, the network and the controllers are done with it.
    pub fn node(&self, now: jiff::Timestamp) -> Value {
        let mut node = self.registered(now, None);
        let cidr = format!("10.244.{}.0/24", self.index);
        node["spec"] = json!({ "podCIDR": cidr, "podCIDRs": [cidr] });
        if self.control_plane {
            mark_control_plane(&mut node, &[control_plane_taint()]);
        }
        meta::set_annotation(&mut node, "flannel.alpha.coreos.com/public-ip", &self.address());
        node
    }

    /// What the kubelet tells of storage drivers: that there are none yet, and which old plugins drivers took over.
    pub fn csi_node(&self, node: &Value) -> Value {
        let plugins = ["aws-ebs", "azure-disk", "azure-file", "cinder", "gce-pd", "portworx-volume", "vsphere-volume"];
        let migrated = plugins.map(|plugin| format!("kubernetes.io/{plugin}")).join(",");
        let owner = json!({ "apiVersion": "v1", "kind": "Node", "name": self.name, "uid": meta::uid(node) });
        let annotations = json!({ "storage.alpha.kubernetes.io/migrated-plugins": migrated });
        json!({
            "metadata": { "name": self.name, "annotations": annotations, "ownerReferences": [owner] },
            "spec": { "drivers": null },
        })
    }

    /// The node's address.
    pub fn address(&self) -> String {
        format!("192.168.56.{}", 10 + u16::from(self.index))
    }

    fn status(&self, now: jiff::Timestamp, fault: Option<&str>) -> Value {
        // A kubelet that is told nothing leaves what each does.
        let resources = resources::told(&Value::Null).unwrap_or_default();
        json!({
            "addresses": [{ "type": "InternalIP", "address": self.address() }, { "type": "Hostname", "address": self.name }],
            "allocatable": resources["allocatable"],
            "capacity": resources["capacity"],
            "conditions": conditions(now, fault),
            "daemonEndpoints": { "kubeletEndpoint": { "Port": 10250 } },
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": crate::sim::apiserver::endpoints::uuid(),
                "containerRuntimeVersion": "containerd://2.1.4",
                "kernelVersion": "6.8.0-71-generic",
                "kubeProxyVersion": "",
                "kubeletVersion": self.version,
                "machineID": crate::sim::apiserver::endpoints::uuid().replace('-', ""),
                "operatingSystem": "linux",
                "osImage": "Ubuntu 24.04.3 LTS",
                "systemUUID": crate::sim::apiserver::endpoints::uuid(),
            },
        })
    }
}

/// The taint of control planes. Source: `cmd/kubeadm/app/constants`, ControlPlaneTaint.
pub fn control_plane_taint() -> Value {
    json!({ "key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule" })
}

/// Marks a Node as a control plane's. Source: `cmd/kubeadm/app/phases/markcontrolplane`.
pub fn mark_control_plane(node: &mut Value, taints: &[Value]) {
    for label in ["node-role.kubernetes.io/control-plane", "node.kubernetes.io/exclude-from-external-load-balancers"] {
        meta::child(meta::child(node, "metadata"), "labels")[label] = json!("");
    }
    let mut all = meta::list(node, "/spec/taints").to_vec();
    all.extend(
        taints
            .iter()
            .filter(|taint| !all.iter().any(|known| known["key"] == taint["key"]))
            .cloned()
            .collect::<Vec<_>>(),
    );
    if !all.is_empty() {
        meta::child(node, "spec")["taints"] = json!(all);
    }
}

/// A kubelet that starts registers its Node, where there is none, with the labels and taints it was told.
pub fn register(client: &Client, runtime: &Runtime, (plan, kubelet): (&Plan, &KubeletRun)) -> Result<(), Status> {
    if client.find(&NODE, "", &plan.name).is_some() {
        return Ok(());
    }
    let fault = runtime.not_ready(&plan.name);
    let mut node = plan.registered(client.clock().now(), fault.as_deref());
    for (key, value) in &kubelet.labels {
        node["metadata"]["labels"][key] = json!(value);
    }
    if !kubelet.taints.is_empty() {
        node["spec"]["taints"] = json!(kubelet.taints);
    }
    let node = client.create(&NODE, node)?;
    match client.create(&CSINODE, plan.csi_node(&node)) {
        Err(status) if !status.is_conflict() => Err(status),
        _ => Ok(()),
    }
}

/// The conditions a kubelet tells; `fault` is why its node is not ready.
pub fn conditions(now: jiff::Timestamp, fault: Option<&str>) -> Value {
    let now = timestamp(now);
    let ready = match fault {
        None => ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        Some(fault) => ("Ready", "False", "KubeletNotReady", fault),
    };
    let told = [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ready,
    ];
    let condition = |(kind, status, reason, message): (&str, &str, &str, &str)| json!({ "type": kind, "status": status, "reason": reason, "message": message, "lastHeartbeatTime": now, "lastTransitionTime": now });
    told.into_iter().map(condition).collect()
}

/// Renews the leases of all nodes whose kubelet works, and has them look at their Nodes, until the task is stopped.
pub async fn run(client: Client, runtime: Arc<Runtime>) {
    let mut cordons = Cordons::default();
    loop {
        beat_all(&client, &runtime);
        cordons.look(&client, &runtime);
        client.clock().sleep(RENEW).await;
    }
}

/// Has every kubelet that works give a sign of life.
pub fn beat_all(client: &Client, runtime: &Runtime) {
    for node in client.list(&NODE, "") {
        if runtime.halt(meta::name(&node)).is_none() {
            beat(client, &node, runtime);
        }
    }
}

fn beat(client: &Client, node: &Value, runtime: &Runtime) {
    let fault = runtime.not_ready(meta::name(node));
    let now = client.clock().now();
    let renewed = now.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
    let name = meta::name(node);
    let written = client.modify(&LEASE, "kube-node-lease", name, |lease| lease["spec"]["renewTime"] = json!(renewed));
    if written.is_err() {
        let owner = json!({ "apiVersion": "v1", "kind": "Node", "name": name, "uid": meta::uid(node) });
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": { "name": name, "namespace": "kube-node-lease", "ownerReferences": [owner] },
            "spec": { "holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": renewed },
        });
        if let Err(status) = client.create(&LEASE, lease) {
            tracing::debug!(node = name, %status, "no lease yet");
        }
    }
    let wanted = if fault.is_none() { "True" } else { "False" };
    let says = |condition: &Value| fault.as_ref().is_none_or(|why| condition["message"] == why.as_str());
    let told = meta::list(node, "/status/conditions")
        .iter()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == wanted && says(condition));
    let images = (!runtime.has_no_containers(name)).then(|| present::told(&runtime.images(client, name)));
    let images = images.filter(|images| *images != node["status"]["images"]);
    if !told || images.is_some() || extended(&node["status"]) != node["status"]["allocatable"] {
        // The kubelet is back, or something has changed: its own conditions count again.
        let back = client.modify_status(&NODE, "", name, |node| {
            if !told {
                node["status"]["conditions"] = conditions(now, fault.as_deref());
            }
            if let Some(images) = &images {
                node["status"]["images"] = images.clone();
            }
            node["status"]["allocatable"] = extended(&node["status"]);
        });
        if let Err(status) = back {
            tracing::debug!(node = name, %status, "status not told");
        }
    }
}

/// What a node has to give, with the resources that somebody wrote into its capacity: all of them may be had, and those that are no longer
/// there may not (`pkg/kubelet/nodestatus/setters.go`, MachineInfo).
fn extended(status: &Value) -> Value {
    let is_extended =
        |name: &str| name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.");
    let mut allocatable = status["allocatable"].clone();
    if let Some(quantities) = allocatable.as_object_mut() {
        quantities.retain(|name, _| !is_extended(name) || status["capacity"].get(name).is_some());
    }
    for (name, quantity) in status["capacity"].as_object().into_iter().flatten().filter(|(name, _)| is_extended(name)) {
        allocatable[name] = quantity.clone();
    }
    allocatable
}

/// A kubelet that starts tells its version, and what its node has.
pub fn tell(client: &Client, (node, version): (&str, &str), resources: Option<&Value>) {
    let told = client.modify_status(&NODE, "", node, |node| {
        node["status"]["nodeInfo"]["kubeletVersion"] = json!(version);
        for list in ["capacity", "allocatable"] {
            let known = resources.and_then(|resources| resources[list].as_object());
            // What somebody else told of stays: devices, and what was added by hand.
            for (name, quantity) in known.into_iter().flatten() {
                meta::child(meta::child(node, "status"), list)[name] = quantity.clone();
            }
        }
    });
    if let Err(status) = told {
        tracing::debug!(node, %status, "version and resources are not told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_wrote_into_a_capacity_can_be_had() {
        let mut status = json!({
            "capacity": { "cpu": "2", "example.com/dongle": "4" },
            "allocatable": { "cpu": "1", "example.com/gone": "1" },
        });
        assert_eq!(extended(&status), json!({ "cpu": "1", "example.com/dongle": "4" }));
        status["capacity"] = json!({ "cpu": "2" });
        assert_eq!(extended(&status), json!({ "cpu": "1" }));
    }
}
