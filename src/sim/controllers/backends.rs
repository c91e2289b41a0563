//! The Pods behind a Service, as Endpoints and EndpointSlices both see them: which belong, which port is meant, who is touched.
//! How they are written down is each controller's. Source: `k8s.io/endpointslice/util/controller_utils.go` and `utils.go`.

use serde_json::{Map, Value, json};

use super::pods;
use crate::object::meta;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::registry::kinds::service::SERVICE;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Key, key};

/// When the Pods behind a Service last changed.
pub const TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";
/// The label of Endpoints and slices whose Service has no address.
pub const HEADLESS: &str = "service.kubernetes.io/headless";

/// The Services that select a Pod, as keys.
pub fn services_of(context: &Context, pod: &Object) -> Vec<Key> {
    let labels = meta::map(pod, "/metadata/labels");
    if labels.is_none_or(Map::is_empty) {
        return Vec::new();
    }
    let services = context.client.list(&SERVICE, meta::namespace(pod));
    let selects = |service: &&Object| selector(service).is_some_and(|selector| selector.matches(labels));
    services.iter().filter(selects).map(key).collect()
}

/// A Service's selector; none where somebody else says what is behind it.
pub fn selector(service: &Value) -> Option<LabelSelector> {
    let labels = meta::map(service, "/spec/selector").filter(|labels| !labels.is_empty())?;
    LabelSelector::from_map(Some(labels)).ok()
}

/// The Pods a Service selects that have an address and have not ended, ordered by name.
pub fn of(context: &Context, service: &Value, selector: &LabelSelector) -> Vec<Object> {
    let mut found = context.client.select(&POD, meta::namespace(service), selector);
    found.retain(|pod| !pods::is_finished(pod) && !meta::text(pod, "/status/podIP").is_empty());
    found
}

/// The port of a Pod that a port of a Service means; none when the Pod has no port of that name.
pub fn port(pod: &Value, port: &Value) -> Option<i64> {
    let Some(name) = port["targetPort"].as_str() else {
        return meta::number(port, "/targetPort").or_else(|| meta::number(port, "/port"));
    };
    let sidecars = meta::list(pod, "/spec/initContainers")
        .iter()
        .filter(|container| meta::text(container, "/restartPolicy") == "Always");
    let containers = meta::list(pod, "/spec/containers").iter().chain(sidecars);
    let is_meant = |found: &&Value| found["name"] == name && found["protocol"] == port["protocol"];
    let found = containers.flat_map(|container| meta::list(container, "/ports")).find(is_meant)?;
    meta::number(found, "/containerPort")
}

/// Whether the Service gives the Pod a name in DNS.
pub fn hostname<'a>(pod: &'a Value, service: &Value) -> Option<&'a str> {
    let hostname = meta::text(pod, "/spec/hostname");
    let named = !hostname.is_empty() && meta::text(pod, "/spec/subdomain") == meta::name(service);
    named.then_some(hostname)
}

/// A reference to the Pod.
pub fn target(pod: &Value) -> Value {
    json!({
        "kind": "Pod",
        "namespace": meta::namespace(pod),
        "name": meta::name(pod),
        "uid": meta::uid(pod),
    })
}

/// Whether the Service has no address of its own.
pub fn is_headless(service: &Value) -> bool {
    matches!(meta::text(service, "/spec/clusterIP"), "" | "None")
}

/// The Service's labels, as its endpoints take them over.
pub fn labels(service: &Value) -> Map<String, Value> {
    let mut labels = meta::map(service, "/metadata/labels").cloned().unwrap_or_default();
    labels.shift_remove(HEADLESS);
    if is_headless(service) {
        labels.insert(HEADLESS.to_owned(), json!(""));
    }
    labels
}

/// A time as the trigger-time annotation has it.
pub fn now(context: &Context) -> String {
    crate::sim::apiserver::endpoints::timestamp(context.client.clock().now())
}
