//! What a Service must be, and what of it may not change.
//! Addresses and ports that are taken are refused where they are handed out, in `service_ips.rs`.
//! Source: `pkg/apis/core/validation/validation.go`, validateService, ValidateServiceUpdate.

use serde_json::{Value, json};

use super::at::At;
use super::check;
use super::service::is_external;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::names;

fn kind<'v>(spec: At<'v, '_>) -> &'v str {
    meta::text(spec.value(), "/type")
}

fn is_headless(spec: At<'_, '_>) -> bool {
    let ips = spec.key("clusterIPs");
    matches!(ips.list(), [ip] if ip == "None") || ips.list().is_empty() && spec.key("clusterIP").text() == "None"
}

/// Checks a Service.
pub fn validate(service: &Value, errors: &mut ErrorList) {
    let root = At::root(service);
    let spec = root.key("spec");
    if spec.key("ports").list().is_empty() && !is_headless(spec) && kind(spec) != "ExternalName" {
        spec.key("ports").required(errors);
    }
    of_type(spec, errors);
    ports(spec.key("ports"), errors);
    check::labels(spec.key("selector"), errors);
    affinity(spec, errors);
    addresses(spec, errors);
    let ips = spec.key("externalIPs");
    for ip in ips.items() {
        if ip.text().parse::<std::net::IpAddr>().is_err() {
            check::ip(ip, errors);
        } else {
            check::endpoint_ip(ip, errors);
        }
    }
    spec.key("type").one_of(&["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"], errors);
    duplicates(spec, errors);
    load_balancer(spec, errors);
    traffic(spec, errors);
}

fn of_type(spec: At<'_, '_>, errors: &mut ErrorList) {
    let kind = kind(spec);
    match kind {
        "LoadBalancer" | "NodePort" if is_headless(spec) => {
            errors.invalid("spec.clusterIPs[0]", "None", format!("may not be set to 'None' for {kind} services"));
        }
        "ExternalName" => {
            // `clusterIP` alone is the same as both.
            if !spec.key("clusterIPs").is_empty() || !spec.key("clusterIP").is_empty() {
                errors.forbidden("spec.clusterIPs", "may not be set for ExternalName services");
            }
            for field in ["ipFamilies", "ipFamilyPolicy"] {
                if !spec.key(field).is_empty() {
                    spec.key(field).forbidden("may not be set for ExternalName services", errors);
                }
            }
            let name = spec.key("externalName");
            // A trailing dot says that the name is whole.
            match name.text().strip_suffix('.').unwrap_or(name.text()) {
                "" => name.required(errors),
                text => names::subdomain(text).iter().for_each(|why| errors.invalid(name.path(), text, why)),
            }
        }
        _ => {}
    }
}

fn ports(ports: At<'_, '_>, errors: &mut ErrorList) {
    let several = ports.list().len() > 1;
    let mut names: Vec<&str> = Vec::new();
    for port in ports.items() {
        let name = port.key("name");
        if !name.is_empty() {
            check::dns_label(name, errors);
            if names.contains(&name.text()) {
                name.duplicate(errors);
            }
            names.push(name.text());
        } else if several {
            name.required(errors);
        }
        check::port_number(port.key("port"), errors);
        port.key("protocol").one_of(&["SCTP", "TCP", "UDP"], errors);
        check::port(port.key("targetPort"), errors);
        let protocol = port.key("appProtocol");
        if protocol.is_set() {
            check::qualified(protocol, errors);
        }
    }
}

fn affinity(spec: At<'_, '_>, errors: &mut ErrorList) {
    let affinity = spec.key("sessionAffinity");
    affinity.one_of(&["ClientIP", "None"], errors);
    if affinity.text() == "ClientIP" {
        let config = spec.key("sessionAffinityConfig");
        let client = config.key("clientIP");
        let seconds = client.key("timeoutSeconds");
        if !(1..=86_400).contains(&seconds.count()) {
            seconds.invalid("must be greater than 0 and less than 86400", errors);
        }
    }
}

fn addresses(spec: At<'_, '_>, errors: &mut ErrorList) {
    if kind(spec) == "ExternalName" {
        return;
    }
    let (one, all) = (spec.key("clusterIP"), spec.key("clusterIPs"));
    let first = all.list().first();
    if one.is_empty() && first.is_some() {
        all.invalid("must be empty when `clusterIP` is not specified", errors);
    } else if first.is_some_and(|first| first != one.value()) {
        all.invalid("first value must match `clusterIP`", errors);
    }
    let families = spec.key("ipFamilies");
    let mut seen: Vec<&str> = Vec::new();
    for family in families.items() {
        family.one_of(&["IPv4", "IPv6"], errors);
        if seen.contains(&family.text()) {
            family.duplicate(errors);
        }
        seen.push(family.text());
    }
    spec.key("ipFamilyPolicy").one_of_if_set(&["PreferDualStack", "RequireDualStack", "SingleStack"], errors);
    if all.is_empty() && !one.is_empty() && one.text() != "None" && one.text().parse::<std::net::IpAddr>().is_err() {
        // It is put into `clusterIPs` before it is given out.
        let known = json!({ "spec": { "clusterIPs": [one.text()] } });
        let root = At::root(&known);
        let spec = root.key("spec");
        let ips = spec.key("clusterIPs");
        ips.items().for_each(|ip| check::ip(ip, errors));
    }
    for (index, ip) in all.items().enumerate() {
        if index != 0 || ip.text() != "None" {
            check::ip(ip, errors);
        }
    }
    let found = all.items().filter_map(|ip| ip.text().parse::<std::net::IpAddr>().ok());
    let kinds: Vec<bool> = found.map(|ip| ip.is_ipv4()).collect();
    if matches!(kinds[..], [one, other] if one == other) {
        all.invalid("may specify no more than one IP for each IP family", errors);
    }
    for (index, (ip, family)) in all.items().zip(families.items()).enumerate() {
        let other = ip.text().parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_ipv4() != (family.text() == "IPv4"));
        if other && matches!(family.text(), "IPv4" | "IPv6") {
            let family = family.text();
            ip.invalid(format!("expected an {family} value as indicated by `ipFamilies[{index}]`"), errors);
        }
    }
}

fn duplicates(spec: At<'_, '_>, errors: &mut ErrorList) {
    let ports = spec.key("ports");
    if kind(spec) == "ClusterIP" {
        for port in ports.items() {
            if port.key("nodePort").count() != 0 {
                port.key("nodePort").forbidden("may not be used when `type` is 'ClusterIP'", errors);
            }
        }
    }
    let mut seen: Vec<(&str, i64)> = Vec::new();
    for port in ports.items() {
        let pair = (port.key("protocol").text(), port.key("port").count());
        if seen.contains(&pair) {
            let shown = json!({
                "Name": "", "Protocol": pair.0, "AppProtocol": null, "Port": pair.1, "TargetPort": 0, "NodePort": 0,
            });
            errors.duplicate(port.path(), shown);
        }
        seen.push(pair);
    }
}

fn load_balancer(spec: At<'_, '_>, errors: &mut ErrorList) {
    const ONLY: &str = "may only be used when `type` is 'LoadBalancer'";
    let balances = kind(spec) == "LoadBalancer";
    let ranges = spec.key("loadBalancerSourceRanges");
    // Upstream writes the field's name with a capital.
    let field = "spec.LoadBalancerSourceRanges";
    if !ranges.is_empty() && !balances {
        errors.forbidden(field, ONLY);
    }
    for (index, range) in ranges.list().iter().enumerate() {
        let text = range.as_str().unwrap_or_default().trim();
        if check::parse_cidr(text).is_none() {
            errors.invalid(format!("{field}[{index}]"), text, check::CIDR);
        }
    }
    let ports = spec.key("allocateLoadBalancerNodePorts");
    if ports.is_set() && !balances {
        ports.forbidden(ONLY, errors);
    }
    let class = spec.key("loadBalancerClass");
    if class.is_set() && !balances {
        class.forbidden(ONLY, errors);
    } else if class.is_set() {
        check::qualified(class, errors);
    }
}

fn traffic(spec: At<'_, '_>, errors: &mut ErrorList) {
    let policy = spec.key("externalTrafficPolicy");
    if is_external(spec.value()) {
        policy.one_of(&["Cluster", "Local"], errors);
    } else if !policy.is_empty() {
        policy.invalid("may only be set for externally-accessible services", errors);
    }
    let health = spec.key("healthCheckNodePort");
    if health.count() != 0 && (kind(spec) != "LoadBalancer" || policy.text() != "Local") {
        let why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        health.invalid(why, errors);
    }
    spec.key("internalTrafficPolicy").one_of_if_set(&["Cluster", "Local"], errors);
    let near = ["PreferClose", "PreferSameZone", "PreferSameNode"];
    spec.key("trafficDistribution").one_of_if_set(&near, errors);
}

/// Checks a change of a Service: a primary address stays.
pub fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    let (new_root, old_root) = (At::root(new), At::root(old));
    let (new, old) = (new_root.key("spec"), old_root.key("spec"));
    if kind(new) == "ExternalName" || kind(old) == "ExternalName" || (is_headless(new) && is_headless(old)) {
        return;
    }
    let (after, before) = (new.key("clusterIPs"), old.key("clusterIPs"));
    let Some(kept) = before.list().first() else { return };
    let Some(first) = after.list().first() else {
        return errors.invalid("spec.clusterIPs[0]", after.value().clone(), "primary clusterIP can not be unset");
    };
    if first != kept {
        errors.invalid("spec.clusterIPs[0]", after.value().clone(), "may not change once set");
    }
    if new.key("loadBalancerClass").value() != old.key("loadBalancerClass").value()
        && kind(new) == "LoadBalancer"
        && kind(old) == "LoadBalancer"
    {
        new.key("loadBalancerClass").invalid("may not change once set", errors);
    }
    let (health, had) = (new.key("healthCheckNodePort"), old.key("healthCheckNodePort"));
    let wants = |spec: At<'_, '_>| kind(spec) == "LoadBalancer" && spec.key("externalTrafficPolicy").text() == "Local";
    if wants(new) && wants(old) && health.count() != had.count() {
        health.forbidden("field is immutable", errors);
    }
}

/// Checks where a balancer is said to be (`ValidateLoadBalancerStatus`).
pub fn validate_subresource(subresource: &str, new: &Value, _: &Value, errors: &mut ErrorList) {
    let root = At::root(new);
    let (spec, status) = (root.key("spec"), root.key("status"));
    let balancer = status.key("loadBalancer");
    let places = balancer.key("ingress");
    if subresource != "status" || places.is_empty() {
        return;
    }
    if kind(spec) != "LoadBalancer" {
        return places.forbidden("may only be used when `spec.type` is 'LoadBalancer'", errors);
    }
    for place in places.items() {
        let (ip, mode, host) = (place.key("ip"), place.key("ipMode"), place.key("hostname"));
        if !ip.is_empty() {
            check::ip(ip, errors);
            mode.one_of(&["Proxy", "VIP"], errors);
        } else if mode.is_set() {
            mode.forbidden("may not be specified when `ip` is not set", errors);
        }
        if !host.is_empty() {
            check::subdomain(host, errors);
            if host.text().parse::<std::net::IpAddr>().is_ok() {
                host.invalid("must be a DNS name, not an IP address", errors);
            }
        }
    }
}

/// What the server tells of a Service without refusing it.
pub fn warnings(service: &Value) -> Vec<String> {
    let root = At::root(service);
    let spec = root.key("spec");
    let mut told = Vec::new();
    let mut tell = |holds: bool, what: &str| {
        if holds {
            told.push(what.to_owned());
        }
    };
    let hints = "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead";
    tell(meta::annotation(service, "service.kubernetes.io/topology-aware-hints").is_some(), hints);
    let headless = kind(spec) == "ClusterIP" && spec.key("clusterIP").text() == "None";
    let sticky = spec.key("sessionAffinity").text() != "None";
    tell(headless && !spec.key("loadBalancerIP").is_empty(), "spec.loadBalancerIP is ignored for headless services");
    tell(headless && !spec.key("externalIPs").is_empty(), "spec.externalIPs is ignored for headless services");
    tell(headless && sticky, "spec.SessionAffinity is ignored for headless services");
    let external = kind(spec) == "ExternalName";
    let ignored = "spec.externalIPs is ignored when spec.type is \"ExternalName\"";
    tell(external && !spec.key("externalIPs").is_empty(), ignored);
    let ignored = "spec.externalName is ignored when spec.type is not \"ExternalName\"";
    tell(!external && !spec.key("externalName").is_empty(), ignored);
    let old = "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"";
    tell(spec.key("trafficDistribution").text() == "PreferClose", old);
    let (one, all) = (spec.key("clusterIP"), spec.key("clusterIPs"));
    if all.is_empty() && !one.is_empty() {
        // It is put into `clusterIPs` before it is given out.
        let known = json!({ "spec": { "clusterIPs": [one.text()] } });
        let root = At::root(&known);
        let spec = root.key("spec");
        told.extend(spec.key("clusterIPs").items().filter_map(check::odd_ip));
    }
    told.extend(all.items().filter_map(check::odd_ip));
    let (addresses, ranges) = (spec.key("externalIPs"), spec.key("loadBalancerSourceRanges"));
    told.extend(addresses.items().filter_map(check::odd_ip));
    told.extend(ranges.items().filter_map(check::ambiguous_cidr));
    told
}
