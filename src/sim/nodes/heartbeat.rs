//! Nodes as their kubelets tell of them: registration, status, and the lease that is renewed while a kubelet runs.
//! What follows when a lease is not renewed is the node lifecycle controller's. Source: `pkg/kubelet/kubelet_node_status.go`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::runtime::Runtime;
use crate::base::topology::Topology;
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::endpoints::timestamp;
use crate::sim::apiserver::registry::kinds::lease::LEASE;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::server::discovery::VERSION;
use crate::sim::machine::packages::offers;

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

    /// The Node object as it is after kubeadm and the controllers are done with it.
    pub fn node(&self, now: jiff::Timestamp) -> Value {
        let mut labels = json!({
            "beta.kubernetes.io/arch": "amd64",
            "beta.kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": self.name,
            "kubernetes.io/os": "linux",
        });
        let cidr = format!("10.244.{}.0/24", self.index);
        let mut spec = json!({ "podCIDR": cidr, "podCIDRs": [cidr] });
        if self.control_plane {
            labels["node-role.kubernetes.io/control-plane"] = json!("");
            labels["node.kubernetes.io/exclude-from-external-load-balancers"] = json!("");
            spec["taints"] = json!([{ "key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule" }]);
        }
        json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": self.name,
                "labels": labels,
                "annotations": {
                    "flannel.alpha.coreos.com/public-ip": self.address(),
                    "node.alpha.kubernetes.io/ttl": "0",
                    "volumes.kubernetes.io/controller-managed-attach-detach": "true",
                },
            },
            "spec": spec,
            "status": self.status(now),
        })
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

    fn status(&self, now: jiff::Timestamp) -> Value {
        let resources = |cpu: &str, memory: &str, storage: &str| json!({ "cpu": cpu, "ephemeral-storage": storage, "hugepages-1Gi": "0", "hugepages-2Mi": "0", "memory": memory, "pods": "110" });
        json!({
            "addresses": [{ "type": "InternalIP", "address": self.address() }, { "type": "Hostname", "address": self.name }],
            "allocatable": resources("2", "3913344Ki", "18698430040"),
            "capacity": resources("2", "4015744Ki", "20288444Ki"),
            "conditions": conditions(now, None),
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

/// Renews the leases of all nodes whose kubelet works, until the task is stopped.
pub async fn run(client: Client, runtime: Arc<Runtime>) {
    loop {
        beat_all(&client, &runtime);
        client.clock().sleep(RENEW).await;
    }
}

/// Has every kubelet that works give a sign of life.
pub fn beat_all(client: &Client, runtime: &Runtime) {
    for node in client.list(&NODE, "") {
        if runtime.halt(meta::name(&node)).is_none() {
            beat(client, &node, runtime.not_ready(meta::name(&node)).as_deref());
        }
    }
}

fn beat(client: &Client, node: &Value, fault: Option<&str>) {
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
    let told = meta::list(node, "/status/conditions")
        .iter()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == wanted);
    if !told {
        // The kubelet is back, or something has changed: its own conditions count again.
        let back = client.modify_status(&NODE, "", name, |node| node["status"]["conditions"] = conditions(now, fault));
        if let Err(status) = back {
            tracing::debug!(node = name, %status, "status not told");
        }
    }
}

/// A kubelet that starts tells its version.
pub fn tell_version(client: &Client, (node, version): (&str, &str)) {
    let told = client.modify_status(&NODE, "", node, |node| {
        node["status"]["nodeInfo"]["kubeletVersion"] = json!(version);
    });
    if let Err(status) = told {
        tracing::debug!(node, %status, "version not told");
    }
}
