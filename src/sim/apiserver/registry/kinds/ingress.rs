//! Ingress: HTTP routes to Services.
//! Source: `pkg/registry/networking/ingress/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::At;
use super::cells::{self, NONE};
use super::check;
use super::filling::reset_status;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::names;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `networking.k8s.io/v1 Ingress`.
pub static INGRESS: Resource = Resource {
    group: "networking.k8s.io",
    version: "v1",
    kind: "Ingress",
    plural: "ingresses",
    singular: "ingress",
    short_names: &["ing"],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy {
        prepare_create: |ingress| reset_status(ingress, json!({ "loadBalancer": {} })),
        generation: true,
        validate,
        validate_subresource,
        warnings,
        ..Strategy::PLAIN
    },
    table: Table { columns: &[NAME, column("Class"), column("Hosts"), column("Address"), column("Ports"), AGE], row },
    stored_as: None,
};

fn row(ingress: &Value, now: Timestamp) -> Vec<Value> {
    let ports = if meta::list(ingress, "/spec/tls").is_empty() { "80" } else { "80, 443" };
    vec![
        cells::name(ingress),
        cells::text_or(ingress, "/spec/ingressClassName", NONE),
        json!(hosts(ingress)),
        json!(cells::load_balancer(ingress)),
        json!(ports),
        age(ingress, now),
    ]
}

/// The hosts of the first rules, until three are found; then how many rules more.
fn hosts(ingress: &Value) -> String {
    let rules = meta::list(ingress, "/spec/rules");
    let (mut found, mut more) = (Vec::new(), false);
    for rule in rules {
        more |= found.len() == 3;
        let host = meta::text(rule, "/host");
        if !more && !host.is_empty() {
            found.push(host);
        }
    }
    match found.is_empty() {
        true => "*".to_owned(),
        false if more => format!("{} + {} more...", found.join(","), rules.len() - 3),
        false => found.join(","),
    }
}

fn validate(ingress: &Value, errors: &mut ErrorList) {
    let root = At::root(ingress);
    let spec = root.key("spec");
    let class = spec.key("ingressClassName");
    if class.is_set() {
        let annotation = "kubernetes.io/ingress.class";
        if let Some(other) = meta::annotation(ingress, annotation)
            && other != class.text()
        {
            let why = "must match `ingressClassName` when both are specified";
            errors.invalid(format!("annotations.{annotation}"), other, why);
        }
    }
    let (rules, backend) = (spec.key("rules"), spec.key("defaultBackend"));
    if rules.list().is_empty() && !backend.is_set() {
        errors.invalid(spec.path(), rules.value().clone(), "either `defaultBackend` or `rules` must be specified");
    }
    if backend.is_set() {
        self::backend(backend, errors);
    }
    for rule in rules.items() {
        self::rule(rule, errors);
    }
    let all = spec.key("tls");
    for tls in all.items() {
        let hosts = tls.key("hosts");
        for host in hosts.items() {
            dns_name(host, errors);
        }
        let secret = tls.key("secretName");
        if !secret.is_empty() {
            check::subdomain(secret, errors);
        }
    }
    if class.is_set() {
        check::subdomain(class, errors);
    }
}

fn dns_name(host: At<'_, '_>, errors: &mut ErrorList) {
    if host.text().contains('*') {
        host.invalid_each(names::wildcard(host.text()), errors);
    } else {
        check::subdomain(host, errors);
    }
}

fn rule(rule: At<'_, '_>, errors: &mut ErrorList) {
    let host = rule.key("host");
    if !host.is_empty() {
        if host.text().parse::<std::net::IpAddr>().is_ok() {
            host.invalid("must be a DNS name, not an IP address", errors);
        }
        dns_name(host, errors);
    }
    let http = rule.key("http");
    let paths = http.key("paths");
    if http.is_set() && paths.list().is_empty() {
        paths.required(errors);
    }
    for path in paths.items() {
        self::path(path, errors);
        self::backend(path.key("backend"), errors);
    }
}

/// What a path may not hold, and may not end in.
const IN_PATH: [&str; 5] = ["//", "/./", "/../", "%2f", "%2F"];
const AT_END: [&str; 2] = ["/..", "/."];

fn path(rule: At<'_, '_>, errors: &mut ErrorList) {
    let (kind, path) = (rule.key("pathType"), rule.key("path"));
    match kind.text() {
        "" => kind.required_because("pathType must be specified", errors),
        "Exact" | "Prefix" => {
            if !path.text().starts_with('/') {
                path.invalid_text("must be an absolute path", errors);
            }
            for part in IN_PATH.iter().filter(|part| path.text().contains(**part)) {
                path.invalid(format!("must not contain '{part}'"), errors);
            }
            for end in AT_END.iter().filter(|end| path.text().ends_with(**end)) {
                path.invalid(format!("cannot end with '{end}'"), errors);
            }
        }
        "ImplementationSpecific" => {
            if !path.is_empty() && !path.text().starts_with('/') {
                path.invalid_text("must be an absolute path", errors);
            }
        }
        _ => kind.one_of(&["Exact", "ImplementationSpecific", "Prefix"], errors),
    }
}

fn backend(backend: At<'_, '_>, errors: &mut ErrorList) {
    let (service, resource) = (backend.key("service"), backend.key("resource"));
    let wrong = |why: &str, errors: &mut ErrorList| errors.invalid(backend.path(), "", why);
    match (service.is_set(), resource.is_set()) {
        (true, true) => wrong("cannot set both resource and service backends", errors),
        (false, false) => wrong("resource or service backend is required", errors),
        (false, true) => {}
        (true, false) => {
            let (name, port) = (service.key("name"), service.key("port"));
            if name.is_empty() {
                name.required(errors);
            } else {
                name.invalid_each(names::dns1035_label(name.text()), errors);
            }
            let (number, text) = (port.key("number"), port.key("name"));
            match (!text.is_empty(), number.count() != 0) {
                (true, true) => wrong("cannot set both port name & port number", errors),
                (false, false) => backend.required_because("port name or number is required", errors),
                (true, false) => text.invalid_each(check::port_name(text.text()), errors),
                (false, true) => check::port_number(number, errors),
            }
        }
    }
}

/// Checks where its balancer is said to be (`pkg/apis/networking/validation/validation.go`, ValidateIngressLoadBalancerStatus).
fn validate_subresource(subresource: &str, new: &Value, _: &Value, errors: &mut ErrorList) {
    if subresource != "status" {
        return;
    }
    let root = At::root(new);
    let status = root.key("status");
    let balancer = status.key("loadBalancer");
    let places = balancer.key("ingress");
    for place in places.items() {
        let (ip, host) = (place.key("ip"), place.key("hostname"));
        if !ip.is_empty() {
            check::ip(ip, errors);
        }
        if !host.is_empty() {
            check::subdomain(host, errors);
            if check::sloppy_ip(host.text()).is_some() {
                host.invalid("must be a DNS name, not an IP address", errors);
            }
        }
    }
}

fn warnings(ingress: &Value) -> Vec<String> {
    let annotation = "kubernetes.io/ingress.class";
    match meta::annotation(ingress, annotation) {
        Some(_) if meta::text(ingress, "/spec/ingressClassName").is_empty() => {
            vec![format!("annotation {annotation:?} is deprecated, please use 'spec.ingressClassName' instead")]
        }
        _ => Vec::new(),
    }
}
