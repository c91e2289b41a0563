//! available-controller: whether the server behind an APIService can be reached.
//! What an unavailable one answers is the API server's. Source: `k8s.io/kube-aggregator/pkg/controllers/status/remote/remote_available_controller.go`.

use serde_json::{Value, json};

use super::Controller;
use super::conditions::{self, Condition};
use crate::object::meta;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::registry::kinds::apiservice::APISERVICE;
use crate::sim::apiserver::registry::kinds::endpointslice::ENDPOINTSLICE;
use crate::sim::apiserver::registry::kinds::service::SERVICE;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Key, Next, Watched, own};

/// The controller; its keys are APIServices.
pub static APISERVICE_AVAILABILITY: Controller = Controller {
    name: "available-controller",
    watches: &[
        Watched { resource: &APISERVICE, keys: own },
        Watched { resource: &SERVICE, keys: |context, service| behind(context, service, meta::name(service)) },
        Watched {
            resource: &ENDPOINTSLICE,
            keys: |context, slice| behind(context, slice, meta::label(slice, SERVICE_NAME).unwrap_or_default()),
        },
    ],
    reconcile,
};

const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The APIServices that a Service of this name serves.
fn behind(context: &Context, object: &Object, service: &str) -> Vec<Key> {
    let is = |found: &&Object| {
        meta::text(found, "/spec/service/name") == service
            && meta::text(found, "/spec/service/namespace") == meta::namespace(object)
    };
    context.client.list(&APISERVICE, "").iter().filter(is).map(crate::sim::reconciler::key).collect()
}

fn reconcile(context: &Context, (_, name): &Key) -> Result<Next> {
    let Some(found) = context.client.find(&APISERVICE, "", name) else { return Ok(Next::Done) };
    let backend = &found["spec"]["service"];
    let (reason, message) = match backend.is_object() {
        false => ("Local", "Local APIServices are always available".to_owned()),
        true => match trouble(context, backend) {
            None => ("Passed", "all checks passed".to_owned()),
            Some(trouble) => trouble,
        },
    };
    let status = if matches!(reason, "Local" | "Passed") { "True" } else { "False" };
    let mut told = found.get("status").cloned().unwrap_or_else(|| json!({}));
    let condition = Condition { kind: "Available", status, reason, message: &message };
    conditions::set(&mut told, condition.at(context.client.clock().now()));
    conditions::write(context, &APISERVICE, &found, &told).map(|()| Next::Done)
}

/// Why a backend cannot be reached.
fn trouble(context: &Context, backend: &Value) -> Option<(&'static str, String)> {
    let (namespace, name) = (meta::text(backend, "/namespace"), meta::text(backend, "/name"));
    let Some(service) = context.client.find(&SERVICE, namespace, name) else {
        return Some(("ServiceNotFound", format!("service/{name} in {namespace:?} is not present")));
    };
    let number = meta::number(backend, "/port").unwrap_or(443);
    let ports = meta::list(&service, "/spec/ports");
    let Some(port) = ports.iter().find(|port| meta::number(port, "/port") == Some(number)) else {
        return Some((
            "ServicePortError",
            format!("service/{name} in {namespace:?} is not listening on port {number}"),
        ));
    };
    let labels = LabelSelector::parse(&format!("{SERVICE_NAME}={name}")).ok()?;
    let slices = context.client.select(&ENDPOINTSLICE, namespace, &labels);
    if slices.is_empty() {
        let message = format!("cannot find endpointslices for service/{name} in {namespace:?}");
        return Some(("EndpointsNotFound", message));
    }
    let port = meta::text(port, "/name");
    let ready = |endpoint: &Value| endpoint.pointer("/conditions/ready").is_none_or(|ready| ready != false);
    let active = |slice: &Object| {
        meta::list(slice, "/endpoints").iter().any(ready)
            && meta::list(slice, "/ports").iter().any(|found| meta::text(found, "/name") == port)
    };
    if slices.iter().any(active) {
        return None;
    }
    let message =
        format!("endpointslices for service/{name} in {namespace:?} have no addresses with port name {port:?}");
    Some(("MissingEndpoints", message))
}
