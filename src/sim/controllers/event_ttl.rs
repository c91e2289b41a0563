//! Events are forgotten an hour after they were last told (`--event-ttl`). In a real cluster etcd does it, by leases.
//! Telling them is the recorder's.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Controller;
use crate::object::meta;
use crate::sim::apiserver::endpoints::DeleteOptions;
use crate::sim::apiserver::registry::kinds::event::EVENT;
use crate::sim::apiserver::status::Result;
use crate::sim::reconciler::{Context, Key, Next, Watched, own};

/// The controller; its keys are events.
pub static EVENT_TTL: Controller =
    Controller { name: "event-ttl", watches: &[Watched { resource: &EVENT, keys: own }], reconcile };

const TTL: SignedDuration = SignedDuration::from_hours(1);

fn reconcile(context: &Context, (namespace, name): &Key) -> Result<Next> {
    let Some(event) = context.client.find(&EVENT, namespace, name) else { return Ok(Next::Done) };
    let now = context.client.clock().now();
    let told = ["/lastTimestamp", "/series/lastObservedTime", "/eventTime", "/metadata/creationTimestamp"];
    let last = told.iter().filter_map(|pointer| meta::text(&event, pointer).parse::<Timestamp>().ok()).max();
    let left = TTL - now.duration_since(last.unwrap_or(now));
    if left > SignedDuration::ZERO {
        return Ok(Next::After(Duration::try_from(left).unwrap_or_default()));
    }
    match context.client.delete(&EVENT, namespace, name, &DeleteOptions::default()) {
        Err(status) if !status.is_not_found() => Err(status),
        _ => Ok(Next::Done),
    }
}
