//! endpoint-slice-controller: the EndpointSlices of every Service with a selector.
//! Slices of hand-made Endpoints are mirrored by a controller of their own.
//! Source: `k8s.io/endpointslice/reconciler.go` and `pkg/controller/endpointslice`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Controller, backends, pods};
use crate::object::meta;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::endpoints::DeleteOptions;
use crate::sim::apiserver::registry::kinds::endpointslice::ENDPOINTSLICE;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::registry::kinds::service::SERVICE;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Key, Next, Watched, own};

/// The controller; its keys are Services.
pub static ENDPOINT_SLICE_CONTROLLER: Controller = Controller {
    name: "endpoint-slice-controller",
    watches: &[
        Watched { resource: &SERVICE, keys: own },
        Watched { resource: &POD, keys: backends::services_of },
        Watched {
            resource: &ENDPOINTSLICE,
            keys: |_, slice| match (meta::label(slice, MANAGED_BY), meta::label(slice, SERVICE_NAME)) {
                (Some(NAME), Some(service)) => vec![(meta::namespace(slice).to_owned(), service.to_owned())],
                _ => Vec::new(),
            },
        },
    ],
    reconcile,
};

/// Whose slice it is.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Which controller writes it.
pub const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const NAME: &str = "endpointslice-controller.k8s.io";
/// How many endpoints a slice holds (`--max-endpoints-per-slice`).
const LARGEST: usize = 100;

fn reconcile(context: &Context, (namespace, name): &Key) -> Result<Next> {
    // With its Service gone, a slice is the garbage collector's.
    let Some(service) = context.client.find(&SERVICE, namespace, name) else { return Ok(Next::Done) };
    let external = meta::text(&service, "/spec/type") == "ExternalName";
    let terminating = meta::is_terminating(&service);
    let Some(selector) = backends::selector(&service).filter(|_| !external && !terminating) else {
        return Ok(Next::Done);
    };
    let wanted = wanted(context, &service, &backends::of(context, &service, &selector));
    write(context, &service, wanted, of_service(context, &service)?)
}

fn of_service(context: &Context, service: &Value) -> Result<Vec<Object>> {
    let query = format!("{SERVICE_NAME}={},{MANAGED_BY}={NAME}", meta::name(service));
    let ours = LabelSelector::parse(&query).map_err(Status::internal)?;
    Ok(context.client.select(&ENDPOINTSLICE, meta::namespace(service), &ours))
}

/// The endpoints wanted, by their ports.
type Wanted = BTreeMap<String, (Value, Vec<Value>)>;

fn wanted(context: &Context, service: &Value, pods: &[Object]) -> Wanted {
    let mut wanted = Wanted::new();
    for pod in pods {
        let node = context.client.find(&NODE, "", meta::text(pod, "/spec/nodeName"));
        if node.is_none() && !meta::truth(service, "/spec/publishNotReadyAddresses") {
            continue;
        }
        let endpoint = endpoint(pod, service, node.as_deref());
        let ports: Value = meta::list(service, "/spec/ports").iter().filter_map(|port| slice_port(pod, port)).collect();
        wanted.entry(ports.to_string()).or_insert_with(|| (ports, Vec::new())).1.push(endpoint);
    }
    wanted
}

fn slice_port(pod: &Value, port: &Value) -> Option<Value> {
    let number = backends::port(pod, port)?;
    let mut made = json!({ "name": meta::text(port, "/name"), "port": number, "protocol": port["protocol"] });
    if let Some(protocol) = port.get("appProtocol") {
        made["appProtocol"] = protocol.clone();
    }
    Some(made)
}

fn endpoint(pod: &Value, service: &Value, node: Option<&Value>) -> Value {
    let (serving, terminating) = (pods::is_ready(pod), meta::is_terminating(pod));
    let ready = meta::truth(service, "/spec/publishNotReadyAddresses") || (serving && !terminating);
    let mut endpoint = json!({
        "addresses": [meta::text(pod, "/status/podIP")],
        "conditions": { "ready": ready, "serving": serving, "terminating": terminating },
        "targetRef": backends::target(pod),
    });
    let name = meta::text(pod, "/spec/nodeName");
    if !name.is_empty() {
        endpoint["nodeName"] = json!(name);
    }
    if let Some(zone) = node.and_then(|node| meta::label(node, "topology.kubernetes.io/zone")) {
        endpoint["zone"] = json!(zone);
    }
    if let Some(hostname) = backends::hostname(pod, service) {
        endpoint["hostname"] = json!(hostname);
    }
    if let Some(hints) = hints(service, &endpoint).filter(|_| ready) {
        endpoint["hints"] = hints;
    }
    endpoint
}

/// Whom an endpoint is for, where its Service keeps traffic near (`k8s.io/endpointslice/trafficdist/trafficdist.go`).
fn hints(service: &Value, endpoint: &Value) -> Option<Value> {
    let wanted: &[(&str, &str)] = match meta::text(service, "/spec/trafficDistribution") {
        "PreferClose" | "PreferSameZone" => &[("forZones", "zone")],
        "PreferSameNode" => &[("forZones", "zone"), ("forNodes", "nodeName")],
        _ => &[],
    };
    let near = wanted.iter().filter_map(|(list, place)| {
        let name = endpoint.get(*place)?;
        Some(((*list).to_owned(), json!([{ "name": name }])))
    });
    let hints: Map<String, Value> = near.collect();
    (!hints.is_empty()).then_some(Value::Object(hints))
}

/// Changes as little as possible: endpoints stay in their slice, new ones fill what has room.
fn write(context: &Context, service: &Value, mut wanted: Wanted, existing: Vec<Object>) -> Result<Next> {
    let mut kept = 0;
    let mut deleted = Vec::new();
    for slice in &existing {
        let ports = slice.get("ports").filter(|ports| !ports.is_null()).cloned().unwrap_or_else(|| json!([]));
        let pending = wanted.get_mut(&ports.to_string()).map(|(_, pending)| pending);
        let Some(pending) = pending else {
            deleted.push(slice);
            continue;
        };
        let endpoints = keep(meta::list(slice, "/endpoints"), pending);
        if endpoints.is_empty() {
            deleted.push(slice);
            continue;
        }
        kept += 1;
        rewrite(context, service, slice, endpoints)?;
    }
    for (ports, pending) in wanted.into_values() {
        for part in pending.chunks(LARGEST) {
            create(context, service, ports.clone(), Value::from(part))?;
            kept += 1;
        }
    }
    if kept == 0 {
        // A Service with nothing behind it has an empty slice.
        let empty =
            |slice: &&Object| meta::list(slice, "/ports").is_empty() && meta::list(slice, "/endpoints").is_empty();
        match deleted.iter().position(empty) {
            Some(place) => rewrite(context, service, deleted.swap_remove(place), Vec::new())?,
            None => create(context, service, Value::Null, Value::Null)?,
        }
    }
    for slice in deleted {
        let options = DeleteOptions::of_uid(meta::uid(slice));
        match context.client.delete(&ENDPOINTSLICE, meta::namespace(slice), meta::name(slice), &options) {
            Err(status) if !status.is_not_found() && !status.is_conflict() => return Err(status),
            _ => {}
        }
    }
    Ok(Next::Done)
}

/// Takes from `pending` what stays in a slice of these endpoints, and what it has room for.
fn keep(present: &[Value], pending: &mut Vec<Value>) -> Vec<Value> {
    let same = |one: &Value, other: &Value| {
        one["targetRef"]["uid"] == other["targetRef"]["uid"] && one["addresses"] == other["addresses"]
    };
    let mut endpoints = Vec::new();
    for old in present {
        if let Some(place) = pending.iter().position(|new| same(old, new)) {
            endpoints.push(pending.remove(place));
        }
    }
    let room = LARGEST.saturating_sub(endpoints.len()).min(pending.len());
    endpoints.extend(pending.drain(..room));
    endpoints
}

fn labels(service: &Value) -> Map<String, Value> {
    let mut labels = backends::labels(service);
    labels.insert(SERVICE_NAME.to_owned(), json!(meta::name(service)));
    labels.insert(MANAGED_BY.to_owned(), json!(NAME));
    labels
}

fn rewrite(context: &Context, service: &Value, slice: &Value, endpoints: Vec<Value>) -> Result<()> {
    let labels = Value::Object(labels(service));
    if meta::list(slice, "/endpoints") == endpoints && slice["metadata"]["labels"] == labels {
        return Ok(());
    }
    let mut changed = slice.clone();
    if !endpoints.is_empty() {
        changed["endpoints"] = Value::Array(endpoints);
    }
    changed["metadata"]["labels"] = labels;
    meta::set_annotation(&mut changed, backends::TRIGGER_TIME, &backends::now(context));
    context.client.update(&ENDPOINTSLICE, changed).map(drop)
}

fn create(context: &Context, service: &Value, ports: Value, endpoints: Value) -> Result<()> {
    let mut annotations = json!({});
    if !endpoints.is_null() {
        annotations[backends::TRIGGER_TIME] = json!(backends::now(context));
    }
    let slice = json!({
        "metadata": {
            "generateName": format!("{}-", meta::name(service)),
            "namespace": meta::namespace(service),
            "labels": labels(service),
            "annotations": annotations,
            "ownerReferences": [meta::controller_reference(service)],
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": ports,
    });
    match context.client.create(&ENDPOINTSLICE, slice) {
        Err(status) if !status.has_cause("NamespaceTerminating") => Err(status),
        _ => Ok(()),
    }
}
