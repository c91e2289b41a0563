//! What a new cluster is born with: what the API server makes for itself, what kubeadm adds, and what the practice installs, as data in
//! `assets/cluster`. That it comes to life is the controllers' and the kubelets'.

use std::net::Ipv4Addr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::apiserver::auth::bootstrap_policy;
use super::apiserver::client::Client;
use super::apiserver::endpoints::timestamp;
use super::apiserver::registry::kinds::csinode::CSINODE;
use super::apiserver::registry::kinds::node::NODE;
use super::apiserver::registry::{self, Resource};
use super::apiserver::server::discovery::VERSION;
use super::apiserver::status::{Result, Status};
use super::machine::packages::offers;
use super::nodes::heartbeat::{Plan, RENEW};
use super::nodes::manifests::read;
use crate::object::meta;

/// The range of Pod addresses the practice's clusters are born with: flannel's own.
pub const POD_SUBNET: &str = "10.244.0.0/16";
/// The range of Service addresses and the domain of their names that kubeadm takes where nobody asks for others.
pub const SERVICE_SUBNET: &str = "10.96.0.0/12";
pub const DNS_DOMAIN: &str = "cluster.local";

/// A part of what a new cluster holds, by who puts it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What an API server makes that finds nothing in its etcd.
    ApiServer,
    /// kubeadm's phase `upload-config`.
    UploadConfig,
    /// Its phase `bootstrap-token`, the token itself apart.
    BootstrapToken,
    /// Its phases `addon`.
    CoreDns,
    KubeProxy,
    /// What kubeadm leaves to whoever runs it: a network, volumes, metrics.
    AddOns,
}

/// The manifests of the parts, in the order in which they are applied.
static MANIFESTS: &[(Part, &str)] = &[
    (Part::ApiServer, include_str!("../../assets/cluster/01-namespaces.yaml")),
    (Part::UploadConfig, include_str!("../../assets/cluster/02-kubeadm.yaml")),
    (Part::BootstrapToken, include_str!("../../assets/cluster/02-cluster-info.yaml")),
    (Part::CoreDns, include_str!("../../assets/cluster/03-coredns.yaml")),
    (Part::KubeProxy, include_str!("../../assets/cluster/04-kube-proxy.yaml")),
    (Part::AddOns, include_str!("../../assets/cluster/05-add-ons.yaml")),
    (Part::ApiServer, include_str!("../../assets/cluster/06-api-server.yaml")),
    (Part::AddOns, include_str!("../../assets/cluster/07-metrics-server.yaml")),
];

/// The part a rule of the bootstrap policy belongs to. Source: `cmd/kubeadm/app/phases/{uploadconfig,kubelet,addons,bootstraptoken}`.
fn part_of(rule: &Value) -> Part {
    if rule.pointer("/metadata/labels/kubernetes.io~1bootstrapping").is_some() {
        return Part::ApiServer;
    }
    match meta::name(rule) {
        "kubeadm:kubelet-config" | "kubeadm:nodes-kubeadm-config" | "kubeadm:cluster-admins" => Part::UploadConfig,
        "system:coredns" => Part::CoreDns,
        "kube-proxy" | "kubeadm:node-proxier" => Part::KubeProxy,
        _ => Part::BootstrapToken,
    }
}

/// What is filled into the manifests.
pub struct Words(Vec<(&'static str, String)>);

impl Words {
    /// Those of a cluster of this version whose control plane has this address; `authority` is the certificate of its CA, PEM.
    pub fn new((version, address): (&str, &str), authority: &str, now: jiff::Timestamp) -> Self {
        Self(vec![
            ("$(NOW)", timestamp(now)),
            ("$(VERSION)", version.to_owned()),
            ("$(COREDNS)", offers::parts(version).coredns),
            ("$(ADDRESS)", address.to_owned()),
            // The name by which whoever is on a node reaches the API server.
            ("$(ENDPOINT)", "controlplane:6443".to_owned()),
            ("$(CA_DATA)", STANDARD.encode(authority)),
            ("$(CA)", json!(authority).to_string()),
            ("$(POD_SUBNET)", POD_SUBNET.to_owned()),
            ("$(DNS_DOMAIN)", DNS_DOMAIN.to_owned()),
            ("$(DNS_REPLICAS)", "2".to_owned()),
            ("$(IMAGES)", "registry.k8s.io".to_owned()),
            ("$(DNS_IMAGES)", "registry.k8s.io/coredns".to_owned()),
        ])
        .of_services(SERVICE_SUBNET)
    }

    /// The same with another range of Service addresses: the API server has its first, the DNS its tenth.
    pub fn of_services(mut self, subnet: &str) -> Self {
        let at = |offset: u32| address_in(subnet, offset).map(|address| address.to_string()).unwrap_or_default();
        let words = [("$(SERVICE_SUBNET)", subnet.to_owned()), ("$(API_IP)", at(1)), ("$(DNS_IP)", at(10))];
        self.0.retain(|(word, _)| words.iter().all(|(known, _)| known != word));
        self.0.extend(words);
        self
    }

    /// The same with another value of a word.
    pub fn with(mut self, word: &str, value: &str) -> Self {
        self.0.iter_mut().filter(|(known, _)| *known == word).for_each(|(_, old)| value.clone_into(old));
        self
    }
}

/// The address at a place in a range such as `10.96.0.0/12`. Source: `k8s.io/utils/net`, GetIndexedIP.
pub fn address_in(subnet: &str, offset: u32) -> Option<Ipv4Addr> {
    let (base, bits) = subnet.split_once('/')?;
    let (base, bits) =
        (u32::from(base.parse::<Ipv4Addr>().ok()?), bits.parse::<u32>().ok().filter(|bits| *bits <= 32)?);
    let network = base & u32::MAX.checked_shl(32 - bits).unwrap_or_default();
    (u64::from(offset) < 1 << (32 - bits)).then(|| Ipv4Addr::from(network + offset))
}

/// Makes a part; what is there already stays as it is.
pub fn make(client: &Client, part: Part, words: &Words) -> Result<()> {
    objects(part, words)?.into_iter().try_for_each(|object| create(client, object))
}

/// What a part is made of, in the order in which it is made.
pub fn objects(part: Part, words: &Words) -> Result<Vec<Value>> {
    let mut manifests = MANIFESTS.iter().filter(|(of, _)| *of == part).map(|(_, text)| *text);
    let mut all = Vec::new();
    if part == Part::ApiServer
        && let Some(namespaces) = manifests.next()
    {
        all.extend(read(namespaces, &words.0)?);
    }
    all.extend(bootstrap_policy().into_iter().filter(|rule| part_of(rule) == part));
    for manifest in manifests {
        all.extend(read(manifest, &words.0)?);
    }
    Ok(all)
}

/// Makes an object, or has the one that is there become so, whatever somebody made of it.
/// Source: `cmd/kubeadm/app/util/apiclient/idempotency.go`, CreateOrUpdate.
pub fn put(client: &Client, object: Value) -> Result<()> {
    let resource = resource(&object)?;
    match client.create(resource, object.clone()) {
        Err(status) if status.is_conflict() => client.update(resource, object).map(drop),
        made => made.map(drop),
    }
}

/// Fills an empty cluster. `authority` is the certificate of its CA, PEM.
pub fn fill(client: &Client, plans: &[Plan], authority: &str) -> Result<()> {
    let address = plans.first().map(Plan::address).unwrap_or_default();
    let now = client.clock().now();
    let version = plans.first().map_or_else(|| VERSION.to_owned(), |plan| plan.version.clone());
    let words = Words::new((&version, &address), authority, now);
    make(client, Part::ApiServer, &words)?;
    for plan in plans.iter().filter(|plan| !plan.blank) {
        let node = client.create(&NODE, plan.node(now))?;
        client.create(&CSINODE, plan.csi_node(&node))?;
    }
    for part in [Part::UploadConfig, Part::BootstrapToken, Part::CoreDns, Part::KubeProxy, Part::AddOns] {
        make(client, part, &words)?;
    }
    leases(client, plans.first().map_or("controlplane", |plan| &plan.name))
}

/// The leases by which the parts of the control plane on a machine lead.
pub fn leases(client: &Client, leader: &str) -> Result<()> {
    let now = client.clock().now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
    for component in ["kube-controller-manager", "kube-scheduler"] {
        let holder = format!("{leader}_{}", super::apiserver::endpoints::uuid());
        let spec = json!({ "acquireTime": now, "renewTime": now, "holderIdentity": holder, "leaseDurationSeconds": RENEW.as_secs() + 5, "leaseTransitions": 0 });
        create(
            client,
            json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": component, "namespace": "kube-system" }, "spec": spec }),
        )?;
    }
    Ok(())
}

fn resource(object: &Value) -> Result<&'static Resource> {
    let (version, kind) = (meta::text(object, "/apiVersion"), meta::text(object, "/kind"));
    registry::of_kind(version, kind).ok_or_else(|| Status::internal(format!("{version} {kind} is not served")))
}

fn create(client: &Client, object: Value) -> Result<()> {
    let resource = resource(&object)?;
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
