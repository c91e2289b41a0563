//! What a new cluster is born with: namespaces, policy, nodes, and the add-ons kubeadm installs, as data in `assets/cluster`.
//! That they come to life is the controllers' and the kubelets'.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::apiserver::auth::bootstrap_policy;
use super::apiserver::client::Client;
use super::apiserver::endpoints::timestamp;
use super::apiserver::registry;
use super::apiserver::registry::kinds::csinode::CSINODE;
use super::apiserver::registry::kinds::lease::LEASE;
use super::apiserver::registry::kinds::node::NODE;
use super::apiserver::server::discovery::VERSION;
use super::apiserver::status::{Result, Status};
use super::machine::packages::offers;
use super::nodes::heartbeat::{Plan, RENEW};
use super::nodes::manifests::read;

/// The manifests, in the order they are applied.
static MANIFESTS: &[&str] = &[
    include_str!("../../assets/cluster/01-namespaces.yaml"),
    include_str!("../../assets/cluster/02-kubeadm.yaml"),
    include_str!("../../assets/cluster/03-coredns.yaml"),
    include_str!("../../assets/cluster/04-kube-proxy.yaml"),
    include_str!("../../assets/cluster/05-add-ons.yaml"),
    include_str!("../../assets/cluster/06-api-server.yaml"),
    include_str!("../../assets/cluster/07-metrics-server.yaml"),
];

/// Fills an empty cluster. `authority` is the certificate of its CA, PEM.
pub fn fill(client: &Client, plans: &[Plan], authority: &str) -> Result<()> {
    let address = plans.first().map(Plan::address).unwrap_or_default();
    let now = client.clock().now();
    let version = plans.first().map_or_else(|| VERSION.to_owned(), |plan| plan.version.clone());
    let words = [
        ("$(NOW)", timestamp(now)),
        ("$(VERSION)", version.clone()),
        ("$(COREDNS)", offers::parts(&version).coredns),
        ("$(ADDRESS)", address),
        ("$(CA_DATA)", STANDARD.encode(authority)),
        ("$(CA)", json!(authority).to_string()),
    ];
    let mut manifests = MANIFESTS.iter();
    if let Some(namespaces) = manifests.next() {
        apply(client, namespaces, &words)?;
    }
    for rule in bootstrap_policy() {
        create(client, rule)?;
    }
    for plan in plans.iter().filter(|plan| !plan.blank) {
        let node = client.create(&NODE, plan.node(now))?;
        client.create(&CSINODE, plan.csi_node(&node))?;
    }
    for manifest in manifests {
        apply(client, manifest, &words)?;
    }
    leases(client, plans)
}

fn leases(client: &Client, plans: &[Plan]) -> Result<()> {
    let now = client.clock().now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
    let leader = plans.first().map_or("controlplane", |plan| &plan.name);
    for component in ["kube-controller-manager", "kube-scheduler"] {
        let holder = format!("{leader}_{}", super::apiserver::endpoints::uuid());
        let spec = json!({ "acquireTime": now, "renewTime": now, "holderIdentity": holder, "leaseDurationSeconds": RENEW.as_secs() + 5, "leaseTransitions": 0 });
        client
            .create(&LEASE, json!({ "metadata": { "name": component, "namespace": "kube-system" }, "spec": spec }))?;
    }
    Ok(())
}

fn apply(client: &Client, manifest: &str, words: &[(&str, String)]) -> Result<()> {
    read(manifest, words)?.into_iter().try_for_each(|object| create(client, object))
}

fn create(client: &Client, object: Value) -> Result<()> {
    let (version, kind) =
        (object["apiVersion"].as_str().unwrap_or_default(), object["kind"].as_str().unwrap_or_default());
    let resource =
        registry::of_kind(version, kind).ok_or_else(|| Status::internal(format!("{version} {kind} is not served")))?;
    let status = object.get("status").cloned();
    let mut created = match client.create(resource, object) {
        Err(status) if !status.is_conflict() => return Err(status),
        Err(_) => return Ok(()),
        Ok(created) => (*created).clone(),
    };
    // Creation takes no status from anybody.
    if let Some(status) = status.filter(|_| resource.has_status()) {
        created["status"] = status;
        client.update_status(resource, created)?;
    }
    Ok(())
}
