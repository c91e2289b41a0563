//! Endpoints: the addresses behind a Service, in the older form.
//! Source: `pkg/apis/core/v1/defaults.go` and `pkg/registry/core/endpoint/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::At;
use super::cells::{self, NONE};
use super::check;
use super::filling::{each, zero};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `v1 Endpoints`.
pub static ENDPOINTS: Resource = Resource {
    group: "",
    version: "v1",
    kind: "Endpoints",
    plural: "endpoints",
    singular: "endpoints",
    short_names: &["ep"],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy { defaults, create_on_update: true, validate, ..Strategy::PLAIN },
    table: Table { columns: &[NAME, column("Endpoints"), AGE], row },
    stored_as: None,
};

fn defaults(endpoints: &mut Value) {
    each(endpoints, "subsets", |subset| each(subset, "ports", |port| zero(port, "protocol", "TCP")));
}

fn row(endpoints: &Value, now: Timestamp) -> Vec<Value> {
    vec![cells::name(endpoints), json!(addresses(endpoints)), age(endpoints, now)]
}

/// The first three `ip:port`, then how many more.
fn addresses(endpoints: &Value) -> String {
    let subsets = meta::list(endpoints, "/subsets");
    if subsets.is_empty() {
        return NONE.to_owned();
    }
    let mut all = Vec::new();
    for subset in subsets {
        let hosts = meta::list(subset, "/addresses");
        let ports = meta::list(subset, "/ports");
        if ports.is_empty() {
            all.extend(hosts.iter().map(|host| meta::text(host, "/ip").to_owned()));
        }
        for port in ports {
            let number = meta::number(port, "/port").unwrap_or_default();
            all.extend(hosts.iter().map(|host| format!("{}:{number}", meta::text(host, "/ip"))));
        }
    }
    match all.len() {
        0..=3 => all.join(","),
        count => format!("{} + {} more...", all[..3].join(","), count - 3),
    }
}

fn validate(endpoints: &Value, errors: &mut ErrorList) {
    let root = At::root(endpoints);
    let subsets = root.key("subsets");
    for subset in subsets.items() {
        if subset.key("addresses").is_empty() && subset.key("notReadyAddresses").is_empty() {
            subset.required_because("must specify `addresses` or `notReadyAddresses`", errors);
        }
        for list in ["addresses", "notReadyAddresses"] {
            let addresses = subset.key(list);
            for address in addresses.items() {
                let ip = address.key("ip");
                check::ip(ip, errors);
                let (hostname, node) = (address.key("hostname"), address.key("nodeName"));
                if !hostname.is_empty() {
                    check::dns_label(hostname, errors);
                }
                if node.is_set() {
                    check::subdomain(node, errors);
                }
                check::endpoint_ip(ip, errors);
            }
        }
        let ports = subset.key("ports");
        for port in ports.items() {
            let (name, protocol) = (port.key("name"), port.key("protocol"));
            if name.is_empty() {
                if ports.list().len() > 1 {
                    name.required(errors);
                }
            } else {
                check::dns_label(name, errors);
            }
            check::port_number(port.key("port"), errors);
            protocol.one_of(&["SCTP", "TCP", "UDP"], errors);
        }
    }
}
