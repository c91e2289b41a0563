//! NetworkPolicies: whether what a Pod takes or sends is allowed.
//! Source: the API's documentation of `networking.k8s.io/v1`, and upstream's `test/e2e/network/netpol`.

use std::borrow::Borrow;
use std::net::IpAddr;

use serde_json::Value;

use super::answer::Denial;
use super::block;
use crate::object::meta;
use crate::object::selector::LabelSelector;

/// Which way traffic goes, seen from the Pod whose policies are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    fn word(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }

    /// The word in `policyTypes`.
    fn kind(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::Egress => "Egress",
        }
    }

    /// Where a rule names the other end.
    fn peers(self) -> &'static str {
        match self {
            Self::Ingress => "/from",
            Self::Egress => "/to",
        }
    }
}

/// One end of a connection.
#[derive(Clone, Copy)]
pub struct End<'a> {
    /// The Pod, and the labels of its namespace; `None` for nodes, what runs on their network, and all outside.
    pub pod: Option<(&'a Value, &'a Value)>,
    pub address: IpAddr,
}

impl End<'_> {
    /// `Pod shop/web`, or the address.
    pub fn name(&self) -> String {
        self.pod.map_or_else(|| self.address.to_string(), |(pod, _)| named(pod))
    }
}

/// A Pod as sentences name it.
pub fn named(pod: &Value) -> String {
    format!("Pod {}/{}", meta::namespace(pod), meta::name(pod))
}

/// A connection to a port of `to`.
#[derive(Clone, Copy)]
pub struct Flow<'a> {
    pub from: End<'a>,
    pub to: End<'a>,
    pub port: u16,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: &'static str,
}

/// Whether the policies let a connection through, at one of its ends; at most with one denial.
pub fn allows<P: Borrow<Value>>(policies: &[P], flow: &Flow<'_>, direction: Direction) -> Result<(), Denial> {
    let (own, other) = match direction {
        Direction::Ingress => (flow.to, flow.from),
        Direction::Egress => (flow.from, flow.to),
    };
    let Some((pod, _)) = own.pod else { return Ok(()) };
    let selects = |policy: &&P| is_for((*policy).borrow(), direction) && selects((*policy).borrow(), pod);
    let selecting: Vec<&Value> = policies.iter().filter(selects).map(Borrow::borrow).collect();
    let rules = |policy: &Value| meta::list(policy, &format!("/spec/{}", direction.word())).to_vec();
    let allowed = |policy: &&Value| rules(policy).iter().any(|rule| fits(policy, rule, flow, (direction, &other)));
    if selecting.is_empty() || selecting.iter().any(allowed) {
        return Ok(());
    }
    let mut names: Vec<String> =
        selecting.iter().map(|policy| format!("{}/{}", meta::namespace(policy), meta::name(policy))).collect();
    names.sort();
    Err(Denial {
        policies: names,
        pod: named(pod),
        direction: direction.word(),
        no_rules: selecting.iter().all(|policy| rules(policy).is_empty()),
        other: other.name(),
        port: format!("{} port {}", flow.protocol, flow.port),
    })
}

/// Whether a policy is about a direction. Where it does not say, it is about ingress, and about egress when it has rules for it.
fn is_for(policy: &Value, direction: Direction) -> bool {
    match meta::list(policy, "/spec/policyTypes") {
        [] => direction == Direction::Ingress || !meta::list(policy, "/spec/egress").is_empty(),
        types => types.iter().any(|kind| kind == direction.kind()),
    }
}

fn selects(policy: &Value, pod: &Value) -> bool {
    meta::namespace(policy) == meta::namespace(pod)
        && selector(policy.pointer("/spec/podSelector")).matches(meta::map(pod, "/metadata/labels"))
}

/// A selector; what cannot be read selects nothing.
fn selector(selector: Option<&Value>) -> LabelSelector {
    match selector {
        None => LabelSelector::everything(),
        some => LabelSelector::from_object(some).unwrap_or_else(|_| LabelSelector::nothing()),
    }
}

fn fits(policy: &Value, rule: &Value, flow: &Flow<'_>, (direction, other): (Direction, &End<'_>)) -> bool {
    let peers = meta::list(rule, direction.peers());
    let ports = meta::list(rule, "/ports");
    (peers.is_empty() || peers.iter().any(|peer| is_peer(policy, peer, other)))
        && (ports.is_empty() || ports.iter().any(|port| is_port(port, flow)))
}

fn is_peer(policy: &Value, peer: &Value, other: &End<'_>) -> bool {
    if let Some(block) = peer.get("ipBlock") {
        return block::matches(block, other.address);
    }
    let Some((pod, namespace)) = other.pod else { return false };
    let in_namespace = match peer.get("namespaceSelector") {
        Some(wanted) => selector(Some(wanted)).matches(meta::map(namespace, "/metadata/labels")),
        None => meta::namespace(policy) == meta::namespace(pod),
    };
    in_namespace && selector(peer.get("podSelector")).matches(meta::map(pod, "/metadata/labels"))
}

fn is_port(wanted: &Value, flow: &Flow<'_>) -> bool {
    let protocol = Some(meta::text(wanted, "/protocol")).filter(|protocol| !protocol.is_empty()).unwrap_or("TCP");
    let port = i64::from(flow.port);
    protocol == flow.protocol
        && match wanted.get("port") {
            None | Some(Value::Null) => true,
            Some(Value::String(name)) => flow.to.pod.is_some_and(|(pod, _)| has_port(pod, name, protocol, port)),
            Some(first) => {
                let first = first.as_i64().unwrap_or_default();
                (first..=meta::number(wanted, "/endPort").unwrap_or(first)).contains(&port)
            }
        }
}

/// Whether a container's port of this name is that number.
fn has_port(pod: &Value, name: &str, protocol: &str, number: i64) -> bool {
    let containers = meta::list(pod, "/spec/containers").iter().chain(meta::list(pod, "/spec/initContainers"));
    containers.flat_map(|container| meta::list(container, "/ports")).any(|port| {
        let of = Some(meta::text(port, "/protocol")).filter(|of| !of.is_empty()).unwrap_or("TCP");
        meta::text(port, "/name") == name && of == protocol && meta::number(port, "/containerPort") == Some(number)
    })
}
