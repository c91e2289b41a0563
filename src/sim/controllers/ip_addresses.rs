//! service-ip-repair-controller: each cluster IP of a Service has an IPAddress, and each of these its Service.
//! Which address a Service gets is the registry's. Source: `pkg/registry/core/service/ipallocator/controller/repairip.go`.

use serde_json::{Value, json};

use super::Controller;
use crate::object::meta;
use crate::sim::apiserver::endpoints::DeleteOptions;
use crate::sim::apiserver::registry::kinds::ipaddress::IPADDRESS;
use crate::sim::apiserver::registry::kinds::service::SERVICE;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Key, Next, Watched, own};

/// The controller; its keys are addresses.
pub static SERVICE_IP_REPAIR: Controller = Controller {
    name: "service-ip-repair-controller",
    watches: &[
        Watched { resource: &SERVICE, keys: |_, service| keys(service) },
        Watched { resource: &IPADDRESS, keys: own },
    ],
    reconcile,
};

/// Says which allocator an address is from.
pub const MANAGED_BY: &str = "ipaddress.kubernetes.io/managed-by";
/// This cluster's allocator.
pub const ALLOCATOR: &str = "ipallocator.k8s.io";
const FAMILY: &str = "ipaddress.kubernetes.io/ip-family";

fn addresses(service: &Value) -> impl Iterator<Item = &str> {
    meta::list(service, "/spec/clusterIPs").iter().filter_map(Value::as_str).filter(|ip| *ip != "None")
}

fn keys(service: &Object) -> Vec<Key> {
    addresses(service).map(|ip| (String::new(), ip.to_owned())).collect()
}

fn reconcile(context: &Context, (_, address): &Key) -> Result<Next> {
    let client = &context.client;
    let found = client.find(&IPADDRESS, "", address);
    let services = client.list(&SERVICE, "");
    let service = services.iter().find(|service| addresses(service).any(|ip| ip == address));
    let done = match (found, service) {
        (None, Some(service)) => client.create(&IPADDRESS, of(address, service)).map(drop),
        (Some(found), None) if meta::label(&found, MANAGED_BY) == Some(ALLOCATOR) => {
            client.delete(&IPADDRESS, "", address, &DeleteOptions::of_uid(meta::uid(&found))).map(drop)
        }
        _ => Ok(()),
    };
    match done {
        Err(status) if !status.is_not_found() && !status.is_conflict() => Err(status),
        _ => Ok(Next::Done),
    }
}

fn of(address: &str, service: &Value) -> Value {
    let family = if address.contains(':') { "IPv6" } else { "IPv4" };
    json!({
        "metadata": { "name": address, "labels": { FAMILY: family, MANAGED_BY: ALLOCATOR } },
        "spec": { "parentRef": { "name": meta::name(service), "namespace": meta::namespace(service), "resource": "services" } },
    })
}
