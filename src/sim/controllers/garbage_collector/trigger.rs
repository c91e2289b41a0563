//! When to look for garbage: soon after something went that may own others, or lost its owner, or waits for what it owns.
//! Looking takes in everything at once, so what happens in one moment is looked at together.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::graph::{self, FOREGROUND};
use super::sweep;
use crate::object::meta;
use crate::sim::apiserver::registry::RESOURCES;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::pods::until;
use crate::sim::reconciler::{Context, Key, Next, Watched};

/// Every resource there is.
pub static WATCHES: [Watched; RESOURCES.len()] = {
    let mut all = [const { Watched { resource: &POD, keys: concerns } }; RESOURCES.len()];
    let mut index = 0;
    while index < RESOURCES.len() {
        all[index].resource = RESOURCES[index];
        index += 1;
    }
    all
};

/// How long changes are gathered, in wall time.
const GATHER: Duration = Duration::from_millis(10);
/// How long to wait after something could not be taken away.
const AGAIN: Duration = Duration::from_secs(1);

/// When the next look is due, once one is.
#[derive(Default)]
struct Due(Option<Timestamp>);

/// One key stands for all; none for what leaves no garbage.
fn concerns(context: &Context, object: &Object) -> Vec<Key> {
    let (version, kind) = (meta::text(object, "/apiVersion"), meta::text(object, "/kind"));
    let Some(resource) =
        context.client.resource_of_kind(version, kind).filter(|resource| graph::is_collected(resource))
    else {
        return Vec::new();
    };
    let found = context.client.find(resource, meta::namespace(object), meta::name(object));
    let is_gone = found.is_none_or(|found| meta::uid(&found) != meta::uid(object));
    if is_gone || graph::waits(object) || lacks_owner(context, object) { vec![Key::default()] } else { Vec::new() }
}

/// Whether an owner of the object is not there, or waits for it to go.
fn lacks_owner(context: &Context, object: &Object) -> bool {
    meta::list(object, "/metadata/ownerReferences").iter().any(|reference| {
        let Some(resource) = graph::resource_of(context, reference) else { return false };
        let namespace = if resource.namespaced { meta::namespace(object) } else { "" };
        match context.client.find(resource, namespace, meta::text(reference, "/name")) {
            Some(owner) if meta::uid(&owner) == meta::text(reference, "/uid") => {
                meta::is_terminating(&owner) && meta::finalizers(&owner).any(|finalizer| finalizer == FOREGROUND)
            }
            _ => true,
        }
    })
}

/// Looks for garbage, once changes have been gathered.
pub fn reconcile(context: &Context, _: &Key) -> Result<Next> {
    let clock = context.client.clock();
    let now = clock.now();
    let pause = GATHER.mul_f64(clock.speed());
    let after = |pause: Duration| now + SignedDuration::try_from(pause).unwrap_or_default();
    let due = context.remember(|due: &mut Due| *due.0.get_or_insert(after(pause)));
    if now < due {
        return Ok(Next::After(until(due, now)));
    }
    let swept = sweep::sweep(context);
    let failed = swept.is_err();
    context.remember(|due: &mut Due| due.0 = failed.then(|| after(AGAIN)));
    match swept {
        Ok(()) => Ok(Next::Done),
        Err(status) => {
            tracing::debug!(%status, "garbage stays");
            Ok(Next::After(AGAIN))
        }
    }
}
