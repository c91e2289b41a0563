//! What objects use of a quota: Pods their resources, Services their ports, claims their storage, all of them their number.
//! Source: `pkg/quota/v1/evaluator/core`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::scope;
use crate::base::clock::later;
use crate::object::meta;
use crate::object::pod_resources::{self, Resources, add, read};
use crate::object::quantity::Quantity;
use crate::sim::apiserver::storage::Object;

const BY_CLASS: &str = ".storageclass.storage.k8s.io/";
/// The names that count objects of one resource, from before `count/` was there.
const OLD_COUNTS: [&str; 4] = ["configmaps", "resourcequotas", "replicationcontrollers", "secrets"];
const POD_NAMES: [&str; 10] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
];

/// The resource whose objects a quota's name counts, such as `pods` for `limits.cpu` and `deployments.apps` for `count/deployments.apps`.
pub fn counted(name: &str) -> Option<&str> {
    if let Some(resource) = name.strip_prefix("count/") {
        return Some(resource);
    }
    match name {
        "services" | "services.loadbalancers" | "services.nodeports" => Some("services"),
        "persistentvolumeclaims" | "requests.storage" => Some("persistentvolumeclaims"),
        _ if name.contains(BY_CLASS) => Some("persistentvolumeclaims"),
        _ if OLD_COUNTS.contains(&name) => Some(name),
        _ if POD_NAMES.contains(&name) => Some("pods"),
        _ if name.starts_with("hugepages-") || name.starts_with("requests.") => Some("pods"),
        _ => None,
    }
}

/// What one object of `resource` (plural with group) uses, by the names of quotas.
pub fn of(resource: &str, object: &Value, now: Timestamp) -> Resources {
    let mut used = Resources::new();
    used.insert(format!("count/{resource}"), Quantity::from_value(1));
    match resource {
        "pods" if counts(object, now) => add(&mut used, &compute(object)),
        "services" => add(&mut used, &service(object)),
        "persistentvolumeclaims" => add(&mut used, &claim(object)),
        other if OLD_COUNTS.contains(&other) => drop(used.insert(other.to_owned(), Quantity::from_value(1))),
        _ => {}
    }
    used
}

/// Whether a Pod still uses anything: it has not ended, and is not overdue to.
fn counts(pod: &Value, now: Timestamp) -> bool {
    if matches!(meta::text(pod, "/status/phase"), "Succeeded" | "Failed") {
        return false;
    }
    let deleted: Option<Timestamp> = meta::text(pod, "/metadata/deletionTimestamp").parse().ok();
    let grace = meta::number(pod, "/metadata/deletionGracePeriodSeconds").unwrap_or_default();
    deleted.is_none_or(|deleted| now <= later(deleted, grace))
}

fn compute(pod: &Value) -> Resources {
    let spec = &pod["spec"];
    let mut used = named(&pod_resources::requests(spec), &pod_resources::limits(spec));
    used.insert("pods".to_owned(), Quantity::from_value(1));
    used
}

/// Requests and limits under the names of quotas.
pub(super) fn named(requests: &Resources, limits: &Resources) -> Resources {
    let mut used = Resources::new();
    for (name, quantity) in requests {
        let plain = matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
        if plain {
            used.insert(name.clone(), *quantity);
        }
        used.insert(format!("requests.{name}"), *quantity);
    }
    for name in ["cpu", "memory", "ephemeral-storage"] {
        if let Some(quantity) = limits.get(name) {
            used.insert(format!("limits.{name}"), *quantity);
        }
    }
    used
}

fn service(service: &Value) -> Resources {
    let ports = meta::list(service, "/spec/ports");
    let allocates = service.pointer("/spec/allocateLoadBalancerNodePorts").and_then(Value::as_bool).unwrap_or(true);
    let fixed = ports.iter().filter(|port| meta::number(port, "/nodePort").is_some_and(|port| port != 0)).count();
    let (balancers, node_ports) = match meta::text(service, "/spec/type") {
        "NodePort" => (0, ports.len()),
        "LoadBalancer" if !allocates => (1, fixed),
        "LoadBalancer" => (1, ports.len()),
        _ => (0, 0),
    };
    let node_ports = i64::try_from(node_ports).unwrap_or(i64::MAX);
    let each = [("services", 1), ("services.loadbalancers", balancers), ("services.nodeports", node_ports)];
    each.into_iter().map(|(name, count)| (name.to_owned(), Quantity::from_value(count))).collect()
}

fn claim(claim: &Value) -> Resources {
    let size = read(claim.pointer("/spec/resources/requests")).get("storage").copied();
    let mut used = Resources::from([("persistentvolumeclaims".to_owned(), Quantity::from_value(1))]);
    used.extend(size.map(|size| ("requests.storage".to_owned(), size)));
    let class = meta::text(claim, "/spec/storageClassName");
    if !class.is_empty() {
        let of_class: Vec<_> = used.iter().map(|(name, used)| (format!("{class}{BY_CLASS}{name}"), *used)).collect();
        used.extend(of_class);
    }
    used
}

/// Whether an object counts for a quota: the quota names something of its resource, and its scopes hold for it.
pub fn matches(quota: &Value, resource: &str, object: &Value) -> bool {
    let hard = meta::map(quota, "/spec/hard").into_iter().flatten();
    hard.into_iter().any(|(name, _)| counted(name) == Some(resource)) && scope::holds(quota, resource, object)
}

/// What is used of everything a quota limits, with `list` giving the objects of a resource in the quota's namespace.
pub fn total(quota: &Value, now: Timestamp, list: impl Fn(&str) -> Vec<Object>) -> Resources {
    let names: Vec<&String> = meta::map(quota, "/spec/hard").into_iter().flatten().map(|(name, _)| name).collect();
    let mut total: Resources = names.iter().map(|name| ((*name).clone(), Quantity::ZERO)).collect();
    let mut resources: Vec<&str> = names.iter().filter_map(|name| counted(name)).collect();
    resources.sort_unstable();
    resources.dedup();
    for resource in resources {
        for object in list(resource) {
            if !scope::holds(quota, resource, &object) {
                continue;
            }
            for (name, quantity) in of(resource, &object, now) {
                if let Some(sum) = total.get_mut(&name) {
                    *sum += quantity;
                }
            }
        }
    }
    total
}

/// Quantities as a status has them.
pub fn written(resources: &Resources) -> Value {
    resources.iter().map(|(name, quantity)| (name.clone(), json!(quantity.to_string()))).collect()
}
