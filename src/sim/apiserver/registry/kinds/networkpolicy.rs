//! NetworkPolicy: which traffic Pods take and send.
//! Source: `pkg/apis/networking/v1/defaults.go` and `pkg/registry/networking/networkpolicy/strategy.go`.

use serde_json::{Value, json};

use super::at::At;
use super::cells;
use super::check;
use super::filling::{always, each};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;
use std::net::IpAddr;

/// `networking.k8s.io/v1 NetworkPolicy`.
pub static NETWORKPOLICY: Resource = Resource {
    group: "networking.k8s.io",
    version: "v1",
    kind: "NetworkPolicy",
    plural: "networkpolicies",
    singular: "networkpolicy",
    short_names: &["netpol"],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy { defaults, generation: true, validate, warnings, ..Strategy::PLAIN },
    table: Table {
        columns: &[NAME, column("Pod-Selector"), AGE],
        row: |policy, now| {
            vec![cells::name(policy), cells::selector(policy.pointer("/spec/podSelector")), age(policy, now)]
        },
    },
    stored_as: None,
};

fn defaults(policy: &mut Value) {
    let spec = meta::child(policy, "spec");
    always(spec, "podSelector");
    for list in ["ingress", "egress"] {
        each(spec, list, |rule| each(rule, "ports", |port| meta::set_default(port, "protocol", "TCP")));
    }
    if meta::list(spec, "/policyTypes").is_empty() {
        let egress = !meta::list(spec, "/egress").is_empty();
        spec["policyTypes"] = if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
    }
}

fn validate(policy: &Value, errors: &mut ErrorList) {
    let root = At::root(policy);
    let spec = root.key("spec");
    check::selector(spec.key("podSelector"), errors);
    for (list, peers) in [("ingress", "from"), ("egress", "to")] {
        let rules = spec.key(list);
        for rule in rules.items() {
            let ports = rule.key("ports");
            for port in ports.items() {
                self::port(port, errors);
            }
            let peers = rule.key(peers);
            for peer in peers.items() {
                self::peer(peer, errors);
            }
        }
    }
    let types = spec.key("policyTypes");
    if types.list().len() > 2 {
        return types.invalid("may not specify more than two policyTypes", errors);
    }
    for kind in types.items() {
        kind.one_of(&["Ingress", "Egress"], errors);
    }
}

fn port(port: At<'_, '_>, errors: &mut ErrorList) {
    port.key("protocol").one_of_if_set(&["TCP", "UDP", "SCTP"], errors);
    let (number, end) = (port.key("port"), port.key("endPort"));
    if number.is_set() {
        check::port(number, errors);
        if !end.is_set() {
            return;
        }
        if number.number().is_none() {
            return end.invalid("may not be specified when `port` is non-numeric", errors);
        }
        if end.count() < number.count() {
            // Upstream shows the port, not its end.
            errors.invalid(end.path(), number.count(), "must be greater than or equal to `port`");
        }
        check::port_number(end, errors);
    } else if end.is_set() {
        end.invalid("may not be specified when `port` is not specified", errors);
    }
}

fn peer(peer: At<'_, '_>, errors: &mut ErrorList) {
    let mut given = 0;
    for selector in ["podSelector", "namespaceSelector"] {
        let selector = peer.key(selector);
        if selector.is_set() {
            given += 1;
            check::selector(selector, errors);
        }
    }
    let block = peer.key("ipBlock");
    if block.is_set() {
        ip_block(block, errors);
        if given > 0 {
            return peer.forbidden("may not specify both ipBlock and another peer", errors);
        }
        given += 1;
    }
    if given == 0 {
        peer.required_because("must specify a peer", errors);
    }
}

fn ip_block(block: At<'_, '_>, errors: &mut ErrorList) {
    let cidr = block.key("cidr");
    if cidr.is_empty() {
        return cidr.required(errors);
    }
    let Some(whole) = check::parse_cidr(cidr.text()) else { return check::cidr(cidr, errors) };
    let except = block.key("except");
    for part in except.items() {
        match check::parse_cidr(part.text()) {
            None => check::cidr(part, errors),
            Some(found) if !is_inside(whole, found) => {
                part.invalid_text("must be a strict subset of `cidr`", errors);
            }
            Some(_) => {}
        }
    }
}

/// Whether a network is a part of another, and smaller.
fn is_inside(whole: (IpAddr, u8), part: (IpAddr, u8)) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(four) => (u128::from(u32::from(four)) << 96, 32),
        IpAddr::V6(six) => (u128::from(six), 128),
    };
    let ((whole_bits, whole_size), (part_bits, part_size)) = (bits(whole.0), bits(part.0));
    let shift = 128 - u32::from(whole.1);
    let same = whole_bits.checked_shr(shift) == part_bits.checked_shr(shift);
    whole_size == part_size && part.1 > whole.1 && same
}

fn warnings(policy: &Value) -> Vec<String> {
    let mut told = Vec::new();
    let root = At::root(policy);
    let spec = root.key("spec");
    for (list, peers) in [("ingress", "from"), ("egress", "to")] {
        let rules = spec.key(list);
        for rule in rules.items() {
            let peers = rule.key(peers);
            for peer in peers.items() {
                let block = peer.key("ipBlock");
                told.extend(check::ambiguous_cidr(block.key("cidr")));
                let except = block.key("except");
                told.extend(except.items().filter_map(check::ambiguous_cidr));
            }
        }
    }
    told
}
