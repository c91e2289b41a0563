//! EndpointSlice: the addresses behind a Service.
//! Source: `pkg/apis/discovery/v1/defaults.go`, `pkg/apis/discovery/validation/validation.go` and `pkg/registry/discovery/endpointslice/strategy.go`.

use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::Value;

use super::at::At;
use super::cells;
use super::check;
use super::filling::{count_up, each};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::names;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `discovery.k8s.io/v1 EndpointSlice`.
pub static ENDPOINTSLICE: Resource = Resource {
    group: "discovery.k8s.io",
    version: "v1",
    kind: "EndpointSlice",
    plural: "endpointslices",
    singular: "endpointslice",
    short_names: &[],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy {
        defaults,
        generation: true,
        prepare_update: |new, old| count_up(new, old, "labels"),
        validate,
        validate_update,
        ..Strategy::PLAIN
    },
    table: Table { columns: &[NAME, column("AddressType"), column("Ports"), column("Endpoints"), AGE], row },
    stored_as: None,
};

fn defaults(slice: &mut Value) {
    for list in ["endpoints", "ports"] {
        meta::set_default(slice, list, Value::Null);
    }
    each(slice, "ports", |port| {
        meta::set_default(port, "name", "");
        meta::set_default(port, "protocol", "TCP");
    });
}

fn row(slice: &Value, now: Timestamp) -> Vec<Value> {
    let ports: Vec<String> = meta::list(slice, "/ports").iter().map(port).collect();
    let addresses: Vec<String> = meta::list(slice, "/endpoints")
        .iter()
        .flat_map(|endpoint| meta::list(endpoint, "/addresses"))
        .filter_map(|address| address.as_str().map(str::to_owned))
        .collect();
    vec![
        cells::name(slice),
        cells::text(slice, "/addressType"),
        cells::three(&ports),
        cells::three(&addresses),
        age(slice, now),
    ]
}

fn port(port: &Value) -> String {
    match (meta::number(port, "/port"), port.get("name").and_then(Value::as_str)) {
        (Some(number), _) => number.to_string(),
        (None, Some(name)) => name.to_owned(),
        (None, None) => "*".to_owned(),
    }
}

fn validate(slice: &Value, errors: &mut ErrorList) {
    let root = At::root(slice);
    let kind = root.key("addressType");
    if kind.is_empty() {
        kind.required(errors);
    } else {
        kind.one_of(&["FQDN", "IPv4", "IPv6"], errors);
    }
    ports(root.key("ports"), errors);
    let endpoints = root.key("endpoints");
    for endpoint in endpoints.items() {
        let addresses = endpoint.key("addresses");
        if addresses.list().is_empty() {
            addresses.required_because("must contain at least 1 address", errors);
        }
        for address in addresses.items() {
            self::address(addresses, address, kind.text(), errors);
        }
        let (node, hostname) = (endpoint.key("nodeName"), endpoint.key("hostname"));
        if node.is_set() {
            check::subdomain(node, errors);
        }
        if hostname.is_set() {
            check::dns_label(hostname, errors);
        }
    }
}

/// An address of the kind the slice has.
fn address(list: At<'_, '_>, address: At<'_, '_>, kind: &str, errors: &mut ErrorList) {
    let text = address.text();
    let found = text.parse::<IpAddr>();
    match (kind, found) {
        // A trailing dot says that the name is whole.
        ("FQDN", _) => address.invalid_each(names::subdomain(text.strip_suffix('.').unwrap_or(text)), errors),
        ("IPv4" | "IPv6", Err(_)) => check::ip(address, errors),
        ("IPv4" | "IPv6", Ok(ip)) => {
            // Upstream leaves the index out.
            if ip.is_ipv4() != (kind == "IPv4") {
                errors.invalid(list.path(), text, format!("must be an {kind} address"));
            }
            check::endpoint_ip(address, errors);
        }
        _ => {}
    }
}

fn ports(ports: At<'_, '_>, errors: &mut ErrorList) {
    let mut seen: Vec<&str> = Vec::new();
    for port in ports.items() {
        let name = port.key("name");
        if !name.is_empty() {
            check::dns_label(name, errors);
        }
        if seen.contains(&name.text()) {
            errors.duplicate(name.path(), name.text());
        }
        seen.push(name.text());
        port.key("protocol").one_of(&["SCTP", "TCP", "UDP"], errors);
    }
}

fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    if new.get("addressType") != old.get("addressType") {
        errors.immutable("addressType", new["addressType"].clone());
    }
}
