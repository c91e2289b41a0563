//! Service: one address for many Pods. Addresses and ports are handed out in `service_ips.rs`.
//! Source: `pkg/apis/core/v1/defaults.go` and `pkg/registry/core/service/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{self, NONE};
use super::filling::{each, part, reset_status, zero};
use super::service_ips;
use super::service_validation;
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{
    AGE, ALL_VERBS, NAME, Resource, STATUS, Subresource, Table, column, wide,
};
use crate::sim::apiserver::registry::strategy::{NameRule, Strategy};

/// `v1 Service`.
pub static SERVICE: Resource = Resource {
    group: "",
    version: "v1",
    kind: "Service",
    plural: "services",
    singular: "service",
    short_names: &["svc"],
    categories: &["all"],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[
        Subresource {
            name: "proxy",
            group: "",
            version: "",
            kind: "ServiceProxyOptions",
            verbs: &["create", "delete", "get", "patch", "update"],
        },
        STATUS,
    ],
    strategy: Strategy {
        name: NameRule::Dns1035,
        defaults,
        prepare_create: |service| reset_status(service, json!({ "loadBalancer": {} })),
        prepare_update: service_ips::carry_over,
        allocate: service_ips::allocate,
        create_on_update: true,
        fields: &[
            ("spec.clusterIP", |object| meta::text(object, "/spec/clusterIP").to_owned()),
            ("spec.type", |object| meta::text(object, "/spec/type").to_owned()),
        ],
        validate: service_validation::validate,
        validate_update: service_validation::validate_update,
        changes_first: true,
        validate_subresource: service_validation::validate_subresource,
        warnings: service_validation::warnings,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[
            NAME,
            column("Type"),
            column("Cluster-IP"),
            column("External-IP"),
            column("Port(s)"),
            AGE,
            wide("Selector"),
        ],
        row,
    },
    stored_as: None,
};

fn defaults(service: &mut Value) {
    let spec = meta::child(service, "spec");
    affinity(spec);
    zero(spec, "type", "ClusterIP");
    each(spec, "ports", |port| {
        zero(port, "protocol", "TCP");
        let number = port["port"].clone();
        zero(port, "targetPort", number);
    });
    let kind = meta::text(spec, "/type").to_owned();
    if is_external(spec) {
        zero(spec, "externalTrafficPolicy", "Cluster");
    }
    if matches!(kind.as_str(), "ClusterIP" | "NodePort" | "LoadBalancer") {
        meta::set_default(spec, "internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        meta::set_default(spec, "allocateLoadBalancerNodePorts", true);
        part(service, "status", |status| {
            part(status, "loadBalancer", |balancer| {
                each(balancer, "ingress", |place| {
                    if !meta::text(place, "/ip").is_empty() {
                        meta::set_default(place, "ipMode", "VIP");
                    }
                });
            });
        });
    }
}

/// Whether the Service can be reached from outside.
pub fn is_external(spec: &Value) -> bool {
    match meta::text(spec, "/type") {
        "LoadBalancer" | "NodePort" => true,
        "ClusterIP" => !meta::list(spec, "/externalIPs").is_empty(),
        _ => false,
    }
}

fn affinity(spec: &mut Value) {
    zero(spec, "sessionAffinity", "None");
    match meta::text(spec, "/sessionAffinity") {
        "None" => {
            meta::remove(spec, "sessionAffinityConfig");
        }
        "ClientIP" if spec.pointer("/sessionAffinityConfig/clientIP/timeoutSeconds").is_none() => {
            spec["sessionAffinityConfig"] = json!({ "clientIP": { "timeoutSeconds": 10_800 } });
        }
        _ => {}
    }
}

fn row(service: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        cells::name(service),
        cells::text(service, "/spec/type"),
        cells::text_or(service, "/spec/clusterIPs/0", NONE),
        json!(external(service)),
        json!(ports(service)),
        age(service, now),
        cells::labels(service.pointer("/spec/selector")),
    ]
}

fn external(service: &Value) -> String {
    let mut given: Vec<&str> = meta::list(service, "/spec/externalIPs").iter().filter_map(Value::as_str).collect();
    let balancer = cells::load_balancer(service);
    match meta::text(service, "/spec/type") {
        "ExternalName" => meta::text(service, "/spec/externalName").to_owned(),
        "LoadBalancer" => {
            if !balancer.is_empty() {
                given.insert(0, &balancer);
            }
            if given.is_empty() { "<pending>".to_owned() } else { given.join(",") }
        }
        "ClusterIP" | "NodePort" if given.is_empty() => NONE.to_owned(),
        "ClusterIP" | "NodePort" => given.join(","),
        _ => "<unknown>".to_owned(),
    }
}

fn ports(service: &Value) -> String {
    let shown = |port: &Value| {
        let (number, protocol) = (meta::number(port, "/port").unwrap_or_default(), meta::text(port, "/protocol"));
        match meta::number(port, "/nodePort") {
            Some(node) if node > 0 => format!("{number}:{node}/{protocol}"),
            _ => format!("{number}/{protocol}"),
        }
    };
    let ports: Vec<String> = meta::list(service, "/spec/ports").iter().map(shown).collect();
    if ports.is_empty() { NONE.to_owned() } else { ports.join(",") }
}
