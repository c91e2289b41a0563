//! csrcleaner: takes away requests that were settled an hour ago, or have waited for a day.
//! Source: `pkg/controller/certificates/cleaner/cleaner.go`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Controller, csr, pods};
use crate::object::meta;
use crate::sim::apiserver::endpoints::DeleteOptions;
use crate::sim::apiserver::registry::kinds::certificatesigningrequest::CERTIFICATESIGNINGREQUEST;
use crate::sim::apiserver::status::Result;
use crate::sim::reconciler::{Context, Key, Next, Watched, own};

/// The controller; its keys are requests.
pub static CSR_CLEANER_CONTROLLER: Controller = Controller {
    name: "csrcleaner",
    watches: &[Watched { resource: &CERTIFICATESIGNINGREQUEST, keys: own }],
    reconcile,
};

const SETTLED: SignedDuration = SignedDuration::from_hours(1);
const WAITING: SignedDuration = SignedDuration::from_hours(24);

fn reconcile(context: &Context, (_, name): &Key) -> Result<Next> {
    let Some(found) = context.client.find(&CERTIFICATESIGNINGREQUEST, "", name) else { return Ok(Next::Done) };
    let Some(end) = end(&found) else { return Ok(Next::Done) };
    let now = context.client.clock().now();
    // The real one looks every hour; this one when it is time.
    if now < end {
        return Ok(Next::After(Duration::try_from(end.duration_since(now)).unwrap_or_default()));
    }
    match context.client.delete(&CERTIFICATESIGNINGREQUEST, "", name, &DeleteOptions::default()) {
        Err(status) if !status.is_not_found() => Err(status),
        _ => Ok(Next::Done),
    }
}

fn end(found: &Value) -> Option<Timestamp> {
    let conditions = meta::list(found, "/status/conditions");
    let lasting = |condition: &Value| match meta::text(condition, "/type") {
        "Approved" if !csr::is_issued(found) => WAITING,
        _ => SETTLED,
    };
    let ends = conditions.iter().filter_map(|it| pods::time(it, "/lastUpdateTime")?.checked_add(lasting(it)).ok());
    if conditions.is_empty() {
        return pods::time(found, "/metadata/creationTimestamp")?.checked_add(WAITING).ok();
    }
    ends.min()
}
