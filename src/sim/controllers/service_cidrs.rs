//! service-cidr-controller: a ServiceCIDR is ready once it is held, and goes when no address would be orphaned.
//! Source: `pkg/controller/servicecidrs/servicecidrs_controller.go`.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::Controller;
use super::conditions::{self, Condition};
use super::ip_addresses::{ALLOCATOR, MANAGED_BY};
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::check::parse_cidr;
use crate::sim::apiserver::registry::kinds::ipaddress::IPADDRESS;
use crate::sim::apiserver::registry::kinds::servicecidr::{SERVICECIDR, cidrs};
use crate::sim::apiserver::status::Result;
use crate::sim::reconciler::{Context, Key, Next, Watched, key, own};

/// The controller; its keys are ServiceCIDRs.
pub static SERVICE_CIDR_CONTROLLER: Controller = Controller {
    name: "service-cidr-controller",
    watches: &[
        Watched { resource: &SERVICECIDR, keys: own },
        Watched {
            resource: &IPADDRESS,
            keys: |context, _| {
                let ranges = context.client.list(&SERVICECIDR, "");
                ranges.iter().filter(|range| meta::is_terminating(range)).map(key).collect()
            },
        },
    ],
    reconcile,
};

const FINALIZER: &str = "networking.k8s.io/service-cidr-finalizer";
const READY: Condition<'_> =
    Condition { kind: "Ready", status: "True", reason: "", message: "Kubernetes Service CIDR is ready" };
const HELD: Condition<'_> = Condition {
    kind: "Ready",
    status: "False",
    reason: "Terminating",
    message: "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR",
};
/// A range that ends is kept so long, so that nobody gets an address from it meanwhile.
const GRACE: Duration = Duration::from_secs(10);

fn reconcile(context: &Context, (_, name): &Key) -> Result<Next> {
    let client = &context.client;
    let Some(range) = client.find(&SERVICECIDR, "", name) else { return Ok(Next::Done) };
    let now = client.clock().now();
    let held = meta::finalizers(&range).any(|finalizer| finalizer == FINALIZER);
    if !meta::is_terminating(&range) {
        if !held {
            client.modify(&SERVICECIDR, "", name, |range| {
                meta::edit_list(&mut range["metadata"], "finalizers", |list| list.push(json!(FINALIZER)));
            })?;
        }
        return say(context, &range, READY);
    }
    if is_needed(context, &range) {
        return say(context, &range, HELD);
    }
    let since = meta::text(&range, "/metadata/deletionTimestamp").parse::<jiff::Timestamp>().unwrap_or(now);
    let left = GRACE.saturating_sub(Duration::try_from(now.duration_since(since)).unwrap_or_default());
    if !left.is_zero() {
        return Ok(Next::After(left));
    }
    client.modify(&SERVICECIDR, "", name, |range| {
        meta::edit_list(&mut range["metadata"], "finalizers", |list| list.retain(|one| one != FINALIZER));
    })?;
    Ok(Next::Done)
}

fn say(context: &Context, range: &Value, condition: Condition<'_>) -> Result<Next> {
    let mut status = range.get("status").cloned().unwrap_or_else(|| json!({}));
    conditions::set(&mut status, condition.at(context.client.clock().now()));
    conditions::write(context, &SERVICECIDR, range, &status)?;
    Ok(Next::Done)
}

/// Whether an address that the cluster gave would be in no range without this one.
fn is_needed(context: &Context, range: &Value) -> bool {
    let others = context.client.list(&SERVICECIDR, "");
    let others: Vec<&str> =
        others.iter().filter(|other| meta::name(other) != meta::name(range)).flat_map(|other| cidrs(other)).collect();
    let own = cidrs(range);
    context.client.list(&IPADDRESS, "").iter().any(|address| {
        let Ok(ip) = meta::name(address).parse::<IpAddr>() else { return false };
        meta::label(address, MANAGED_BY) == Some(ALLOCATOR)
            && own.iter().any(|cidr| holds(cidr, ip))
            && !others.iter().any(|cidr| holds(cidr, ip))
    })
}

fn holds(cidr: &str, ip: IpAddr) -> bool {
    match (parse_cidr(cidr), ip) {
        (Some((IpAddr::V4(network), length)), IpAddr::V4(ip)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or_default();
            u32::from(network) & mask == u32::from(ip) & mask
        }
        (Some((IpAddr::V6(network), length)), IpAddr::V6(ip)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or_default();
            u128::from(network) & mask == u128::from(ip) & mask
        }
        _ => false,
    }
}
