//! Whether requests and limits lie within a LimitRange, and the words for those that do not.
//! Source: `minConstraint`, `maxConstraint`, `limitRequestRatioConstraint` and their callers.

use serde_json::Value;

use crate::object::meta;
use crate::object::pod_resources::{self, Resources, read};
use crate::object::quantity::Quantity;

/// One or more faults as Go's aggregate writes them.
pub fn sentence(faults: &[String]) -> String {
    let mut each: Vec<&String> = Vec::new();
    faults.iter().for_each(|fault| {
        if !each.contains(&fault) {
            each.push(fault)
        }
    });
    match each.as_slice() {
        [one] => (*one).clone(),
        many => format!("[{}]", many.iter().map(|fault| fault.as_str()).collect::<Vec<_>>().join(", ")),
    }
}

/// What is wrong with a Pod.
pub fn pod(range: &Value, pod: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for limit in meta::list(range, "/spec/limits") {
        match meta::text(limit, "/type") {
            "Container" => {
                let lists = ["/spec/containers", "/spec/initContainers"];
                for container in lists.iter().flat_map(|list| meta::list(pod, list)) {
                    let of = |key: &str| read(container.pointer(key));
                    check(limit, &of("/resources/requests"), &of("/resources/limits"), &mut faults);
                }
            }
            "Pod" => {
                let spec = &pod["spec"];
                check(limit, &pod_resources::requests(spec), &pod_resources::limits(spec), &mut faults);
            }
            _ => {}
        }
    }
    faults
}

/// What is wrong with a claim.
pub fn claim(range: &Value, claim: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let requests = read(claim.pointer("/spec/resources/requests"));
    let limits = meta::list(range, "/spec/limits").iter();
    for limit in limits.filter(|limit| meta::text(limit, "/type") == "PersistentVolumeClaim") {
        for (name, least) in read(limit.get("min")) {
            faults.extend(below("PersistentVolumeClaim", (&name, least), &requests, &Resources::new()));
        }
        for (name, most) in read(limit.get("max")) {
            let start = format!("maximum {name} usage per PersistentVolumeClaim is {most}");
            match requests.get(&name) {
                None => faults.push(format!("{start}.  No request is specified")),
                Some(asked) if *asked > most => faults.push(format!("{start}, but request is {asked}")),
                Some(_) => {}
            }
        }
    }
    faults
}

fn check(limit: &Value, requests: &Resources, limits: &Resources, faults: &mut Vec<String>) {
    let kind = meta::text(limit, "/type");
    for (name, least) in read(limit.get("min")) {
        faults.extend(below(kind, (&name, least), requests, limits));
    }
    for (name, most) in read(limit.get("max")) {
        faults.extend(above(kind, (&name, most), requests, limits));
    }
    for (name, ratio) in read(limit.get("maxLimitRequestRatio")) {
        faults.extend(apart(kind, (&name, ratio), requests, limits));
    }
}

fn below(kind: &str, (name, least): (&str, Quantity), requests: &Resources, limits: &Resources) -> Option<String> {
    let start = format!("minimum {name} usage per {kind} is {least}");
    let Some(request) = requests.get(name) else { return Some(format!("{start}.  No request is specified")) };
    if *request < least {
        return Some(format!("{start}, but request is {request}"));
    }
    limits.get(name).filter(|limit| **limit < least).map(|limit| format!("{start}, but limit is {limit}"))
}

fn above(kind: &str, (name, most): (&str, Quantity), requests: &Resources, limits: &Resources) -> Option<String> {
    let start = format!("maximum {name} usage per {kind} is {most}");
    let Some(limit) = limits.get(name) else { return Some(format!("{start}.  No limit is specified")) };
    if *limit > most {
        return Some(format!("{start}, but limit is {limit}"));
    }
    requests.get(name).filter(|request| **request > most).map(|request| format!("{start}, but request is {request}"))
}

fn apart(kind: &str, (name, ratio): (&str, Quantity), requests: &Resources, limits: &Resources) -> Option<String> {
    let start = format!("{name} max limit to request ratio per {kind} is {ratio}");
    let some = |list: &Resources| list.get(name).copied().filter(|found| !found.is_zero());
    let Some(request) = some(requests) else {
        return Some(format!("{start}, but no request is specified or request is 0"));
    };
    let Some(limit) = some(limits) else {
        return Some(format!("{start}, but no limit is specified or limit is 0"));
    };
    let found = limit.as_f64() / request.as_f64();
    (found > ratio.as_f64()).then(|| format!("{start}, but provided ratio is {found:.6}"))
}
