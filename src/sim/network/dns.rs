//! What CoreDNS answers: names of Services, their endpoints and Pods, from the cluster's objects.
//! Whether it can be asked at all is `reach.rs`. Source: the DNS specification of Kubernetes, and `plugin/kubernetes` of CoreDNS 1.13.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::Value;

use super::corefile::Server;
use super::resolver::NODE_DNS;
use super::{outside, plugins, proxy};
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::namespace::NAMESPACE;
use crate::sim::apiserver::registry::kinds::service::SERVICE;
use crate::sim::apiserver::storage::Object;

/// The seconds an answer of the cluster's is good for.
const TTL: u32 = 30;
/// And the version of the specification.
const VERSION_TTL: u32 = 28_800;
/// So many aliases are followed.
const MOST_ALIASES: usize = 8;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    A,
    Aaaa,
    Cname,
    Srv,
    Ptr,
    Txt,
    Ns,
    Soa,
    Other,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    A(IpAddr),
    /// Another whole name.
    Cname(String),
    /// Weight, port and whole name.
    Srv(u16, u16, String),
    /// A whole name.
    Ptr(String),
    Txt(String),
    /// A whole name.
    Ns(String),
    /// The zone, and its serial number; the times are CoreDNS' own.
    Soa(String, i64),
}

/// One record; its name is whole, without the last dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub name: String,
    pub ttl: u32,
    pub data: Data,
}

/// How a question went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Code {
    #[default]
    NoError,
    NoSuchName,
    Failed,
}

/// The answer of a DNS server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    pub code: Code,
    pub records: Vec<Record>,
}

impl Response {
    fn failed(code: Code) -> Self {
        Self { code, records: Vec::new() }
    }

    /// The addresses in it.
    pub fn addresses(&self) -> Vec<IpAddr> {
        let each = self.records.iter().filter_map(|record| match record.data {
            Data::A(address) => Some(address),
            _ => None,
        });
        each.collect()
    }
}

fn record(name: &str, data: Data) -> Record {
    Record { name: name.to_owned(), ttl: TTL, data }
}

/// Asks the server CoreDNS has for a whole name.
pub fn answer(client: &Client, server: &Server, name: &str, kind: Kind) -> Response {
    let spelled = name.trim_end_matches('.');
    let name = spelled.to_ascii_lowercase();
    let asked = server.rewrites.iter().find(|(from, _)| *from == name).map_or(name.as_str(), |(_, to)| to.as_str());
    let mut response = Zones { client, server }.answer(asked, kind, 0);
    for record in response.records.iter_mut().filter(|record| record.name == asked) {
        // It says the name as it was asked for.
        spelled.clone_into(&mut record.name);
    }
    response
}

/// What an ordinary DNS server out there answers.
pub fn outside(name: &str, kind: Kind) -> Response {
    match outside::look_up(name) {
        Some(address) if kind == Kind::A => {
            Response { code: Code::NoError, records: vec![record(name, Data::A(address))] }
        }
        Some(_) => Response::default(),
        None => Response::failed(Code::NoSuchName),
    }
}

/// Whether somebody answers who is named behind `forward`: the node's resolver, or one out there.
fn answers(word: &str) -> bool {
    match plugins::name_server(word) {
        Some((address, port)) => port == 53 && (address == NODE_DNS || outside::is_resolver(address)),
        None => word == "/etc/resolv.conf",
    }
}

struct Zones<'a> {
    client: &'a Client,
    server: &'a Server,
}

/// Records, or that there is no such name.
type Found = Option<Vec<Record>>;

impl Zones<'_> {
    fn answer(&self, name: &str, kind: Kind, depth: usize) -> Response {
        let written: Vec<IpAddr> =
            self.server.hosts.iter().filter(|(_, host)| host == name).map(|(address, _)| *address).collect();
        if !written.is_empty() {
            let records = written.into_iter().filter(|_| kind == Kind::A).map(|it| record(name, Data::A(it)));
            return Response { code: Code::NoError, records: records.collect() };
        }
        if self.server.keeps(name) {
            return Response::failed(Code::Failed);
        }
        let zone = self.server.zones.iter().filter(|zone| name == zone.as_str() || name.ends_with(&format!(".{zone}")));
        match zone.max_by_key(|zone| zone.len()) {
            Some(zone) if zone.ends_with("arpa") => match self.reverse(name) {
                Some(records) => Response { code: Code::NoError, records },
                None => Response::failed(Code::NoSuchName),
            },
            Some(zone) => {
                let inner = name.strip_suffix(zone.as_str()).unwrap_or_default().trim_end_matches('.');
                match self.inner(name, (inner, zone), kind) {
                    Some(records) => self.followed(records, kind, depth),
                    None => Response::failed(Code::NoSuchName),
                }
            }
            None => match self.server.asked(name) {
                Some(servers) if servers.iter().any(|word| answers(word)) => outside(name, kind),
                _ => Response::failed(Code::Failed),
            },
        }
    }

    /// Goes on behind an alias, where addresses are asked for.
    fn followed(&self, mut records: Vec<Record>, kind: Kind, depth: usize) -> Response {
        if let Some(Data::Cname(target)) = records.last().map(|record| record.data.clone())
            && matches!(kind, Kind::A | Kind::Aaaa)
            && depth < MOST_ALIASES
        {
            records.extend(self.answer(&target, kind, depth + 1).records);
        }
        Response { code: Code::NoError, records }
    }

    /// What a name below a zone means: `web.shop.svc`.
    fn inner(&self, name: &str, (inner, zone): (&str, &str), kind: Kind) -> Found {
        let parts: Vec<&str> = inner.split('.').filter(|part| !part.is_empty()).collect();
        match parts.as_slice() {
            // Names on the way to others are there, and have nothing.
            [] => Some(self.apex(name, zone, kind)),
            ["svc" | "pod"] => Some(Vec::new()),
            ["dns-version"] if kind == Kind::Txt => {
                let data = Data::Txt("1.1.0".to_owned());
                Some(vec![Record { name: name.to_owned(), ttl: VERSION_TTL, data }])
            }
            [namespace, "svc" | "pod"] => self.client.find(&NAMESPACE, "", namespace).map(|_| Vec::new()),
            [dashed, _, "pod"] if self.server.pods => {
                let address = undashed(dashed)?;
                Some(if kind == Kind::A { vec![record(name, Data::A(address))] } else { Vec::new() })
            }
            [service, namespace, "svc"] => self.service(name, (service, namespace, zone), kind),
            [port, protocol, service, namespace, "svc"] => {
                let port = (port.trim_start_matches('_'), protocol.trim_start_matches('_'));
                let found = self.client.find(&SERVICE, namespace, service)?;
                let records = self.ports(name, &found, zone, Some(port));
                if records.is_empty() { None } else { Some(if kind == Kind::Srv { records } else { Vec::new() }) }
            }
            [host, service, namespace, "svc"] => {
                let found = self.client.find(&SERVICE, namespace, service)?;
                let mut all = self.members(&found).into_iter().filter(|member| member.host == *host).peekable();
                all.peek()?;
                Some(if kind == Kind::A {
                    all.map(|it| record(name, Data::A(it.address))).collect()
                } else {
                    Vec::new()
                })
            }
            _ => None,
        }
    }

    /// What a zone itself has. Source: `plugin/backend_lookup.go`, NS and SOA; `plugin/kubernetes/ns.go`.
    fn apex(&self, name: &str, zone: &str, kind: Kind) -> Vec<Record> {
        match kind {
            Kind::Ns => {
                let own = self.client.find(&SERVICE, "kube-system", "kube-dns");
                let server = own.map_or_else(|| "ns.dns".to_owned(), |_| "kube-dns.kube-system.svc".to_owned());
                vec![record(name, Data::Ns(format!("{server}.{zone}")))]
            }
            Kind::Soa => {
                // Upstream's serial is the second in which something last changed.
                let services = self.client.list(&SERVICE, "");
                let made = services.iter().filter_map(|service| {
                    meta::text(service, "/metadata/creationTimestamp").parse::<jiff::Timestamp>().ok()
                });
                let serial = made.max().map_or(0, jiff::Timestamp::as_second);
                vec![record(name, Data::Soa(zone.to_owned(), serial))]
            }
            _ => Vec::new(),
        }
    }

    fn service(&self, name: &str, (service, namespace, zone): (&str, &str, &str), kind: Kind) -> Found {
        let found = self.client.find(&SERVICE, namespace, service)?;
        if meta::text(&found, "/spec/type") == "ExternalName" {
            let target = meta::text(&found, "/spec/externalName").trim_end_matches('.').to_ascii_lowercase();
            return Some(vec![record(name, Data::Cname(target))]);
        }
        let records = match meta::text(&found, "/spec/clusterIP") {
            "None" => {
                let members = self.members(&found);
                // A headless Service without endpoints is no name.
                if members.is_empty() {
                    return None;
                }
                members.into_iter().map(|member| record(name, Data::A(member.address))).collect()
            }
            address => vec![record(name, Data::A(address.parse().ok()?))],
        };
        Some(match kind {
            Kind::A => records,
            Kind::Srv => self.ports(name, &found, zone, None),
            _ => Vec::new(),
        })
    }

    /// The SRV records of a Service's ports.
    fn ports(&self, name: &str, service: &Value, zone: &str, wanted: Option<(&str, &str)>) -> Vec<Record> {
        let whole = format!("{}.{}.svc.{zone}", meta::name(service), meta::namespace(service));
        let headless = meta::text(service, "/spec/clusterIP") == "None";
        let mut records = Vec::new();
        for port in meta::list(service, "/spec/ports") {
            let known = (meta::text(port, "/name"), meta::text(port, "/protocol").to_ascii_lowercase());
            if wanted.is_some_and(|(name, protocol)| name != known.0 || protocol != known.1) {
                continue;
            }
            let number = |number: Option<i64>| number.and_then(|it| u16::try_from(it).ok()).unwrap_or_default();
            if headless {
                let inner = |member: &Member| format!("{}.{whole}", member.host);
                let targets = self.members(service);
                let ends = proxy::endpoints(self.client, service, port);
                records.extend(targets.iter().filter_map(|member| {
                    let end = ends.iter().find(|end| end.address == member.address)?;
                    Some(record(name, Data::Srv(0, end.port, inner(member))))
                }));
            } else {
                records.push(record(name, Data::Srv(0, number(meta::number(port, "/port")), whole.clone())));
            }
        }
        // All have the same share of the weight (`plugin/backend_lookup.go`, SRV).
        let share = 100u16.checked_div(u16::try_from(records.len()).unwrap_or(u16::MAX)).unwrap_or(100).max(1);
        for record in &mut records {
            if let Data::Srv(weight, ..) = &mut record.data {
                *weight = share;
            }
        }
        records
    }

    /// The ready endpoints of a Service, with the names they have below it.
    fn members(&self, service: &Value) -> Vec<Member> {
        let mut members: Vec<Member> = Vec::new();
        for slice in proxy::slices(self.client, service) {
            for endpoint in meta::list(&slice, "/endpoints") {
                let Some(member) = Member::of(endpoint) else { continue };
                if !members.iter().any(|known| known.address == member.address) {
                    members.push(member);
                }
            }
        }
        members
    }

    /// The name of an address: that of a Service, or of a Service's endpoint.
    fn reverse(&self, name: &str) -> Found {
        let mut parts: Vec<&str> = name.strip_suffix(".in-addr.arpa")?.split('.').collect();
        parts.reverse();
        let address: Ipv4Addr = parts.join(".").parse().ok()?;
        let services = self.client.list(&SERVICE, "");
        let zone = self.server.zones.iter().find(|zone| !zone.ends_with("arpa"))?;
        let whole = |service: &Object| format!("{}.{}.svc.{zone}", meta::name(service), meta::namespace(service));
        let text = address.to_string();
        if let Some(service) = services.iter().find(|service| meta::text(service, "/spec/clusterIP") == text) {
            return Some(vec![record(name, Data::Ptr(whole(service)))]);
        }
        let mut found = Vec::new();
        for service in &services {
            let members = self.members(service).into_iter().filter(|member| member.address == IpAddr::V4(address));
            found.extend(members.map(|it| record(name, Data::Ptr(format!("{}.{}", it.host, whole(service))))));
        }
        (!found.is_empty()).then_some(found)
    }
}

/// An endpoint as DNS knows it.
struct Member {
    host: String,
    address: IpAddr,
}

impl Member {
    fn of(endpoint: &Value) -> Option<Self> {
        if endpoint["conditions"]["ready"] == false {
            return None;
        }
        let text = meta::list(endpoint, "/addresses").first()?.as_str()?;
        let host = match meta::text(endpoint, "/hostname") {
            "" => text.replace(['.', ':'], "-"),
            host => host.to_owned(),
        };
        Some(Self { host, address: text.parse().ok()? })
    }
}

/// The address of `10-244-1-5`.
fn undashed(text: &str) -> Option<IpAddr> {
    text.replace('-', ".").parse().ok()
}
