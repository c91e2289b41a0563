//! Whether a Pod reaches an address: kube-proxy, the policies of both ends, and what listens there.
//! Names are looked up in `view.rs`; what a program makes of the answer is its own.

use std::net::IpAddr;
use std::sync::{Arc, Weak};

use serde_json::{Value, json};

use super::answer::{Reply, Request, Why};
use super::policy::{self, Direction, End, Flow};
use super::proxy::{self, Endpoint};
use super::resolver::{ClusterDns, Resolver};
use super::{api, ingress, kubelet, outside};
use crate::object::{host_ports, meta};
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
    /// The answer over HTTP; an error is what was said instead, by something that does not speak it.
    fn get(&self, pod: &Object, port: u16, request: &Request) -> Result<Reply, String>;
    /// Whether a Pod's program runs and does nothing.
    fn is_idle(&self, _: &Object) -> bool {
        false
    }
    /// The Corefile a CoreDNS in the Pod works with now.
    fn corefile(&self, _: &Object) -> Option<String> {
        None
    }
    /// How a Pod looks names up, as its containers were started.
    fn resolver(&self, _: &Object) -> Option<Arc<Resolver>> {
        None
    }
    /// Has a program in the Pod write a line into its log.
    fn log(&self, _: &Object, _line: &str) {}
    /// What is sent back to somebody's datagram.
    fn datagram(&self, pod: &Object, port: u16, sent: &Datagram) -> Option<String>;
    /// The cluster's DNS as the kubelet of a node knows it.
    fn cluster_dns(&self, node: &str) -> ClusterDns;
    /// Whether the kubelet of a node listens.
    fn has_kubelet(&self, node: &str) -> bool;
}

/// Something sent over UDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    pub text: String,
    /// Who sent it, as the other end sees it.
    pub from: IpAddr,
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
    pub(super) sockets: Weak<dyn Sockets>,
}

impl Network {
    /// Over the objects `client` reaches and what listens in their Pods.
    pub fn new(client: Client, sockets: Weak<dyn Sockets>) -> Self {
        Self { client, sockets }
    }

    /// How a Pod looks names up.
    pub(super) fn resolver(&self, caller: &Caller, hostname: &str) -> Resolver {
        let dns = self.sockets.upgrade().map(|sockets| sockets.cluster_dns(&caller.node)).unwrap_or_default();
        Resolver::of(&caller.pod, (&caller.address.to_string(), hostname), &dns)
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
        let (address, port, protocol) = place;
        let loopback = address.is_loopback();
        if (loopback && !caller.on_host()) || (address == caller.address && !caller.on_host()) {
            return Ok(vec![self.own(caller, place)]);
        }
        let forward =
            if loopback { self.own_node_port(caller, place) } else { self.forward(caller, (address, port, protocol)) };
        match forward {
            None if loopback => Ok(vec![self.own(caller, place)]),
            Some(forward) => {
                let forward = forward?;
                let each = forward.endpoints.iter().map(|end| Target {
                    masked_by: forward.masked_by.clone(),
                    ..self.at((end.address, end.port, protocol))
                });
                let mut all: Vec<Target> = each.collect();
                if forward.sticks && !all.is_empty() {
                    // A client that sticks goes where it went.
                    let place = caller.address.to_string().bytes().map(usize::from).sum::<usize>() % all.len();
                    all = vec![all.swap_remove(place)];
                }
                Ok(all)
            }
            None => Ok(vec![self.at(place)]),
        }
    }

    /// What kube-proxy makes of a port of a node's own loopback device: in iptables mode node ports are there, too
    /// (`--iptables-localhost-nodeports`), with IPv4.
    fn own_node_port(
        &self,
        caller: &Caller,
        (address, port, protocol): (IpAddr, u16, Protocol),
    ) -> Option<Result<proxy::Forward, Why>> {
        let node = self.client.find(&NODE, "", &caller.node).filter(|_| address.is_ipv4())?;
        self.forward(caller, (proxy::address_of(&node)?, port, protocol))
    }

    /// Where the kube-proxy of the caller's node leads what goes to a place.
    fn forward(&self, caller: &Caller, place: (IpAddr, u16, Protocol)) -> Option<Result<proxy::Forward, Why>> {
        let idle = |pod: &Object| self.sockets.upgrade().is_some_and(|sockets| sockets.is_idle(pod));
        proxy::forward((&self.client, &idle), &caller.node, place)
    }

    /// Whether there is anything of the cluster at a place that is not the caller itself.
    pub fn has(&self, caller: &Caller, place: (IpAddr, u16, Protocol)) -> bool {
        let is_other =
            |target: &Target| target.pod.as_ref().is_some_and(|pod| meta::name(pod) != meta::name(&caller.pod));
        self.targets(caller, place).map_or(true, |targets| targets.iter().any(is_other))
    }

    /// What is behind the caller's own loopback device: itself, or, on a node's network, whoever listens there or has the port.
    fn own(&self, caller: &Caller, place: (IpAddr, u16, Protocol)) -> Target {
        let (address, port, _) = place;
        let target = |pod: Object| Target { address, port, pod: Some(pod), masked_by: None };
        if !caller.on_host() {
            return target(caller.pod.clone());
        }
        if let Some(pod) = self.on_node(&caller.node).into_iter().find(|pod| self.listens(pod, port)) {
            return target(pod);
        }
        self.hosted(&caller.node, place).unwrap_or_else(|| target(caller.pod.clone()))
    }

    /// The Pod that has a port of its node.
    fn hosted(&self, node: &str, place: (IpAddr, u16, Protocol)) -> Option<Target> {
        let pods = self.client.list(&POD, "");
        let hosted = pods.iter().filter(|pod| meta::text(pod, "/spec/nodeName") == node && runs(pod));
        let (pod, inner) = hosted.filter_map(|pod| Some((pod, host_port(pod, place)?))).next()?;
        let address = meta::text(pod, "/status/podIP").parse().unwrap_or(place.0);
        Some(Target { address, port: inner, pod: Some(pod.clone()), masked_by: Some(node.to_owned()) })
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
    fn at(&self, place: (IpAddr, u16, Protocol)) -> Target {
        let (address, port, _) = place;
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
        let hosted = self.hosted(meta::name(node), place);
        hosted.unwrap_or(Target { address, port, pod: None, masked_by: None })
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
        if open.contains(&target.port) || self.is_kubelet(caller, target) {
            return Ok(());
        }
        Err(Why::Closed { who: policy::named(pod), port: target.port, open })
    }

    /// Whether the caller has met its own node's kubelet, where no Pod on that network has the port.
    fn is_kubelet(&self, caller: &Caller, target: &Target) -> bool {
        let own = target.pod.as_ref().is_some_and(|pod| meta::name(pod) == meta::name(&caller.pod));
        let meant = own && caller.on_host() && kubelet::has(target.address, target.port);
        meant
            && !self.open(&caller.pod).contains(&target.port)
            && self.sockets.upgrade().is_some_and(|sockets| sockets.has_kubelet(&caller.node))
    }

    /// What becomes of a connection to an address that no Pod has.
    fn elsewhere(&self, target: &Target) -> Result<(), Why> {
        let nodes = self.client.list(&NODE, "");
        if let Some(node) = nodes.iter().find(|node| proxy::address_of(node) == Some(target.address)) {
            let listens = kubelet::has(target.address, target.port)
                && self.sockets.upgrade().is_some_and(|sockets| sockets.has_kubelet(meta::name(node)));
            let who = format!("node {}", meta::name(node));
            return if listens { Ok(()) } else { Err(Why::Closed { who, port: target.port, open: Vec::new() }) };
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
        let masked = target.masked_by.is_some();
        let sender = if masked { End { pod: None, address: self.sender(caller, target) } } else { from };
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
            let inside = proxy::is_node(&self.client, target.address);
            return if inside { kubelet::answer(target.port, request) } else { Ok(outside::answer(request)) };
        };
        if self.is_kubelet(caller, target) {
            return kubelet::answer(target.port, request);
        }
        let secured = is_secured(pod, target.port);
        if request.tls != secured {
            return plain_and_secured(pod, request, target.port);
        }
        if is_server(pod) {
            return Ok(api::answer(self.client.server(), request));
        }
        if ingress::is_controller(pod) && matches!(target.port, 80 | 443) {
            return self.through(pod, request);
        }
        let sockets = self.sockets.upgrade().ok_or(Why::Nobody(target.address))?;
        let strange = |said| Why::Strange { who: policy::named(pod), said };
        let request = Request { from: Some(self.sender(caller, target)), ..request.clone() };
        sockets.get(pod, target.port, &request).map_err(strange)
    }

    /// The address the other end sees.
    fn sender(&self, caller: &Caller, target: &Target) -> IpAddr {
        let node = target.masked_by.as_ref().and_then(|node| self.client.find(&NODE, "", node));
        node.and_then(|node| proxy::address_of(&node)).unwrap_or(caller.address)
    }

    /// Sends a datagram; what comes back, if anything does.
    pub fn send(&self, caller: &Caller, target: &Target, text: &str) -> Option<String> {
        self.knock(caller, target, Protocol::Udp).ok()?;
        let sent = Datagram { text: text.to_owned(), from: self.sender(caller, target) };
        self.sockets.upgrade()?.datagram(target.pod.as_ref()?, target.port, &sent)
    }

    /// What runs on a node itself: to the rest of the network it is a Pod on the node's own.
    pub fn node(&self, node: &str) -> Result<Caller, Why> {
        let own = self.client.find(&NODE, "", node).and_then(|node| proxy::address_of(&node));
        let address = own.ok_or_else(|| Why::NoCaller(format!("node {node}")))?;
        let pod = json!({ "metadata": { "name": node }, "spec": { "hostNetwork": true, "nodeName": node } });
        Ok(Caller { pod: Object::new(pod), address, node: node.to_owned() })
    }

    /// Asks an address for an answer over HTTP, as what runs on a node itself does.
    pub fn get_from_node(&self, node: &str, (host, port): (&str, u16), request: &Request) -> Result<Reply, Why> {
        let address: IpAddr = host.parse().map_err(|_| Why::NoSuchName(host.to_owned()))?;
        let caller = self.node(node)?;
        let targets = self.targets(&caller, (address, port, Protocol::Tcp))?;
        let target = self.choose(&targets).ok_or(Why::Nobody(address))?;
        self.get(&caller, &target, request)
    }

    /// Whether an address answers a ping. A Service's does not.
    pub fn echo(&self, caller: &Caller, address: IpAddr) -> Result<(), Why> {
        let target = self.at((address, 0, Protocol::Tcp));
        let is_node = proxy::is_node(&self.client, address);
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
        let inner = Request { path, tls: false, ..request.clone() };
        Ok(self.get(&controller, &self.at((address, port, Protocol::Tcp)), &inner).unwrap_or_else(|why| match why {
            Why::Denied(_) | Why::Nobody(_) => ingress::page(504, "Gateway Time-out"),
            _ => ingress::page(502, "Bad Gateway"),
        }))
    }
}

/// Whether something may be asked of a Pod: it has not ended.
fn runs(pod: &Value) -> bool {
    !matches!(meta::text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// The container's port behind a port of the node, at the address and for the protocol it was asked for.
fn host_port(pod: &Value, (address, wanted, protocol): (IpAddr, u16, Protocol)) -> Option<u16> {
    let port = host_ports::of(pod).find(|port| {
        let (at, spoken) = (meta::text(port, "/hostIP"), meta::text(port, "/protocol"));
        meta::number(port, "/hostPort") == Some(i64::from(wanted))
            && (matches!(at, "" | "0.0.0.0") || at.parse() == Ok(address))
            && (spoken.is_empty() || spoken == protocol.word())
    })?;
    meta::number(port, "/containerPort").and_then(|port| u16::try_from(port).ok())
}

fn has_image(pod: &Value, part: &str) -> bool {
    meta::list(pod, "/spec/containers").iter().any(|container| meta::text(container, "/image").contains(part))
}

/// Whether a Pod is the API server.
fn is_server(pod: &Value) -> bool {
    has_image(pod, "kube-apiserver")
}

/// What speaks TLS wherever it listens.
const SECURED: [&str; 4] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "metrics-server"];

/// Whether TLS is spoken on a port.
pub fn is_secured(pod: &Value, port: u16) -> bool {
    matches!(port, 443 | 2379 | 6443 | 10257 | 10259) || SECURED.iter().any(|part| has_image(pod, part))
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
