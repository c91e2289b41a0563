//! Whether a write stays within the quotas of its namespace.
//! A real server counts in the quotas' status; here the objects themselves are counted, so that nobody has to wait for a status.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::{Attributes, Operation};
use super::usage::{self, counted, named};
use crate::object::meta;
use crate::object::pod_resources::{Resources, read};
use crate::sim::apiserver::status::Result;

/// The names a Pod must give on every container when a quota limits them.
const REQUIRED: [&str; 6] = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

pub fn validate(attributes: &Attributes, object: &Value) -> Result<()> {
    let resource = attributes.resource.storage().group_resource();
    if attributes.namespace.is_empty() || !handles(attributes, &resource, object) {
        return Ok(());
    }
    let (quotas, _) = attributes.storage.list("resourcequotas", Some(attributes.namespace));
    for quota in quotas.iter().filter(|quota| usage::matches(quota, &resource, object)) {
        if resource == "pods" {
            complete(attributes, quota, object)?;
        }
        within(attributes, quota, &resource, object)?;
    }
    Ok(())
}

/// Whether this operation can use more.
fn handles(attributes: &Attributes, resource: &str, object: &Value) -> bool {
    let terminating = |pod: &Value| meta::number(pod, "/spec/activeDeadlineSeconds").is_some();
    match (resource, attributes.subresource, attributes.operation, attributes.old) {
        ("events" | "events.events.k8s.io", ..) => false,
        (_, "", Operation::Create, _) => true,
        ("pods", "resize", Operation::Update, _) => true,
        ("pods", "", Operation::Update, Some(old)) => terminating(old) != terminating(object),
        ("services" | "persistentvolumeclaims", "", Operation::Update, _) => true,
        _ => false,
    }
}

fn complete(attributes: &Attributes, quota: &Value, pod: &Value) -> Result<()> {
    if pod.pointer("/spec/resources").is_some_and(|own| own.get("requests").or(own.get("limits")).is_some()) {
        return Ok(());
    }
    let hard = meta::map(quota, "/spec/hard").into_iter().flatten().map(|(name, _)| name.as_str());
    let required: Vec<&str> = hard.filter(|name| REQUIRED.contains(name)).collect();
    let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for container in ["/spec/containers", "/spec/initContainers"].iter().flat_map(|list| meta::list(pod, list)) {
        let of = |pointer: &str| read(container.pointer(pointer));
        let given = named(&of("/resources/requests"), &of("/resources/limits"));
        for name in required.iter().filter(|name| !given.contains_key(**name)) {
            missing.entry(name).or_default().insert(meta::text(container, "/name"));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let each: Vec<String> = missing
        .iter()
        .map(|(name, containers)| format!("{name} for: {}", containers.iter().copied().collect::<Vec<_>>().join(",")))
        .collect();
    let why = format!("failed quota: {}: must specify {}", meta::name(quota), each.join("; "));
    Err(attributes.forbidden(pod, &why))
}

fn within(attributes: &Attributes, quota: &Value, resource: &str, object: &Value) -> Result<()> {
    let now = attributes.clock.now();
    let mut asked = usage::of(resource, object, now);
    if let Some(old) = attributes.old.filter(|old| usage::matches(quota, resource, old)) {
        for (name, before) in usage::of(resource, old, now) {
            if let Some(asked) = asked.get_mut(&name) {
                *asked -= before;
            }
        }
    }
    let hard = read(quota.pointer("/spec/hard"));
    asked.retain(|name, amount| *amount > Default::default() && hard.contains_key(name));
    if asked.is_empty() {
        return Ok(());
    }
    let namespace = attributes.namespace;
    let used = usage::total(quota, now, |resource| attributes.storage.list(resource, Some(namespace)).0);
    let sum = |name: &str| used.get(name).copied().unwrap_or_default() + asked.get(name).copied().unwrap_or_default();
    let exceeded: Vec<&String> =
        asked.keys().filter(|name| counted(name) == Some(resource) && sum(name) > hard[*name]).collect();
    if exceeded.is_empty() {
        return Ok(());
    }
    let shown = |list: &Resources| {
        let each = exceeded.iter().map(|name| format!("{name}={}", list.get(*name).copied().unwrap_or_default()));
        each.collect::<Vec<_>>().join(",")
    };
    let why = format!(
        "exceeded quota: {}, requested: {}, used: {}, limited: {}",
        meta::name(quota),
        shown(&asked),
        shown(&used),
        shown(&hard)
    );
    Err(attributes.forbidden(object, &why))
}
