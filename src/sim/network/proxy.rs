//! kube-proxy: what is behind an address and port of a Service.
//! Source: `pkg/proxy/iptables/proxier.go` and `pkg/proxy/topology.go`.

use std::net::IpAddr;

use serde_json::Value;

use super::answer::Why;
use super::reach::Protocol;
use crate::object::meta;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::endpointslice::ENDPOINTSLICE;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::registry::kinds::service::SERVICE;
use crate::sim::apiserver::storage::Object;

/// An endpoint traffic may go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub address: IpAddr,
    pub port: u16,
    /// The node it is on, where that is known.
    pub node: String,
}

/// How a Service was met.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Door {
    /// By its own address.
    Cluster,
    /// By a load balancer's or an external address.
    External,
    /// By a port of this node.
    Node(String),
}

/// Where a packet goes that kube-proxy knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    pub endpoints: Vec<Endpoint>,
    /// The node whose address the endpoint sees as the sender; `None` when it sees the sender's own.
    pub masked_by: Option<String>,
    /// Whether a client always gets the same endpoint.
    pub sticks: bool,
}

/// A Service as sentences name it.
fn named(service: &Value) -> String {
    format!("{}/{}", meta::namespace(service), meta::name(service))
}

/// A node's address within the cluster.
pub fn address_of(node: &Value) -> Option<IpAddr> {
    let addresses = meta::list(node, "/status/addresses").iter();
    let mut inner = addresses.filter(|address| address["type"] == "InternalIP");
    meta::text(inner.next()?, "/address").parse().ok()
}

/// Whether an address is a node's.
pub fn is_node(client: &Client, address: IpAddr) -> bool {
    client.list(&NODE, "").iter().any(|node| address_of(node) == Some(address))
}

/// Whether kube-proxy works on a node: one of its Pods there is ready, and does what it is for.
fn works_on(client: &Client, node: &str, idle: &dyn Fn(&Object) -> bool) -> bool {
    let Ok(proxies) = LabelSelector::parse("k8s-app=kube-proxy") else { return false };
    let pods = client.select(&POD, "kube-system", &proxies);
    pods.iter().any(|pod| meta::text(pod, "/spec/nodeName") == node && is_ready(pod) && !idle(pod))
}

/// Whether a Pod is ready.
pub fn is_ready(pod: &Value) -> bool {
    meta::list(pod, "/status/conditions")
        .iter()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// Where kube-proxy on `node` sends what goes to an address and port; `None` when that is no Service's. `idle` tells which Pods run and do nothing.
pub fn forward(
    (client, idle): (&Client, &dyn Fn(&Object) -> bool),
    node: &str,
    (address, port, protocol): (IpAddr, u16, Protocol),
) -> Option<Result<Forward, Why>> {
    let (service, door, wanted) = find(client, address, port, protocol)?;
    // A port of another node is that node's to forward.
    let at = if let Door::Node(other) = &door { other.as_str() } else { node };
    if !works_on(client, at, idle) {
        return Some(Err(Why::NoProxy { node: at.to_owned() }));
    }
    let Some(wanted) = wanted else {
        let has = meta::list(&service, "/spec/ports").iter().filter_map(|port| meta::number(port, "/port")).collect();
        return Some(Err(Why::NoSuchPort { service: named(&service), port, has }));
    };
    Some(chosen(client, (&service, &wanted), (node, at), &door))
}

/// The Service of an address, with the port that is meant if it has it.
fn find(client: &Client, address: IpAddr, port: u16, protocol: Protocol) -> Option<(Object, Door, Option<Value>)> {
    let text = address.to_string();
    let nodes = client.list(&NODE, "");
    let node = nodes.iter().find(|node| address_of(node) == Some(address)).map(|node| meta::name(node).to_owned());
    for service in client.list(&SERVICE, "") {
        let is_here = |list: &str| meta::list(&service, list).iter().any(|known| known == text.as_str());
        let balanced = meta::list(&service, "/status/loadBalancer/ingress")
            .iter()
            .any(|ingress| ingress["ip"] == text.as_str() && ingress["ipMode"] != "Proxy");
        let door = match &node {
            _ if is_here("/spec/clusterIPs") => Door::Cluster,
            _ if balanced || is_here("/spec/externalIPs") => Door::External,
            Some(node) => Door::Node(node.clone()),
            None => continue,
        };
        let key = if matches!(door, Door::Node(_)) { "/nodePort" } else { "/port" };
        let is_meant = |known: &&Value| {
            meta::number(known, key) == Some(i64::from(port)) && meta::text(known, "/protocol") == protocol.word()
        };
        let wanted = meta::list(&service, "/spec/ports").iter().find(is_meant).cloned();
        // What a node has on its own ports is no matter of Services.
        if wanted.is_some() || !matches!(door, Door::Node(_)) {
            return Some((service, door, wanted));
        }
    }
    None
}

fn chosen(
    client: &Client,
    (service, port): (&Value, &Value),
    (caller, at): (&str, &str),
    door: &Door,
) -> Result<Forward, Why> {
    let all = endpoints(client, service, port);
    if all.is_empty() {
        return Err(Why::NoEndpoints { service: named(service) });
    }
    let key = if *door == Door::Cluster { "/spec/internalTrafficPolicy" } else { "/spec/externalTrafficPolicy" };
    // From inside the cluster, a policy about traffic from outside does not bind what comes through the caller's own node.
    let is_inner = *door == Door::External || (*door != Door::Cluster && caller == at);
    let local = meta::text(service, key) == "Local" && !is_inner;
    let masked_by = (*door != Door::Cluster && !is_inner && !local).then(|| at.to_owned());
    let sticks = meta::text(service, "/spec/sessionAffinity") == "ClientIP";
    if !local {
        return Ok(Forward { endpoints: all, masked_by, sticks });
    }
    let near: Vec<Endpoint> = all.into_iter().filter(|endpoint| endpoint.node == at).collect();
    if near.is_empty() {
        return Err(Why::NoLocalEndpoints { service: named(service), node: at.to_owned() });
    }
    Ok(Forward { endpoints: near, masked_by, sticks })
}

/// The endpoints of a Service's port that may be chosen: the ready ones, or those still serving while they end.
pub fn endpoints(client: &Client, service: &Value, port: &Value) -> Vec<Endpoint> {
    let (mut ready, mut ending) = (Vec::new(), Vec::new());
    for slice in slices(client, service) {
        let name = meta::text(port, "/name");
        let number = meta::list(&slice, "/ports").iter().find(|known| meta::text(known, "/name") == name);
        let number = number.and_then(|known| meta::number(known, "/port")).and_then(|port| u16::try_from(port).ok());
        let Some(number) = number else { continue };
        for endpoint in meta::list(&slice, "/endpoints") {
            let Some(Ok(address)) = meta::list(endpoint, "/addresses").first().and_then(Value::as_str).map(str::parse)
            else {
                continue;
            };
            let found = Endpoint { address, port: number, node: meta::text(endpoint, "/nodeName").to_owned() };
            let says = |key: &str| endpoint["conditions"][key].as_bool();
            if says("ready").unwrap_or(true) {
                ready.push(found);
            } else if says("serving") == Some(true) && says("terminating") == Some(true) {
                ending.push(found);
            }
        }
    }
    if ready.is_empty() { ending } else { ready }
}

/// The slices of a Service.
pub fn slices(client: &Client, service: &Value) -> Vec<Object> {
    let query = format!("kubernetes.io/service-name={}", meta::name(service));
    LabelSelector::parse(&query)
        .map(|query| client.select(&ENDPOINTSLICE, meta::namespace(service), &query))
        .unwrap_or_default()
}
