//! The ttl-after-finished controller: takes a finished Job away when its time to live is over.
//! Source: `pkg/controller/ttlafterfinished`.

use std::time::Duration;

use jiff::SignedDuration;

use super::{Controller, pods};
use crate::object::meta;
use crate::sim::apiserver::endpoints::{DeleteOptions, Propagation};
use crate::sim::apiserver::registry::kinds::job::JOB;
use crate::sim::apiserver::status::Result;
use crate::sim::reconciler::{Context, Key, Next, Watched, own};

/// Takes finished Jobs away.
pub static TTL_AFTER_FINISHED_CONTROLLER: Controller =
    Controller { name: "ttl-after-finished-controller", watches: &[Watched { resource: &JOB, keys: own }], reconcile };

fn reconcile(context: &Context, (namespace, name): &Key) -> Result<Next> {
    let Some(job) = context.client.find(&JOB, namespace, name) else { return Ok(Next::Done) };
    let Some(seconds) = meta::number(&job, "/spec/ttlSecondsAfterFinished") else { return Ok(Next::Done) };
    let finished = ["Complete", "Failed"].into_iter().filter(|kind| pods::holds(&job, kind)).find_map(|kind| {
        pods::condition(&job, kind).and_then(|condition| pods::time(condition, "/lastTransitionTime"))
    });
    let end = finished.and_then(|time| time.checked_add(SignedDuration::from_secs(seconds)).ok());
    let Some(end) = end.filter(|_| !meta::is_terminating(&job)) else { return Ok(Next::Done) };
    let left = pods::until(end, context.client.clock().now());
    if left > Duration::ZERO {
        return Ok(Next::After(left));
    }
    let propagation = Some(Propagation::Foreground);
    let options = DeleteOptions { propagation, ..DeleteOptions::of_uid(meta::uid(&job)) };
    match context.client.delete(&JOB, namespace, name, &options) {
        Err(status) if !status.is_not_found() => Err(status),
        _ => Ok(Next::Done),
    }
}
