//! When to look for garbage: soon after something went that may own others, or lost its owner, or waits for what it owns.
//! Looking takes in everything at once, so what happens in one moment is looked at together. Custom resources come and go while this
//! runs: where there are any, a glance now and then says whether one of them changed.

use std::collections::HashSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::graph::{self, FOREGROUND};
use super::sweep;
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::customresourcedefinition::CUSTOMRESOURCEDEFINITION;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::registry::{RESOURCES, Resource, custom};
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

/// How often custom resources are glanced at, in wall time.
const GLANCE: Duration = Duration::from_millis(500);

/// What is kept between two looks.
#[derive(Default)]
struct Memory {
    /// When the next look is due, once one is.
    due: Option<Timestamp>,
    custom: Custom,
}

/// What was seen of custom resources at the last glance after which nothing was left to do.
#[derive(Clone, Default)]
struct Custom {
    /// The newest revisions: of the definitions, and of any object.
    revisions: (u64, u64),
    resources: Vec<&'static Resource>,
    uids: HashSet<String>,
}

/// The key of the glances at custom resources.
fn glance() -> Key {
    (String::new(), "custom".to_owned())
}

/// One key stands for all; none for what leaves no garbage.
fn concerns(context: &Context, object: &Object) -> Vec<Key> {
    let mut keys = garbage(context, object);
    if meta::text(object, "/kind") == CUSTOMRESOURCEDEFINITION.kind {
        keys.push(glance());
    }
    keys
}

fn garbage(context: &Context, object: &Object) -> Vec<Key> {
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

/// Looks for garbage where a custom resource went, waits or lost its owner since the last glance; whether there are any.
fn glance_at_custom(context: &Context) -> Result<bool> {
    let storage = &context.client.server().storage;
    let before = context.remember(|memory: &mut Memory| memory.custom.clone());
    let definitions = storage.newest(&CUSTOMRESOURCEDEFINITION.group_resource());
    let resources = match definitions == before.revisions.0 {
        true => before.resources.clone(),
        false => custom::served(storage).split_off(RESOURCES.len()),
    };
    let newest = resources.iter().map(|resource| storage.newest(&resource.group_resource())).max();
    let revisions = (definitions, newest.unwrap_or_default());
    if revisions != before.revisions {
        let collected = resources.iter().filter(|resource| graph::is_collected(resource));
        let objects: Vec<Object> = collected.flat_map(|resource| context.client.list(resource, "")).collect();
        let uids: HashSet<String> = objects.iter().map(|object| meta::uid(object).to_owned()).collect();
        let stays = |was: &&'static Resource| {
            resources.iter().any(|is| (is.group, is.version, is.plural) == (was.group, was.version, was.plural))
        };
        let gone: Vec<&'static Resource> = before.resources.iter().copied().filter(|was| !stays(was)).collect();
        let lost = |object: &Object| graph::waits(object) || lacks_owner(context, object);
        if !gone.is_empty() || !before.uids.is_subset(&uids) || objects.iter().any(lost) {
            sweep::sweep(context, &gone)?;
        }
        context.remember(|memory: &mut Memory| memory.custom = Custom { revisions, resources, uids });
    }
    Ok(newest.is_some())
}

/// Looks for garbage, once changes have been gathered.
pub fn reconcile(context: &Context, key: &Key) -> Result<Next> {
    let clock = context.client.clock();
    let now = clock.now();
    if *key == glance() {
        let some = glance_at_custom(context)?;
        return Ok(if some { Next::After(GLANCE.mul_f64(clock.speed())) } else { Next::Done });
    }
    let pause = GATHER.mul_f64(clock.speed());
    let after = |pause: Duration| now + SignedDuration::try_from(pause).unwrap_or_default();
    let due = context.remember(|memory: &mut Memory| *memory.due.get_or_insert(after(pause)));
    if now < due {
        return Ok(Next::After(until(due, now)));
    }
    let swept = sweep::sweep(context, &[]);
    let failed = swept.is_err();
    context.remember(|memory: &mut Memory| memory.due = failed.then(|| after(AGAIN)));
    match swept {
        Ok(()) => Ok(Next::Done),
        Err(status) => {
            tracing::debug!(%status, "garbage stays");
            Ok(Next::After(AGAIN))
        }
    }
}
