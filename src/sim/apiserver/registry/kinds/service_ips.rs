//! What a Service is given and keeps: cluster IP, IP families, node ports.
//! Numbers come from a hash of the Service's name, so that one cluster gives the same ones each time.
//! Source: `pkg/registry/core/service/{strategy.go,storage/storage.go,storage/alloc.go}`.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

use super::check::{parse_cidr, sloppy_ip};
use super::filling::{is_zero, put};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::strategy::Giving;
use crate::sim::apiserver::status::Status;
use crate::sim::apiserver::storage::Storage;

/// `10.96.0.0/12`, kubeadm's range of cluster IPs.
const NETWORK: u32 = 0x0a60_0000;
const SIZE: u32 = 1 << 20;
/// Node ports; again the first ones are left to those who ask.
const FIRST_PORT: i64 = 30_000;
const LAST_PORT: i64 = 32_767;
const FIRST_FREE_PORT: i64 = 30_086;

fn has_ip(service: &Value) -> bool {
    meta::text(service, "/spec/type") != "ExternalName"
}

fn has_ports(service: &Value) -> bool {
    matches!(meta::text(service, "/spec/type"), "NodePort" | "LoadBalancer")
}

fn wants_ports(service: &Value) -> bool {
    let wanted = service.pointer("/spec/allocateLoadBalancerNodePorts").and_then(Value::as_bool) != Some(false);
    has_ports(service) && (wanted || meta::text(service, "/spec/type") == "NodePort")
}

fn wants_health_port(service: &Value) -> bool {
    meta::text(service, "/spec/type") == "LoadBalancer" && meta::text(service, "/spec/externalTrafficPolicy") == "Local"
}

/// What an update leaves out it keeps; what its new type has no use for goes.
pub fn carry_over(new: &mut Value, old: &Value) {
    singular_and_plural(new, Some(old));
    keep(new, old);
    release(new, old);
}

/// `clusterIP` and `clusterIPs` say the same; old clients write only the first.
fn singular_and_plural(new: &mut Value, old: Option<&Value>) {
    let ip = meta::text(new, "/spec/clusterIP").to_owned();
    let plural = new.pointer("/spec/clusterIPs").cloned();
    let Some(spec) = new.get_mut("spec").filter(|spec| spec.is_object()) else { return };
    let Some(old) = old else {
        if !ip.is_empty() && plural.is_none() {
            spec["clusterIPs"] = json!([ip]);
        }
        return;
    };
    let before = meta::text(old, "/spec/clusterIP");
    let before_plural = old.pointer("/spec/clusterIPs");
    match plural {
        None if before_plural.is_some() && ip == before => {
            spec["clusterIPs"] = before_plural.cloned().unwrap_or_default();
        }
        None if !ip.is_empty() && ip != before => spec["clusterIPs"] = json!([ip]),
        same if ip != before && same.as_ref() == before_plural => {
            if ip.is_empty() {
                meta::remove(spec, "clusterIPs");
            } else {
                spec["clusterIPs"] = json!([ip]);
            }
        }
        _ => {}
    }
}

fn copy_if_zero(new: &mut Value, old: &Value, key: &str) {
    if is_zero(new["spec"].get(key))
        && let Some(value) = old["spec"].get(key)
    {
        put(meta::child(new, "spec"), key, value.clone());
    }
}

fn node_ports(service: &Value) -> BTreeSet<i64> {
    meta::list(service, "/spec/ports").iter().filter_map(|port| meta::number(port, "/nodePort")).collect()
}

fn keep(new: &mut Value, old: &Value) {
    if !new["spec"].is_object() {
        return;
    }
    if has_ip(old) && has_ip(new) {
        copy_if_zero(new, old, "clusterIP");
        copy_if_zero(new, old, "clusterIPs");
    }
    if has_ports(old) && has_ports(new) {
        let used: BTreeSet<i64> = node_ports(old).intersection(&node_ports(new)).copied().collect();
        let before = meta::list(old, "/spec/ports");
        for port in new["spec"]["ports"].as_array_mut().into_iter().flatten() {
            let same = before.iter().find(|known| meta::text(known, "/name") == meta::text(port, "/name"));
            let number =
                same.and_then(|known| meta::number(known, "/nodePort")).filter(|number| !used.contains(number));
            if is_zero(port.get("nodePort"))
                && let Some(number) = number
            {
                put(port, "nodePort", number);
            }
        }
    }
    if wants_health_port(old) && wants_health_port(new) {
        copy_if_zero(new, old, "healthCheckNodePort");
    }
}

fn release(new: &mut Value, old: &Value) {
    let mut drop = Vec::new();
    if has_ip(old) && !has_ip(new) {
        drop.extend(["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]);
    }
    if wants_health_port(old) && !wants_health_port(new) {
        drop.push("healthCheckNodePort");
    }
    if meta::text(old, "/spec/type") == "LoadBalancer" && meta::text(new, "/spec/type") != "LoadBalancer" {
        drop.extend(["allocateLoadBalancerNodePorts", "loadBalancerClass"]);
    }
    if super::service::is_external(&old["spec"]) && !super::service::is_external(&new["spec"]) {
        drop.push("externalTrafficPolicy");
    }
    if !has_ip(new) {
        drop.push("internalTrafficPolicy");
    }
    let Some(spec) = new.get_mut("spec") else { return };
    // Only what the writer did not change as well.
    for key in drop {
        if spec.get(key) == old["spec"].get(key) {
            meta::remove(spec, key);
        }
    }
    if wants_ports(old) && !wants_ports(new) && node_ports(old) == node_ports(new) {
        for port in new["spec"]["ports"].as_array_mut().into_iter().flatten() {
            meta::remove(port, "nodePort");
        }
    }
}

/// Hands out addresses and ports, or says why those asked for are not to be had.
pub fn allocate(giving: &Giving<'_>, service: &mut Value, old: Option<&Value>) -> Result<(), Status> {
    let mut errors = ErrorList::default();
    if has_ip(service) {
        singular_and_plural(service, old);
        families(service, &mut errors);
        if errors.is_empty() {
            cluster_ip(giving, service, old, &mut errors);
        }
    }
    if has_ports(service) && errors.is_empty() {
        let taken = ports(giving, service, &mut errors);
        if errors.is_empty() && wants_health_port(service) {
            health_port((giving, &taken), service, old)?;
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Status::invalid("", "Service", meta::name(service), errors)) }
}

fn families(service: &mut Value, errors: &mut ErrorList) {
    let headless = meta::text(service, "/spec/clusterIP") == "None";
    let anybody = headless && meta::map(service, "/spec/selector").is_none_or(serde_json::Map::is_empty);
    let policy = if anybody { "RequireDualStack" } else { "SingleStack" };
    meta::set_default(&mut service["spec"], "ipFamilyPolicy", policy);
    let policy = meta::text(service, "/spec/ipFamilyPolicy").to_owned();
    let mut found: Vec<String> = meta::list(service, "/spec/ipFamilies")
        .iter()
        .filter_map(|family| family.as_str().map(str::to_owned))
        .collect();
    if policy == "SingleStack" && found.len() == 2 {
        let why = "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified";
        errors.invalid("spec.ipFamilyPolicy", policy.as_str(), why);
    }
    // The address somebody asked for is named, where its family was not.
    for (index, ip) in meta::list(service, "/spec/clusterIPs").iter().enumerate().skip(found.len()) {
        if ip.as_str().and_then(sloppy_ip).is_some_and(|ip| ip.is_ipv6()) {
            let all = service["spec"]["clusterIPs"].clone();
            errors.invalid(format!("spec.clusterIPs[{index}]"), all, "IPv6 is not configured on this cluster");
        }
    }
    if !errors.is_empty() {
        return;
    }
    if anybody {
        if found.is_empty() {
            found.push("IPv4".to_owned());
        }
        if found.len() < 2 && policy != "SingleStack" {
            let other = if found[0] == "IPv4" { "IPv6" } else { "IPv4" };
            found.push(other.to_owned());
        }
        put(meta::child(service, "spec"), "ipFamilies", found);
        return;
    }
    if policy == "RequireDualStack" {
        let why = "this cluster is not configured for dual-stack services";
        errors.invalid("spec.ipFamilyPolicy", policy, why);
    }
    for (index, family) in found.iter().enumerate().filter(|(_, family)| *family != "IPv4") {
        errors.invalid(format!("spec.ipFamilies[{index}]"), family.as_str(), "not configured on this cluster");
    }
    if found.is_empty() {
        service["spec"]["ipFamilies"] = json!(["IPv4"]);
    }
}

/// The Services but this one.
fn others(storage: &Storage, service: &Value) -> Vec<crate::sim::apiserver::storage::Object> {
    let mut all = storage.list("services", None).0;
    all.retain(|other| meta::name(other) != meta::name(service) || meta::namespace(other) != meta::namespace(service));
    all
}

/// A range of addresses that Services can have.
#[derive(Clone, Copy)]
struct Range {
    network: u32,
    size: u32,
}

impl Range {
    /// The ranges of the ServiceCIDRs that are ready, the cluster's own first; kubeadm's where nobody made any.
    fn all(storage: &Storage) -> Vec<Self> {
        let mut objects = storage.list("servicecidrs.networking.k8s.io", None).0;
        objects.retain(|range| !meta::is_terminating(range));
        objects.sort_by_key(|range| meta::name(range) != "kubernetes");
        let cidrs = objects.iter().flat_map(|range| super::servicecidr::cidrs(range));
        let mut found: Vec<Self> = cidrs.filter_map(Self::of).collect();
        if found.is_empty() {
            found.push(Self { network: NETWORK, size: SIZE });
        }
        found
    }

    fn of(cidr: &str) -> Option<Self> {
        let (address, length) = parse_cidr(cidr)?;
        let IpAddr::V4(address) = address else { return None };
        let size = 1u32.checked_shl(32 - u32::from(length)).unwrap_or(u32::MAX);
        Some(Self { network: u32::from(address) & !(size - 1), size })
    }

    fn cidr(self) -> String {
        format!("{}/{}", Ipv4Addr::from(self.network), 32 - self.size.trailing_zeros())
    }

    /// Whether the address is in it, and neither its first nor its last.
    fn holds(self, address: Ipv4Addr) -> bool {
        let offset = u32::from(address).wrapping_sub(self.network);
        offset > 0 && offset < self.size - 1
    }

    /// The addresses given to those who ask for none: the first ones are left to those who do (`ipallocator.calculateRangeOffset`).
    fn free(self, start: u32) -> impl Iterator<Item = String> {
        let reserved = if self.size <= 18 { 1 } else { (self.size / 16).clamp(16, 256) + 1 };
        let span = self.size.saturating_sub(reserved + 1);
        let offsets = (0..span).map(move |step| reserved + (start % span + step) % span);
        offsets.map(move |offset| Ipv4Addr::from(self.network + offset).to_string())
    }
}

fn cluster_ip(giving: &Giving<'_>, service: &mut Value, old: Option<&Value>, errors: &mut ErrorList) {
    let asked = meta::text(service, "/spec/clusterIPs/0").to_owned();
    if asked == "None" || (!asked.is_empty() && old.is_some_and(|old| meta::text(old, "/spec/clusterIPs/0") == asked)) {
        return;
    }
    let storage = giving.storage;
    let others = others(storage, service);
    let taken: BTreeSet<IpAddr> =
        others.iter().filter_map(|other| sloppy_ip(meta::text(other, "/spec/clusterIPs/0"))).collect();
    let ranges = Range::all(storage);
    if asked.is_empty() {
        let start = hash(service, 0);
        let mut free = ranges.iter().copied().flat_map(|range| range.free(start));
        let Some(ip) = free.find(|ip| sloppy_ip(ip).is_some_and(|ip| !taken.contains(&ip))) else { return };
        service["spec"]["clusterIPs"] = json!([ip]);
        service["spec"]["clusterIP"] = json!(ip);
        return;
    }
    let wanted = sloppy_ip(&asked);
    let inside = matches!(wanted, Some(IpAddr::V4(ip)) if ranges.iter().any(|range| range.holds(ip)));
    let why = match inside {
        true if giving.dry_run || wanted.is_none_or(|ip| !taken.contains(&ip)) => return,
        true => "provided IP is already allocated".to_owned(),
        // As it is told by an allocator that only looks (`pkg/registry/core/service/ipallocator/ipallocator.go`).
        false if giving.dry_run => {
            let range = ranges.first().map(|range| range.cidr()).unwrap_or_default();
            format!("the provided IP ({asked}) is not in the valid range. The range of valid IPs is {range}")
        }
        false => "the provided network does not match the current range".to_owned(),
    };
    let value = service["spec"]["clusterIPs"].clone();
    errors.invalid("spec.clusterIPs", value, format!("failed to allocate IP {asked}: {why}"));
}

/// FNV-1a of what names the Service, and a number for each further draw.
fn hash(service: &Value, draw: u32) -> u32 {
    let text = format!("{}/{}#{draw}", meta::namespace(service), meta::name(service));
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Gives the node ports, and tells all that are taken then.
fn ports(giving: &Giving<'_>, service: &mut Value, errors: &mut ErrorList) -> BTreeSet<i64> {
    let mut taken: BTreeSet<i64> = BTreeSet::new();
    for other in others(giving.storage, service) {
        taken.extend(node_ports(&other));
        taken.extend(meta::number(&other, "/spec/healthCheckNodePort"));
    }
    let wanted = wants_ports(service);
    let list = meta::list(service, "/spec/ports").to_vec();
    let mut given: Vec<(i64, i64)> = Vec::new();
    for (index, port) in list.iter().enumerate() {
        let number = meta::number(port, "/port").unwrap_or_default();
        let asked = meta::number(port, "/nodePort").filter(|asked| *asked != 0);
        if asked.is_none() && !wanted {
            continue;
        }
        // The same port in two protocols shares its node port.
        let later = list.iter().find(|other| {
            meta::number(other, "/port") == Some(number)
                && meta::number(other, "/nodePort").is_some_and(|asked| asked != 0)
        });
        let known = given.iter().find(|(port, _)| *port == number).map(|(_, node)| *node);
        let asked = asked.or(known).or_else(|| later.and_then(|other| meta::number(other, "/nodePort")));
        let Some(node) = asked.or_else(|| free_port(service, &taken, index)) else { return taken };
        // Who only tries is not told what others have, but may not ask for the same twice.
        let tried = giving.dry_run && !given.iter().any(|(_, other)| *other == node);
        if known != Some(node)
            && !tried
            && let Some(why) = refusal(node, &taken)
        {
            errors.invalid(format!("spec.ports[{index}].nodePort"), node, why);
            return taken;
        }
        taken.insert(node);
        given.push((number, node));
        if let Some(port) = service.pointer_mut(&format!("/spec/ports/{index}")) {
            put(port, "nodePort", node);
        }
    }
    taken
}

/// Gives the port at which a balancer asks a node for its health (`allocHealthCheckNodePort`).
fn health_port(
    (giving, taken): (&Giving<'_>, &BTreeSet<i64>),
    service: &mut Value,
    old: Option<&Value>,
) -> Result<(), Status> {
    let Some(asked) = meta::number(service, "/spec/healthCheckNodePort").filter(|asked| *asked != 0) else {
        if let Some(port) = free_port(service, taken, meta::list(service, "/spec/ports").len()) {
            put(meta::child(service, "spec"), "healthCheckNodePort", port);
        }
        return Ok(());
    };
    if giving.dry_run || old.is_some_and(wants_health_port) {
        return Ok(());
    }
    match refusal(asked, taken) {
        Some(why) => Err(Status::internal(format!("failed to allocate requested HealthCheck NodePort {asked}: {why}"))),
        None => Ok(()),
    }
}

fn refusal(port: i64, taken: &BTreeSet<i64>) -> Option<String> {
    if !(FIRST_PORT..=LAST_PORT).contains(&port) {
        let range = format!("{FIRST_PORT}-{LAST_PORT}");
        return Some(format!("provided port is not in the valid range. The range of valid ports is {range}"));
    }
    taken.contains(&port).then(|| "provided port is already allocated".to_owned())
}

fn free_port(service: &Value, taken: &BTreeSet<i64>, draw: usize) -> Option<i64> {
    let span = LAST_PORT - FIRST_FREE_PORT + 1;
    let start = i64::from(hash(service, u32::try_from(draw).unwrap_or_default() + 1)) % span;
    (0..span).map(|step| FIRST_FREE_PORT + (start + step) % span).find(|port| !taken.contains(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, spec: Value) -> Value {
        json!({ "metadata": { "name": name, "namespace": "default" }, "spec": spec })
    }

    fn giving(storage: &Storage) -> Giving<'_> {
        Giving { storage, dry_run: false }
    }

    fn stored(storage: &Storage, service: &Value) {
        let key = (meta::namespace(service).to_owned(), meta::name(service).to_owned());
        storage.insert("services", key, service.clone()).expect("a new name");
    }

    fn refused(result: Result<(), Status>) -> String {
        result.expect_err("it is refused").message
    }

    #[test]
    fn addresses_are_given_kept_and_refused() {
        let storage = Storage::new();
        let mut web = service("web", json!({ "type": "NodePort", "ports": [{ "port": 80, "nodePort": 30080 }] }));
        allocate(&giving(&storage), &mut web, None).expect("free");
        let ip = meta::text(&web, "/spec/clusterIP").to_owned();
        assert!(ip.parse::<Ipv4Addr>().is_ok_and(|ip| u32::from(ip) >> 20 == NETWORK >> 20), "{ip}");
        stored(&storage, &web);

        let mut same = service("same", json!({ "type": "ClusterIP", "clusterIP": ip, "ports": [{ "port": 80 }] }));
        let said = refused(allocate(&giving(&storage), &mut same, None));
        assert!(said.ends_with(&format!("failed to allocate IP {ip}: provided IP is already allocated")), "{said}");

        let mut port = service("port", json!({ "type": "NodePort", "ports": [{ "port": 80, "nodePort": 30080 }] }));
        let said = refused(allocate(&giving(&storage), &mut port, None));
        assert!(
            said.ends_with("spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated"),
            "{said}"
        );

        let mut replaced = service("web", json!({ "type": "ClusterIP", "ports": [{ "port": 80, "nodePort": 30080 }] }));
        carry_over(&mut replaced, &web);
        allocate(&giving(&storage), &mut replaced, Some(&web)).expect("its own");
        assert_eq!(meta::text(&replaced, "/spec/clusterIP"), ip);
        assert_eq!(replaced["spec"]["ports"][0].get("nodePort"), None);
    }

    #[test]
    fn one_port_in_two_protocols_shares_its_node_port() {
        let ports =
            json!([{ "name": "a", "port": 53, "protocol": "UDP" }, { "name": "b", "port": 53, "protocol": "TCP" }]);
        let mut dns = service("dns", json!({ "type": "NodePort", "ports": ports }));
        allocate(&giving(&Storage::new()), &mut dns, None).expect("free");
        assert_eq!(dns["spec"]["ports"][0]["nodePort"], dns["spec"]["ports"][1]["nodePort"]);
    }

    #[test]
    fn a_headless_service_without_selector_has_both_families() {
        let mut headless = service("h", json!({ "type": "ClusterIP", "clusterIP": "None" }));
        allocate(&giving(&Storage::new()), &mut headless, None).expect("nothing to give");
        assert_eq!(headless["spec"]["clusterIPs"], json!(["None"]));
        assert_eq!(headless["spec"]["ipFamilies"], json!(["IPv4", "IPv6"]));
    }
}
