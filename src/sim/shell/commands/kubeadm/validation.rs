//! Whether a configuration's fields are valid, in kubeadm's words.
//! How a configuration is read is `configuration`'s. Source: `cmd/kubeadm/app/apis/kubeadm/validation/validation.go`.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

use super::registration::Registration;
use super::token::Made;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::kinds::check::parse_cidr;
use crate::sim::apiserver::registry::names;

const ALGORITHMS: [&str; 5] = ["ECDSA-P256", "ECDSA-P384", "RSA-2048", "RSA-3072", "RSA-4096"];

/// The piece of the range of Pods that each node gets, where nobody asks for another size.
const NODE_MASK: u8 = 24;

/// Looks at a ClusterConfiguration.
pub fn cluster(cluster: &Value, errors: &mut ErrorList) {
    networking(cluster, errors);
    sans(cluster, "/apiServer/certSANs", errors);
    for component in ["apiServer", "controllerManager", "scheduler"] {
        arguments(cluster, &format!("/{component}/extraArgs"), errors);
    }
    absolute(cluster, "/certificatesDir", errors);
    etcd(cluster, errors);
    let algorithm = meta::text(cluster, "/encryptionAlgorithm");
    if !ALGORITHMS.contains(&algorithm) {
        let why = format!("Invalid encryption algorithm {algorithm:?}. Must be one of [{}]", ALGORITHMS.join(" "));
        errors.invalid("encryptionAlgorithm", algorithm, why);
    }
}

fn etcd(cluster: &Value, errors: &mut ErrorList) {
    match (cluster.pointer("/etcd/local"), cluster.pointer("/etcd/external")) {
        (None, None) => errors.invalid("etcd", "", "either .Etcd.Local or .Etcd.External is required"),
        (Some(_), Some(_)) => errors.invalid("etcd", "", ".Etcd.Local and .Etcd.External are mutually exclusive"),
        (Some(_), None) => {
            absolute(cluster, "/etcd/local/dataDir", errors);
            sans(cluster, "/etcd/local/serverCertSANs", errors);
            sans(cluster, "/etcd/local/peerCertSANs", errors);
            arguments(cluster, "/etcd/local/extraArgs", errors);
        }
        (None, Some(_)) => {}
    }
}

fn field(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

fn absolute(cluster: &Value, pointer: &str, errors: &mut ErrorList) {
    let path = meta::text(cluster, pointer);
    if !path.starts_with('/') {
        errors.invalid(field(pointer), path, "path is not absolute");
    }
}

fn arguments(cluster: &Value, pointer: &str, errors: &mut ErrorList) {
    for (at, argument) in meta::list(cluster, pointer).iter().enumerate() {
        if meta::text(argument, "/name").is_empty() {
            errors.invalid(field(pointer), format!("index {at}"), "argument has no name");
        }
    }
}

fn sans(cluster: &Value, pointer: &str, errors: &mut ErrorList) {
    for name in meta::list(cluster, pointer).iter().filter_map(Value::as_str) {
        let (plain, wildcard) = (names::subdomain(name), names::wildcard(name));
        if !plain.is_empty() && !wildcard.is_empty() && name.parse::<IpAddr>().is_err() {
            let why = format!(
                "altname is not a valid IP address, DNS label or a DNS label with subdomain wildcards: {}; {}",
                plain.join("; "),
                wildcard.join("; ")
            );
            errors.invalid(field(pointer), name, why);
        }
    }
}

/// The host of an endpoint, and its port where it has one; or why it is none. Source: `cmd/kubeadm/app/util/endpoint.go`, ParseHostPort.
pub fn host_port(endpoint: &str) -> Result<(&str, Option<u16>), String> {
    let (host, port) = match endpoint.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        _ => (endpoint, None),
    };
    let number = port.map(|port| port.parse::<u16>().ok().filter(|port| *port > 0).ok_or(port)).transpose();
    let number = number.map_err(|port| {
        format!("hostport {endpoint}: port {port} must be a valid number between 1 and 65535, inclusive")
    })?;
    match host.parse::<IpAddr>().is_ok() || names::subdomain(host).is_empty() {
        true => Ok((host, number)),
        false => Err(format!(
            "hostport {endpoint}: host '{host}' must be a valid IP address or a valid RFC-1123 DNS subdomain"
        )),
    }
}

fn networking(cluster: &Value, errors: &mut ErrorList) {
    let text = |pointer: &str| meta::text(cluster, pointer);
    let domain = text("/networking/dnsDomain");
    for why in names::subdomain(domain) {
        errors.invalid("networking.dnsDomain", domain, why);
    }
    let services = text("/networking/serviceSubnet");
    if let Some(bits) = subnet(("networking.serviceSubnet", services), 10, errors)
        && bits < 12
    {
        let why = "specified service subnet is too large; for 32-bit addresses, the mask must be >= 12";
        errors.invalid("networking.serviceSubnet", masked(services), why);
    }
    let pods = text("/networking/podSubnet");
    let Some(bits) = subnet(("networking.podSubnet", pods), 14, errors) else { return };
    if bits > NODE_MASK {
        let why = format!(
            "the size of pod subnet with mask {bits} is smaller than the size of node subnet with mask {NODE_MASK}"
        );
        errors.invalid("networking.podSubnet", masked(pods), why);
    } else if NODE_MASK - bits > 16 {
        let why = format!("pod subnet mask ({bits}) and node-mask ({NODE_MASK}) difference is greater than 16");
        errors.invalid("networking.podSubnet", masked(pods), why);
    }
}

/// A range as Go shows it: with the address of the network.
fn masked(subnet: &str) -> String {
    match parse_cidr(subnet) {
        Some((IpAddr::V4(address), bits)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or_default();
            format!("{}/{bits}", Ipv4Addr::from(u32::from(address) & mask))
        }
        _ => subnet.to_owned(),
    }
}

/// How long the prefix of a range is that has at least so many addresses.
fn subnet((field, text): (&str, &str), least: u64, errors: &mut ErrorList) -> Option<u8> {
    if text.is_empty() {
        return None;
    }
    let Some((IpAddr::V4(_), bits)) = parse_cidr(text) else {
        errors.invalid(field, text, "couldn't parse subnet");
        return None;
    };
    let size = 1u64 << (32 - bits);
    if size < least {
        let why = format!("subnet with {size} address(es) is too small, the minimum is {least}");
        errors.invalid(field, masked(text), why);
    }
    Some(bits)
}

/// Looks at what is told of a Node.
pub fn registration(node: &Registration, errors: &mut ErrorList) {
    for why in names::subdomain(&node.name) {
        errors.invalid("nodeRegistration.name", node.name.as_str(), why);
    }
    for (at, (name, _)) in node.arguments.iter().enumerate() {
        if name.is_empty() {
            errors.invalid("nodeRegistration.kubeletExtraArgs", format!("index {at}"), "argument has no name");
        }
    }
    if !["", "Always", "IfNotPresent", "Never"].contains(&node.pull.as_str()) {
        errors.invalid("nodeRegistration.imagePullPolicy", node.pull.as_str(), "invalid pull policy");
    }
}

/// Looks at tokens that are to be made.
pub fn tokens(tokens: &[Made], errors: &mut ErrorList) {
    for (at, token) in tokens.iter().enumerate() {
        let place = format!("bootstrapTokens.{at}");
        let known = ["signing", "authentication"];
        let mut unknown: Vec<&str> =
            token.usages.iter().map(String::as_str).filter(|usage| !known.contains(usage)).collect();
        unknown.sort_unstable();
        if !unknown.is_empty() {
            let why = format!(
                "invalid bootstrap token usage string: {}, valid usage options: {}",
                unknown.join(","),
                known.join(",")
            );
            errors.invalid(format!("{place}.usages"), json!(token.usages), why);
        }
        let groups = format!("{place}.groups");
        if !token.groups.is_empty() && !token.usages.iter().any(|usage| usage == "authentication") {
            let why = "token groups cannot be specified unless --usages includes \"authentication\"";
            errors.invalid(groups.as_str(), json!(token.groups), why);
        }
        for group in token.groups.iter().filter(|group| !is_bootstrappers(group)) {
            let why = format!(
                "bootstrap group {group:?} is invalid (must match \\Asystem:bootstrappers:[a-z0-9:-]{{0,255}}[a-z0-9]\\z)"
            );
            errors.invalid(groups.as_str(), json!(token.groups), why);
        }
    }
}

fn is_bootstrappers(group: &str) -> bool {
    let Some(rest) = group.strip_prefix("system:bootstrappers:") else { return false };
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    rest.len() <= 256
        && rest.chars().all(|letter| plain(letter) || matches!(letter, ':' | '-'))
        && rest.ends_with(plain)
}

/// Looks at the key to the certificates that control planes share.
pub fn certificate_key(key: &str, errors: &mut ErrorList) {
    if key.is_empty() {
        return;
    }
    match key.chars().find(|digit| !digit.is_ascii_hexdigit()) {
        Some(digit) => {
            let point = u32::from(digit);
            let why = format!("certificate key decoding error: encoding/hex: invalid byte: U+{point:04X} '{digit}'");
            errors.invalid("certificateKey", key, why);
        }
        None if !key.len().is_multiple_of(2) => {
            errors.invalid(
                "certificateKey",
                key,
                "certificate key decoding error: encoding/hex: odd length hex string",
            );
        }
        None if key.len() != 64 => {
            let why = format!("invalid certificate key size {}, the key must be an AES key of size 32", key.len() / 2);
            errors.invalid("certificateKey", key, why);
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(cluster: Value) -> String {
        let mut errors = ErrorList::default();
        networking(&cluster, &mut errors);
        errors.sentence()
    }

    #[test]
    fn ranges_are_told_of_as_kubeadm_tells_of_them() {
        let of = |services: &str, pods: &str| json!({ "networking": { "dnsDomain": "a.b", "serviceSubnet": services, "podSubnet": pods } });
        assert_eq!(said(of("10.96.0.0/12", "10.244.0.0/16")), "[]");
        assert_eq!(
            said(of("10.96.0.0/33", "")),
            "networking.serviceSubnet: Invalid value: \"10.96.0.0/33\": couldn't parse subnet"
        );
        assert_eq!(
            said(of("10.1.2.3/8", "")),
            "networking.serviceSubnet: Invalid value: \"10.0.0.0/8\": specified service subnet is too large; for 32-bit addresses, the mask must be >= 12"
        );
        assert_eq!(
            said(of("10.96.0.0/29", "10.0.0.0/25")),
            "[networking.serviceSubnet: Invalid value: \"10.96.0.0/29\": subnet with 8 address(es) is too small, the minimum is 10, networking.podSubnet: Invalid value: \"10.0.0.0/25\": the size of pod subnet with mask 25 is smaller than the size of node subnet with mask 24]"
        );
    }

    #[test]
    fn endpoints_are_hosts_with_a_port_or_without() {
        assert_eq!(host_port("cluster.example:6443"), Ok(("cluster.example", Some(6443))));
        assert_eq!(host_port("10.0.0.1"), Ok(("10.0.0.1", None)));
        assert_eq!(
            host_port("a:b:c").unwrap_err(),
            "hostport a:b:c: host 'a:b:c' must be a valid IP address or a valid RFC-1123 DNS subdomain"
        );
        assert!(host_port("a_b:6443").is_err() && host_port("a:0").is_err());
    }
}
