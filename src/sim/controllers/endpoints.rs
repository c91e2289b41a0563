//! endpoint-controller: the Endpoints of every Service with a selector, ready and not ready.
//! EndpointSlices are written by a controller of their own. Source: `pkg/controller/endpoint/endpoints_controller.go`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Controller, backends, pods};
use crate::object::meta;
use crate::sim::apiserver::endpoints::DeleteOptions;
use crate::sim::apiserver::registry::kinds::endpoints::ENDPOINTS;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::registry::kinds::service::SERVICE;
use crate::sim::apiserver::status::Result;
use crate::sim::reconciler::{Context, Key, Next, Watched, key, own};

/// The controller; its keys are Services.
pub static ENDPOINT_CONTROLLER: Controller = Controller {
    name: "endpoint-controller",
    watches: &[
        Watched { resource: &SERVICE, keys: own },
        Watched { resource: &POD, keys: backends::services_of },
        Watched {
            resource: &ENDPOINTS,
            // Endpoints without a Service are somebody's own.
            keys: |context, endpoints| {
                let (namespace, name) = (meta::namespace(endpoints), meta::name(endpoints));
                let service = context.client.find(&SERVICE, namespace, name);
                service.map(|service| key(&service)).into_iter().collect()
            },
        },
    ],
    reconcile,
};

const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";

fn reconcile(context: &Context, (namespace, name): &Key) -> Result<Next> {
    let client = &context.client;
    let Some(service) = client.find(&SERVICE, namespace, name) else {
        return match client.delete(&ENDPOINTS, namespace, name, &DeleteOptions::default()) {
            Err(status) if !status.is_not_found() => Err(status),
            _ => Ok(Next::Done),
        };
    };
    let external = meta::text(&service, "/spec/type") == "ExternalName";
    let Some(selector) = backends::selector(&service).filter(|_| !external) else { return Ok(Next::Done) };
    let subsets = subsets(&service, &backends::of(context, &service, &selector));
    let mut labels = backends::labels(&service);
    labels.insert(MANAGED_BY.to_owned(), json!("endpoint-controller"));
    let written = match client.find(&ENDPOINTS, namespace, name) {
        Some(found) if is_same(&found, &subsets, &Value::Object(labels.clone())) => return Ok(Next::Done),
        Some(found) => {
            let mut changed = (*found).clone();
            changed["subsets"] = subsets;
            changed["metadata"]["labels"] = Value::Object(labels);
            meta::set_annotation(&mut changed, backends::TRIGGER_TIME, &backends::now(context));
            client.update(&ENDPOINTS, changed)
        }
        None => {
            let annotations = json!({ backends::TRIGGER_TIME: backends::now(context) });
            let metadata =
                json!({ "name": name, "namespace": namespace, "labels": labels, "annotations": annotations });
            client.create(&ENDPOINTS, json!({ "metadata": metadata, "subsets": subsets }))
        }
    };
    match written {
        Err(status) if !status.has_cause("NamespaceTerminating") => Err(status),
        _ => Ok(Next::Done),
    }
}

fn is_same(found: &Value, subsets: &Value, labels: &Value) -> bool {
    let none = json!([]);
    let written = found.get("subsets").filter(|subsets| !subsets.is_null()).unwrap_or(&none);
    written == subsets && found["metadata"].get("labels") == Some(labels)
}

/// The addresses of a subset, ready and not, by IP.
#[derive(Default)]
struct Addresses {
    ready: BTreeMap<String, Value>,
    unready: BTreeMap<String, Value>,
}

/// The Pods' addresses, packed by the ports they have in common.
fn subsets(service: &Value, pods: &[crate::sim::apiserver::storage::Object]) -> Value {
    let publish = meta::truth(service, "/spec/publishNotReadyAddresses");
    let mut packed: BTreeMap<String, (Vec<Value>, Addresses)> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| publish || !meta::is_terminating(pod)) {
        let ports: Vec<Value> =
            meta::list(service, "/spec/ports").iter().filter_map(|port| endpoint_port(pod, port)).collect();
        let portless = meta::list(service, "/spec/ports").is_empty() && backends::is_headless(service);
        if ports.is_empty() && !portless {
            continue;
        }
        let (_, addresses) =
            packed.entry(Value::from(ports.clone()).to_string()).or_insert_with(|| (ports, Addresses::default()));
        let list = if publish || pods::is_ready(pod) { &mut addresses.ready } else { &mut addresses.unready };
        list.insert(meta::text(pod, "/status/podIP").to_owned(), address(pod, service));
    }
    let subset = |(ports, addresses): (Vec<Value>, Addresses)| {
        let mut subset = json!({});
        for (key, list) in [("addresses", addresses.ready), ("notReadyAddresses", addresses.unready)] {
            if !list.is_empty() {
                subset[key] = list.into_values().collect();
            }
        }
        if !ports.is_empty() {
            subset["ports"] = Value::Array(ports);
        }
        subset
    };
    packed.into_values().map(subset).collect()
}

fn endpoint_port(pod: &Value, port: &Value) -> Option<Value> {
    let mut endpoint = json!({ "port": backends::port(pod, port)?, "protocol": port["protocol"] });
    for key in ["name", "appProtocol"] {
        let value = meta::text(port, &format!("/{key}"));
        if !value.is_empty() {
            endpoint[key] = json!(value);
        }
    }
    Some(endpoint)
}

fn address(pod: &Value, service: &Value) -> Value {
    let mut address = json!({ "ip": meta::text(pod, "/status/podIP"), "targetRef": backends::target(pod) });
    let node = meta::text(pod, "/spec/nodeName");
    if !node.is_empty() {
        address["nodeName"] = json!(node);
    }
    if let Some(hostname) = backends::hostname(pod, service) {
        address["hostname"] = json!(hostname);
    }
    address
}
