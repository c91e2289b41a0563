//! endpoint-slice-mirroring-controller: Endpoints written by hand, for a Service without a selector, as EndpointSlices too.
//! Source: `pkg/controller/endpointslicemirroring`.

use serde_json::{Value, json};

use super::endpoint_slice::{MANAGED_BY, SERVICE_NAME};
use super::{Controller, backends};
use crate::object::meta;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::endpoints::DeleteOptions;
use crate::sim::apiserver::registry::kinds::endpoints::ENDPOINTS;
use crate::sim::apiserver::registry::kinds::endpointslice::ENDPOINTSLICE;
use crate::sim::apiserver::registry::kinds::service::SERVICE;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Key, Next, Watched, own};

/// The controller; its keys are Endpoints.
pub static ENDPOINT_SLICE_MIRRORING_CONTROLLER: Controller = Controller {
    name: "endpoint-slice-mirroring-controller",
    watches: &[
        Watched { resource: &ENDPOINTS, keys: own },
        Watched { resource: &SERVICE, keys: own },
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

const NAME: &str = "endpointslicemirroring-controller.k8s.io";
const SKIP: &str = "endpointslice.kubernetes.io/skip-mirror";
const LEADER: &str = "control-plane.alpha.kubernetes.io/leader";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn reconcile(context: &Context, (namespace, name): &Key) -> Result<Next> {
    let query = format!("{SERVICE_NAME}={name},{MANAGED_BY}={NAME}");
    let mirrored = LabelSelector::parse(&query).map_err(Status::internal)?;
    let mut existing = context.client.select(&ENDPOINTSLICE, namespace, &mirrored);
    let service = context.client.find(&SERVICE, namespace, name);
    let by_hand = service.is_some_and(|service| backends::selector(&service).is_none());
    let endpoints = context.client.find(&ENDPOINTS, namespace, name).filter(|found| by_hand && is_mirrored(found));
    let subsets = endpoints.as_deref().map(|endpoints| meta::list(endpoints, "/subsets")).unwrap_or_default();
    for subset in subsets {
        let Some(endpoints) = endpoints.as_deref() else { break };
        mirror(context, endpoints, subset, &mut existing)?;
    }
    for slice in existing {
        let options = DeleteOptions::of_uid(meta::uid(&slice));
        match context.client.delete(&ENDPOINTSLICE, namespace, meta::name(&slice), &options) {
            Err(status) if !status.is_not_found() && !status.is_conflict() => return Err(status),
            _ => {}
        }
    }
    Ok(Next::Done)
}

fn is_mirrored(endpoints: &Value) -> bool {
    meta::label(endpoints, SKIP) != Some("true") && meta::annotation(endpoints, LEADER).is_none()
}

/// Writes the slice of a subset, over one of the same ports where there is one, and takes that out of `existing`.
fn mirror(context: &Context, endpoints: &Value, subset: &Value, existing: &mut Vec<Object>) -> Result<()> {
    let ports: Value = meta::list(subset, "/ports").iter().map(port).collect();
    let listed = [("/addresses", true), ("/notReadyAddresses", false)];
    let each = listed.iter().flat_map(|(list, ready)| meta::list(subset, list).iter().map(|it| endpoint(it, *ready)));
    let mirrored: Vec<Value> = each.collect();
    if mirrored.is_empty() {
        return Ok(());
    }
    let place = existing.iter().position(|slice| slice["ports"] == ports);
    let mut slice = match place.map(|place| existing.swap_remove(place)) {
        Some(found) => (*found).clone(),
        None => new_slice(endpoints),
    };
    slice["endpoints"] = Value::Array(mirrored);
    slice["ports"] = ports;
    let mut labels = meta::map(endpoints, "/metadata/labels").cloned().unwrap_or_default();
    labels.insert(SERVICE_NAME.to_owned(), json!(meta::name(endpoints)));
    labels.insert(MANAGED_BY.to_owned(), json!(NAME));
    slice["metadata"]["labels"] = Value::Object(labels);
    let annotations = meta::map(endpoints, "/metadata/annotations").into_iter().flatten();
    let kept = annotations.filter(|(key, _)| !matches!(key.as_str(), LAST_APPLIED | backends::TRIGGER_TIME));
    slice["metadata"]["annotations"] = Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect());
    let written = match place {
        Some(_) => context.client.update(&ENDPOINTSLICE, slice),
        None => context.client.create(&ENDPOINTSLICE, slice),
    };
    match written {
        Err(status) if !status.has_cause("NamespaceTerminating") => Err(status),
        _ => Ok(()),
    }
}

fn new_slice(endpoints: &Value) -> Value {
    json!({
        "metadata": {
            "generateName": format!("{}-", meta::name(endpoints)),
            "namespace": meta::namespace(endpoints),
            "ownerReferences": [meta::controller_reference(endpoints)],
        },
        "addressType": "IPv4",
    })
}

fn port(port: &Value) -> Value {
    let mut made =
        json!({ "name": meta::text(port, "/name"), "port": port["port"], "protocol": meta::text(port, "/protocol") });
    if let Some(protocol) = port.get("appProtocol") {
        made["appProtocol"] = protocol.clone();
    }
    made
}

fn endpoint(address: &Value, ready: bool) -> Value {
    let mut endpoint = json!({ "addresses": [address["ip"]], "conditions": { "ready": ready } });
    for key in ["nodeName", "hostname", "targetRef"] {
        if let Some(value) = address.get(key) {
            endpoint[key] = value.clone();
        }
    }
    endpoint
}
