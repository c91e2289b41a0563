//! Whether a Pod reaches an address: kube-proxy, the policies of both ends, and what listens there.
//! Names are looked up in `view.rs`; what a program makes of the answer is its own.

use std::net::IpAddr;
use std::sync::Weak;

use serde_json::{Value, json};

use super::answer::{Reply, Request, Why};
use super::policy::{self, Direction, End, Flow};
use super::proxy::{self, Endpoint};
use super::{ingress, outside};
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::namespace::NAMESPACE;
use crate::sim::apiserver::registry::kinds::networkpolicy::NETWORKPOLICY;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::storage::Object;

/// What listens in Pods.
pub trait Sockets: Send + Sync {
    /// A number that is another each time: whose turn it is among several.
    fn turn(&self) -> usize;
    /// The ports on which something listens.
    fn open(&self, pod: &Object) -> Vec<u16>;
    /// The answer to a GET; an error is what was said instead, by something that does not speak HTTP.
    fn get(&self, pod: &Object, port: u16, request: &Request) -> Result<Reply, String>;
}

/// How ports are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    /// The word in objects.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}

/// Who asks: a Pod as it is now.
#[derive(Clone, Debug)]
pub struct Caller {
    pub pod: Object,
    pub address: IpAddr,
    /// The node it is on.
    pub node: String,
}

impl Caller {
    fn on_host(&self) -> bool {
        meta::truth(&self.pod, "/spec/hostNetwork")
    }
}

/// Where a connection ends: an address and port behind which nothing is forwarded any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub address: IpAddr,
    pub port: u16,
    /// The Pod that has it, or is to be asked there.
    pub pod: Option<Object>,
    /// The node whose address the other end sees as the sender.
    masked_by: Option<String>,
}

/// The cluster's network.
pub struct Network {
    pub(super) client: Client,
    sockets: Weak<dyn Sockets>,
}

impl Network {
    /// Over the objects `client` reaches and what listens in their Pods.
    pub fn new(client: Client, sockets: Weak<dyn Sockets>) -> Self {
        Self { client, sockets }
    }

    /// The Pod that asks, as it is now; with this address while its status does not tell one.
    pub fn caller(&self, namespace: &str, name: &str, known: Option<IpAddr>) -> Result<Caller, Why> {
        let missing = || Why::NoCaller(format!("Pod {namespace}/{name}"));
        let pod = self.client.find(&POD, namespace, name).ok_or_else(missing)?;
        let address = meta::text(&pod, "/status/podIP").parse().ok().or(known).ok_or_else(missing)?;
        let node = meta::text(&pod, "/spec/nodeName").to_owned();
        Ok(Caller { pod, address, node })
    }

    /// One of several, each in its turn.
    pub fn choose<T: Clone>(&self, among: &[T]) -> Option<T> {
        let turn = self.sockets.upgrade()?.turn();
        among.get(turn.checked_rem(among.len())?).cloned()
    }

    /// The ends that a connection to an address and port may have.
    pub fn targets(&self, caller: &Caller, place: (IpAddr, u16, Protocol)) -> Result<Vec<Target>, Why> {
        let (address, port, _) = place;
        if address.is_loopback() || (address == caller.address && !caller.on_host()) {
            return Ok(vec![Target { address, port, pod: Some(self.own(caller, port)), masked_by: None }]);
        }
        match proxy::forward(&self.client, &caller.node, place) {
            Some(forward) => {
                let forward = forward?;
                let each = forward
                    .endpoints
                    .iter()
                    .map(|end| Target { masked_by: forward.masked_by.clone(), ..self.at(end.address, end.port) });
                let mut all: Vec<Target> = each.collect();
                if forward.sticks && !all.is_empty() {
                    // A client that sticks goes where it went.
                    let place = caller.address.to_string().bytes().map(usize::from).sum::<usize>() % all.len();
                    all = vec![all.swap_remove(place)];
                }
                Ok(all)
            }
            None => Ok(vec![self.at(address, port)]),
        }
    }

    /// The Pod that is behind the caller's own loopback device: itself, or, on a node's network, whoever listens there.
    fn own(&self, caller: &Caller, port: u16) -> Object {
        if caller.on_host()
            && let Some(pod) = self.on_node(&caller.node).into_iter().find(|pod| self.listens(pod, port))
        {
            return pod;
        }
        caller.pod.clone()
    }

    /// The running Pods on a node's own network.
    fn on_node(&self, node: &str) -> Vec<Object> {
        let mut pods = self.client.list(&POD, "");
        pods.retain(|pod| {
            meta::text(pod, "/spec/nodeName") == node && meta::truth(pod, "/spec/hostNetwork") && runs(pod)
        });
        pods
    }

    /// Who has an address.
    fn at(&self, address: IpAddr, port: u16) -> Target {
        let text = address.to_string();
        let pods = self.client.list(&POD, "");
        let plain = pods.iter().find(|pod| {
            meta::text(pod, "/status/podIP") == text && !meta::truth(pod, "/spec/hostNetwork") && runs(pod)
        });
        if let Some(pod) = plain {
            return Target { address, port, pod: Some(pod.clone()), masked_by: None };
        }
        let nodes = self.client.list(&NODE, "");
        let Some(node) = nodes.iter().find(|node| proxy::address_of(node) == Some(address)) else {
            return Target { address, port, pod: None, masked_by: None };
        };
        let on_node = self.on_node(meta::name(node));
        let listening = on_node.iter().find(|pod| self.listens(pod, port));
        if let Some(pod) = listening {
            return Target { address, port, pod: Some(pod.clone()), masked_by: None };
        }
        let hosted = pods.iter().filter(|pod| meta::text(pod, "/spec/nodeName") == meta::name(node) && runs(pod));
        let hosted = hosted.filter_map(|pod| Some((pod, host_port(pod, port)?)));
        match hosted.into_iter().next() {
            Some((pod, inner)) => {
                let masked_by = Some(meta::name(node).to_owned());
                let address = meta::text(pod, "/status/podIP").parse().unwrap_or(address);
                Target { address, port: inner, pod: Some(pod.clone()), masked_by }
            }
            None => Target { address, port, pod: None, masked_by: None },
        }
    }

    fn open(&self, pod: &Object) -> Vec<u16> {
        self.sockets.upgrade().map(|sockets| sockets.open(pod)).unwrap_or_default()
    }

    fn listens(&self, pod: &Object, port: u16) -> bool {
        self.open(pod).contains(&port)
    }

    /// Whether the caller may talk to the target and somebody listens there.
    pub fn knock(&self, caller: &Caller, target: &Target, protocol: Protocol) -> Result<(), Why> {
        let same = target.pod.as_ref().is_some_and(|pod| meta::uid(pod) == meta::uid(&caller.pod));
        if !same {
            self.pass(caller, target, protocol)?;
        }
        let Some(pod) = &target.pod else { return self.elsewhere(target) };
        let open = self.open(pod);
        if open.contains(&target.port) {
            return Ok(());
        }
        Err(Why::Closed { who: policy::named(pod), port: target.port, open })
    }

    /// What becomes of a connection to an address that no Pod has.
    fn elsewhere(&self, target: &Target) -> Result<(), Why> {
        let nodes = self.client.list(&NODE, "");
        if let Some(node) = nodes.iter().find(|node| proxy::address_of(node) == Some(target.address)) {
            let kubelet = target.port == KUBELET;
            let who = format!("node {}", meta::name(node));
            return if kubelet { Ok(()) } else { Err(Why::Closed { who, port: target.port, open: Vec::new() }) };
        }
        if outside::listens(target.address, target.port) { Ok(()) } else { Err(Why::Nobody(target.address)) }
    }

    /// The policies of both ends.
    pub fn pass(&self, caller: &Caller, target: &Target, protocol: Protocol) -> Result<(), Why> {
        let policies = self.client.list(&NETWORKPOLICY, "");
        if policies.is_empty() {
            return Ok(());
        }
        let labels = |pod: &Value| self.client.find(&NAMESPACE, "", meta::namespace(pod)).unwrap_or_default();
        let (own, other) = (labels(&caller.pod), target.pod.as_ref().map(|pod| labels(pod)).unwrap_or_default());
        // What runs on a node's network is no Pod to a policy.
        let plain = |pod: &&Object| !meta::truth(pod, "/spec/hostNetwork");
        let to_pod = target.pod.as_ref().filter(plain).map(|pod| (&**pod, &*other));
        let from_pod = Some(&caller.pod).filter(plain).map(|pod| (&**pod, &*own));
        let from = End { pod: from_pod, address: caller.address };
        let flow = Flow {
            from,
            to: End { pod: to_pod, address: target.address },
            port: target.port,
            protocol: protocol.word(),
        };
        policy::allows(&policies, &flow, Direction::Egress).map_err(Why::Denied)?;
        // Who takes it in sees a node where the sender was replaced by one.
        let sender = match &target.masked_by {
            Some(node) => {
                let address = self.client.find(&NODE, "", node).and_then(|node| proxy::address_of(&node));
                End { pod: None, address: address.unwrap_or(caller.address) }
            }
            None => from,
        };
        let node = target.masked_by.as_ref().or(from_pod.is_none().then_some(&caller.node));
        let is_own_node =
            to_pod.is_some_and(|(pod, _)| node.is_some_and(|node| meta::text(pod, "/spec/nodeName") == node));
        // A node always reaches its own Pods.
        if is_own_node {
            return Ok(());
        }
        policy::allows(&policies, &Flow { from: sender, ..flow }, Direction::Ingress).map_err(Why::Denied)
    }

    /// Asks a target for an answer over HTTP.
    pub fn get(&self, caller: &Caller, target: &Target, request: &Request) -> Result<Reply, Why> {
        self.knock(caller, target, Protocol::Tcp)?;
        let Some(pod) = &target.pod else {
            let inside = target.port == KUBELET;
            return Ok(if inside { unauthorized() } else { outside::answer(request) });
        };
        let secured = is_secured(pod, target.port);
        if request.tls != secured {
            return plain_and_secured(pod, request, target.port);
        }
        if is_server(pod) {
            return Ok(forbidden(&request.path));
        }
        if ingress::is_controller(pod) && matches!(target.port, 80 | 443) {
            return self.through(pod, request);
        }
        let sockets = self.sockets.upgrade().ok_or(Why::Nobody(target.address))?;
        let strange = |said| Why::Strange { who: policy::named(pod), said };
        sockets.get(pod, target.port, request).map_err(strange)
    }

    /// Whether an address answers a ping. A Service's does not.
    pub fn echo(&self, caller: &Caller, address: IpAddr) -> Result<(), Why> {
        let target = self.at(address, 0);
        let is_node = self.client.list(&NODE, "").iter().any(|node| proxy::address_of(node) == Some(address));
        if target.pod.is_none() && !is_node && !outside::is_there(address) {
            return Err(Why::Nobody(address));
        }
        // Policies speak of ports; ICMP passes where some rule allows every port, which port 0 is only part of.
        self.pass(caller, &target, Protocol::Tcp)
    }

    /// What an Ingress controller's Pod answers.
    fn through(&self, pod: &Object, request: &Request) -> Result<Reply, Why> {
        let (endpoints, path) = match ingress::step(&self.client, pod, request) {
            ingress::Step::Answer(reply) => return Ok(reply),
            ingress::Step::Forward(endpoints, path) => (endpoints, path),
        };
        let controller = self.caller(meta::namespace(pod), meta::name(pod), None)?;
        let Some(Endpoint { address, port, .. }) = self.choose(&endpoints) else {
            return Ok(ingress::page(503, "Service Temporarily Unavailable"));
        };
        let inner = Request { path, host: request.host.clone(), tls: false };
        Ok(self.get(&controller, &self.at(address, port), &inner).unwrap_or_else(|why| match why {
            Why::Denied(_) | Why::Nobody(_) => ingress::page(504, "Gateway Time-out"),
            _ => ingress::page(502, "Bad Gateway"),
        }))
    }
}

/// Where a kubelet listens on its node.
const KUBELET: u16 = 10250;

/// Whether something may be asked of a Pod: it has not ended.
fn runs(pod: &Value) -> bool {
    !matches!(meta::text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// The container's port behind a port of the node.
fn host_port(pod: &Value, wanted: u16) -> Option<u16> {
    let mut ports = meta::list(pod, "/spec/containers").iter().flat_map(|container| meta::list(container, "/ports"));
    let port = ports.find(|port| meta::number(port, "/hostPort") == Some(i64::from(wanted)))?;
    meta::number(port, "/containerPort").and_then(|port| u16::try_from(port).ok())
}

fn has_image(pod: &Value, part: &str) -> bool {
    meta::list(pod, "/spec/containers").iter().any(|container| meta::text(container, "/image").contains(part))
}

/// Whether a Pod is the API server.
fn is_server(pod: &Value) -> bool {
    has_image(pod, "kube-apiserver")
}

/// Whether TLS is spoken on a port.
fn is_secured(pod: &Value, port: u16) -> bool {
    match port {
        443 | 2379 | 6443 | 10257 | 10259 => true,
        10250 => has_image(pod, "metrics-server"),
        _ => false,
    }
}

/// What comes of speaking TLS to somebody who does not, or the other way round.
fn plain_and_secured(pod: &Value, request: &Request, port: u16) -> Result<Reply, Why> {
    if request.tls {
        return Err(Why::Strange { who: policy::named(pod), said: "wrong version number".to_owned() });
    }
    let body = match (ingress::is_controller(pod), port) {
        (true, _) => return Ok(ingress::page(400, "The plain HTTP request was sent to HTTPS port")),
        _ => "Client sent an HTTP request to an HTTPS server.\n".to_owned(),
    };
    Ok(Reply { status: 400, body, ..Reply::default() })
}

fn unauthorized() -> Reply {
    Reply { status: 401, body: "Unauthorized".to_owned(), ..Reply::default() }
}

/// What the API server answers to somebody without a name.
fn forbidden(path: &str) -> Reply {
    let path = path.split('?').next().unwrap_or_default();
    if matches!(path, "/healthz" | "/livez" | "/readyz") {
        return Reply { status: 200, body: "ok".to_owned(), ..Reply::default() };
    }
    let why = format!("forbidden: User \"system:anonymous\" cannot get path \"{path}\"");
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": why, "reason": "Forbidden", "details": {}, "code": 403,
    });
    // Pretty, as the server writes to who does not say what they take.
    let body = serde_json::to_string_pretty(&status).unwrap_or_default();
    Reply { status: 403, body, ..Reply::default() }
}
