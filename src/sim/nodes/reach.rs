//! Who answers whom in the cluster: DNS names, Services, Pods and what listens in them.
//! Network policies stand between; programs ask through `process/network.rs`. Source: the DNS specification, kube-proxy's rules.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use serde_json::Value;

use super::process::network::{Network, Reply, Silence};
use super::runtime::Runtime;
use crate::object::meta;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::registry::kinds::service::SERVICE;
use crate::sim::apiserver::storage::Object;

const DOMAIN: &str = "cluster.local";

/// The network as one Pod sees it.
pub struct Reach {
    client: Client,
    runtime: Arc<Runtime>,
    from: Object,
    address: String,
}

/// Where a connection ends.
enum End {
    Pod(Object, u16),
    /// The API server itself.
    Server,
}

impl Reach {
    /// From a Pod with this address.
    pub fn new(client: Client, runtime: Arc<Runtime>, from: Object, address: String) -> Self {
        Self { client, runtime, from, address }
    }

    /// The addresses of a whole name.
    fn look_up(&self, name: &str) -> Option<Vec<IpAddr>> {
        let name = name.trim_end_matches('.');
        let inner = name.strip_suffix(DOMAIN)?.trim_end_matches('.');
        let parts: Vec<&str> = inner.split('.').collect();
        match parts.as_slice() {
            [service, namespace, "svc"] => self.service_addresses(service, namespace),
            [host, service, namespace, "svc"] => self.member(host, service, namespace),
            [dashed, namespace, "pod"] => {
                let address: IpAddr = dashed.replace('-', ".").parse().ok()?;
                (!namespace.is_empty()).then(|| vec![address])
            }
            _ => None,
        }
    }

    fn service_addresses(&self, service: &str, namespace: &str) -> Option<Vec<IpAddr>> {
        let service = self.client.find(&SERVICE, namespace, service)?;
        match meta::text(&service, "/spec/clusterIP") {
            "None" => {
                let addresses: Vec<IpAddr> =
                    self.pods_behind(&service).iter().filter_map(|pod| address_of(pod)).collect();
                (!addresses.is_empty()).then_some(addresses)
            }
            "" => None,
            address => Some(vec![address.parse().ok()?]),
        }
    }

    /// A Pod of a headless Service by its hostname.
    fn member(&self, host: &str, service: &str, namespace: &str) -> Option<Vec<IpAddr>> {
        let service = self.client.find(&SERVICE, namespace, service)?;
        let named = |pod: &&Object| {
            meta::text(pod, "/spec/hostname") == host && meta::text(pod, "/spec/subdomain") == meta::name(&service)
        };
        let behind = self.pods_behind(&service);
        let address = behind.iter().find(named).and_then(|pod| address_of(pod))?;
        Some(vec![address])
    }

    /// The ready Pods of a Service.
    fn pods_behind(&self, service: &Value) -> Vec<Object> {
        let Ok(selector) = LabelSelector::from_map(meta::map(service, "/spec/selector")) else { return Vec::new() };
        let all = meta::truth(service, "/spec/publishNotReadyAddresses");
        let mut pods = self.client.select(&POD, meta::namespace(service), &selector);
        pods.retain(|pod| all || is_ready(pod));
        pods
    }

    /// Who is meant by an address and a port.
    fn end(&self, address: IpAddr, port: u16) -> Result<End, Silence> {
        let text = address.to_string();
        if address == IpAddr::V4(Ipv4Addr::LOCALHOST) || text == self.address {
            return Ok(End::Pod(self.from.clone(), port));
        }
        let by_address = |pod: &&Object| {
            meta::text(pod, "/status/podIP") == text
                && !matches!(meta::text(pod, "/status/phase"), "Succeeded" | "Failed")
        };
        let pods = self.client.list(&POD, "");
        if let Some(pod) =
            pods.iter().filter(by_address).find(|pod| self.listens(pod, port)).or_else(|| pods.iter().find(by_address))
        {
            return Ok(End::Pod(pod.clone(), port));
        }
        for service in self.client.list(&SERVICE, "") {
            let addresses =
                meta::list(&service, "/spec/clusterIPs").iter().chain(meta::list(&service, "/spec/externalIPs"));
            if !addresses.into_iter().any(|known| known == text.as_str()) {
                continue;
            }
            let wanted = meta::list(&service, "/spec/ports")
                .iter()
                .find(|known| meta::number(known, "/port") == Some(i64::from(port)));
            // To a port that no Service has, nobody ever answers.
            return self.behind(&service, wanted.ok_or(Silence::Timeout)?);
        }
        Err(Silence::Timeout)
    }

    fn behind(&self, service: &Value, port: &Value) -> Result<End, Silence> {
        if meta::name(service) == "kubernetes" && meta::namespace(service) == "default" {
            return Ok(End::Server);
        }
        let pods = self.pods_behind(service);
        // One after another, as chance would have it in the long run; a client that sticks goes where it went.
        let turn = match meta::text(service, "/spec/sessionAffinity") {
            "ClientIP" => self.address.bytes().map(usize::from).sum(),
            _ => self.runtime.turn(),
        };
        let pod = pods.get(turn % pods.len().max(1)).ok_or(Silence::Refused)?;
        let number = match &port["targetPort"] {
            Value::String(name) => named_port(pod, name),
            target => target.as_i64().or_else(|| meta::number(port, "/port")),
        };
        let number = number.and_then(|number| u16::try_from(number).ok()).ok_or(Silence::Refused)?;
        Ok(End::Pod(pod.clone(), number))
    }

    fn listens(&self, pod: &Value, port: u16) -> bool {
        self.runtime.front(meta::uid(pod)).is_some_and(|front| front.listens(port))
    }

    fn address(&self, host: &str) -> Result<IpAddr, Silence> {
        let (_, addresses) = self.resolve(host).ok_or(Silence::Unknown)?;
        addresses.first().copied().ok_or(Silence::Unknown)
    }
}

fn named_port(pod: &Value, name: &str) -> Option<i64> {
    let containers = meta::list(pod, "/spec/containers").iter();
    let mut ports = containers.flat_map(|container| meta::list(container, "/ports"));
    meta::number(ports.find(|port| meta::text(port, "/name") == name)?, "/containerPort")
}

fn address_of(pod: &Value) -> Option<IpAddr> {
    meta::text(pod, "/status/podIP").parse().ok()
}

fn is_ready(pod: &Value) -> bool {
    let ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    meta::list(pod, "/status/conditions").iter().any(ready) && !meta::is_terminating(pod)
}

impl Network for Reach {
    fn resolve(&self, name: &str) -> Option<(String, Vec<IpAddr>)> {
        if let Ok(address) = name.parse() {
            return Some((name.to_owned(), vec![address]));
        }
        if name == "localhost" {
            return Some((name.to_owned(), vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]));
        }
        if name == meta::name(&self.from) {
            return Some((name.to_owned(), vec![self.address.parse().ok()?]));
        }
        let namespace = meta::namespace(&self.from);
        let searched = [format!("{namespace}.svc.{DOMAIN}"), format!("svc.{DOMAIN}"), DOMAIN.to_owned()];
        let candidates = searched.iter().filter(|_| !name.ends_with('.')).map(|domain| format!("{name}.{domain}"));
        let candidates: Vec<String> = candidates.chain([name.trim_end_matches('.').to_owned()]).collect();
        candidates.into_iter().find_map(|candidate| {
            let addresses = self.look_up(&candidate)?;
            Some((candidate, addresses))
        })
    }

    fn connect(&self, host: &str, port: u16) -> Result<IpAddr, Silence> {
        let address = self.address(host)?;
        match self.end(address, port)? {
            End::Server => Ok(address),
            End::Pod(pod, port) if self.listens(&pod, port) => Ok(address),
            End::Pod(..) => Err(Silence::Refused),
        }
    }

    fn get(&self, host: &str, port: u16, path: &str) -> Result<Reply, Silence> {
        let address = self.address(host)?;
        match self.end(address, port)? {
            End::Server => {
                let body = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"forbidden: User \\\"system:anonymous\\\" cannot get path \\\"/\\\"\",\"reason\":\"Forbidden\",\"details\":{},\"code\":403}\n";
                Ok(Reply { status: 403, server: "kube-apiserver".to_owned(), body: body.to_owned() })
            }
            End::Pod(pod, port) => {
                let front = self.runtime.front(meta::uid(&pod));
                front.and_then(|front| front.get(port, path)).ok_or(Silence::Refused)
            }
        }
    }
}
