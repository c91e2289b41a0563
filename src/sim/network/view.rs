//! The network as one Pod sees it: names looked up by its own resolver, connections, answers.
//! What the cluster decides stands in `reach.rs` and `dns.rs`.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use super::answer::{Reply, Request, Why};
use super::dns::{self, Code, Kind, Response};
use super::reach::{Caller, Network, Protocol, Target};
use super::resolver::{ClusterDns, Resolver, hostname};
use super::{corefile, outside};
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::configmap::CONFIGMAP;
use crate::sim::apiserver::storage::Object;

/// A name that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The whole name, as it was found behind aliases.
    pub name: String,
    pub addresses: Vec<IpAddr>,
}

/// A connection that was made.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The address that was called.
    pub address: IpAddr,
    /// Where it ended.
    target: Target,
}

impl Connection {
    /// Whether it ended outside of the cluster.
    pub fn is_outside(&self) -> bool {
        outside::is_there(self.target.address)
    }
}

impl Network {
    /// Asks a DNS server about a whole name.
    pub fn ask(&self, caller: &Caller, server: IpAddr, name: &str, kind: Kind) -> Result<Response, Why> {
        let silent = |because: Why| Why::NoDns { server, because: Box::new(because) };
        let place = (server, 53, Protocol::Udp);
        let targets = self.targets(caller, place).map_err(silent)?;
        let mut last = Why::Nobody(server);
        // Who is not answered by one DNS server is asked again, by chance of another.
        for target in targets {
            if let Err(why) = self.pass(caller, &target, Protocol::Udp) {
                last = why;
                continue;
            }
            let Some(pod) = &target.pod else {
                if server == super::resolver::NODE_DNS || outside::is_resolver(target.address) {
                    return Ok(dns::outside(name, kind));
                }
                last = Why::Nobody(target.address);
                continue;
            };
            match self.knock(caller, &target, Protocol::Udp) {
                Ok(()) => return Ok(self.answer(caller, pod, name, kind)),
                Err(why) => last = why,
            }
        }
        Err(silent(last))
    }

    /// What the CoreDNS in a Pod answers, by the configuration it works with.
    fn answer(&self, caller: &Caller, pod: &Object, asked: &str, kind: Kind) -> Response {
        let sockets = self.sockets.upgrade();
        let text = sockets.as_ref().and_then(|sockets| sockets.corefile(pod)).or_else(|| self.corefile(pod));
        let name = asked.trim_end_matches('.').to_ascii_lowercase();
        let failed = Response { code: Code::Failed, records: Vec::new() };
        let server = text.and_then(|text| corefile::read(&text).ok()).and_then(|file| file.server(&name));
        let Some(server) = server else { return failed };
        let response = dns::answer(&self.client, &server, asked, kind);
        if let Some(sockets) = sockets.filter(|_| server.logs) {
            sockets.log(pod, &logged((caller.address, sockets.turn()), (&name, kind), &response));
        }
        response
    }

    /// The Corefile that lies in the ConfigMap of a Pod.
    fn corefile(&self, pod: &Value) -> Option<String> {
        let volumes = meta::list(pod, "/spec/volumes").iter();
        let maps = volumes.filter_map(|volume| {
            self.client.find(&CONFIGMAP, meta::namespace(pod), meta::text(volume, "/configMap/name"))
        });
        maps.map(|map| meta::text(&map, "/data/Corefile").to_owned()).find(|text| !text.is_empty())
    }

    /// Looks a name up as a program's resolver does: hosts first, then the searched domains.
    pub fn resolve(&self, caller: &Caller, resolver: &Resolver, name: &str) -> Result<Found, Why> {
        if let Ok(address) = name.parse() {
            return Ok(Found { name: name.to_owned(), addresses: vec![address] });
        }
        if let Some(address) = resolver.host(name) {
            return Ok(Found { name: name.to_owned(), addresses: vec![address] });
        }
        let mut failed = None;
        for candidate in resolver.candidates(name) {
            let response = self.ask_any(caller, resolver, &candidate, Kind::A)?;
            let addresses = response.addresses();
            if !addresses.is_empty() {
                return Ok(Found { name: candidate, addresses });
            }
            if response.code == Code::Failed {
                failed = Some(Why::DnsFailed(name.to_owned()));
            }
        }
        Err(failed.unwrap_or_else(|| Why::NoSuchName(name.to_owned())))
    }

    /// Asks the first of the resolver's servers that answers.
    pub fn ask_any(&self, caller: &Caller, resolver: &Resolver, name: &str, kind: Kind) -> Result<Response, Why> {
        let mut last = Why::NoSuchName(name.to_owned());
        for server in &resolver.servers {
            match self.ask(caller, *server, name, kind) {
                Ok(response) => return Ok(response),
                Err(why) => last = why,
            }
        }
        Err(last)
    }

    /// Every end that a call of a Pod may have, and what comes of it there. An error is why there is no end at all.
    pub fn survey(
        &self,
        (namespace, pod): (&str, &str),
        (host, port): (&str, u16),
        request: Option<&Request>,
    ) -> Result<Vec<Result<Option<Reply>, Why>>, Why> {
        let caller = self.caller(namespace, pod, None)?;
        let own = self.sockets.upgrade().and_then(|sockets| sockets.resolver(&caller.pod));
        let resolver = own.unwrap_or_else(|| Arc::new(self.resolver(&caller, &hostname(&caller.pod))));
        let found = self.resolve(&caller, &resolver, host)?;
        let mut ends = Vec::new();
        for address in found.addresses {
            for target in self.targets(&caller, (address, port, Protocol::Tcp))? {
                ends.push(match request {
                    Some(request) => self.get(&caller, &target, request).map(Some),
                    None => self.knock(&caller, &target, Protocol::Tcp).map(|()| None),
                });
            }
        }
        Ok(ends)
    }
}

/// A question and its answer as CoreDNS' plugin `log` tells them. Source: `plugin/log`, CommonLogFormat.
fn logged((from, turn): (IpAddr, usize), (name, kind): (&str, Kind), response: &Response) -> String {
    let kind = match kind {
        Kind::A => "A",
        Kind::Aaaa => "AAAA",
        Kind::Cname => "CNAME",
        Kind::Srv => "SRV",
        Kind::Ptr => "PTR",
        Kind::Txt => "TXT",
        Kind::Ns => "NS",
        Kind::Soa => "SOA",
        Kind::Other => "ANY",
    };
    let (code, flags) = match response.code {
        Code::NoError => ("NOERROR", "qr,aa,rd"),
        Code::NoSuchName => ("NXDOMAIN", "qr,aa,rd"),
        Code::Failed => ("SERVFAIL", "qr,rd,ra"),
    };
    // Head, name and kind; each record repeats the name.
    let asked = 18 + name.len();
    let answered = asked + response.records.len() * (16 + name.len());
    let (port, id) = (32768 + turn * 7919 % 28000, turn * 2741 % 65536);
    let took = 100 + turn * 37 % 300;
    format!(
        "[INFO] {from}:{port} - {id} \"{kind} IN {name}. udp {asked} false 512\" {code} {flags} {answered} 0.000{took}s"
    )
}

/// The network as one Pod sees it. Cheap to clone.
#[derive(Clone)]
pub struct View {
    network: Option<Arc<Network>>,
    namespace: String,
    pod: String,
    /// The Pod's address, which its status may not tell yet.
    address: Option<IpAddr>,
    /// Who it is, if that is no Pod.
    caller: Option<Caller>,
    /// How the Pod looks names up.
    pub resolver: Arc<Resolver>,
}

impl View {
    /// That of a Pod.
    pub fn of_pod(network: Arc<Network>, pod: &Value, (address, resolver): (&str, Resolver)) -> Self {
        Self {
            network: Some(network),
            namespace: meta::namespace(pod).to_owned(),
            pod: meta::name(pod).to_owned(),
            address: address.parse().ok(),
            caller: None,
            resolver: Arc::new(resolver),
        }
    }

    /// That of what runs on a node itself.
    pub fn of_node(network: Arc<Network>, caller: Caller, resolver: Resolver) -> Self {
        let (namespace, pod) = (String::new(), caller.node.clone());
        let address = Some(caller.address);
        Self { network: Some(network), namespace, pod, address, caller: Some(caller), resolver: Arc::new(resolver) }
    }

    /// No network at all.
    pub fn offline() -> Self {
        let nobody = serde_json::json!({ "spec": { "dnsPolicy": "None" } });
        let resolver = Arc::new(Resolver::of(&nobody, ("127.0.0.1", "localhost"), &ClusterDns::default()));
        Self { network: None, namespace: String::new(), pod: String::new(), address: None, caller: None, resolver }
    }

    fn parts(&self) -> Result<(&Network, Caller), Why> {
        let network = self.network.as_deref().ok_or_else(|| Why::NoSuchName("anything".to_owned()))?;
        let caller = match &self.caller {
            Some(caller) => caller.clone(),
            None => network.caller(&self.namespace, &self.pod, self.address)?,
        };
        Ok((network, caller))
    }

    /// Asks one DNS server, or the first of the resolver's that answers, about a whole name.
    pub fn query(&self, server: Option<IpAddr>, name: &str, kind: Kind) -> Result<Response, Why> {
        let (network, caller) = self.parts()?;
        match server {
            Some(server) => network.ask(&caller, server, name, kind),
            None => network.ask_any(&caller, &self.resolver, name, kind),
        }
    }

    /// Looks a name up as programs do.
    pub fn resolve(&self, name: &str) -> Result<Found, Why> {
        let (network, caller) = self.parts()?;
        network.resolve(&caller, &self.resolver, name)
    }

    /// Opens a connection: to the first address of the name that takes it.
    pub fn connect(&self, host: &str, port: u16, protocol: Protocol) -> Result<Connection, Why> {
        let (network, caller) = self.parts()?;
        let found = network.resolve(&caller, &self.resolver, host)?;
        let mut last = Why::NoSuchName(host.to_owned());
        let first = network.choose(&found.addresses);
        let rest = found.addresses.iter().copied().filter(|address| Some(*address) != first);
        for address in first.into_iter().chain(rest) {
            let made = network.targets(&caller, (address, port, protocol)).and_then(|targets| {
                let target = network.choose(&targets).ok_or(Why::Nobody(address))?;
                network.knock(&caller, &target, protocol)?;
                Ok(Connection { address, target })
            });
            match made {
                Ok(connection) => return Ok(connection),
                Err(why) => last = why,
            }
        }
        Err(last)
    }

    /// Asks over HTTP on a connection.
    pub fn get(&self, connection: &Connection, request: &Request) -> Result<Reply, Why> {
        let (network, caller) = self.parts()?;
        network.get(&caller, &connection.target, request)
    }

    /// Sends a datagram on a connection; what comes back, if anything does.
    pub fn send(&self, connection: &Connection, text: &str) -> Option<String> {
        let (network, caller) = self.parts().ok()?;
        network.send(&caller, &connection.target, text)
    }

    /// Whether an address would answer a ping: it is somebody's, no Service's, and no policy is between.
    pub fn ping(&self, address: IpAddr) -> Result<(), Why> {
        let (network, caller) = self.parts()?;
        if address.is_loopback() || address == caller.address {
            return Ok(());
        }
        network.echo(&caller, address)
    }
}
