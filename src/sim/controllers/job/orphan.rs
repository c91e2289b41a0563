//! Pods that no Job counts any more: the finalizer that kept them for counting is taken off.
//! Source: `handleSingleOrphanPod` in `pkg/controller/job/job_controller.go`.

use serde_json::{Value, json};

use super::finish;
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::job::JOB;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::claim;
use crate::sim::reconciler::{Context, Key};

/// What keeps a Pod until its Job has counted it.
pub const TRACKING: &str = "batch.kubernetes.io/job-tracking";

/// A key that begins so is a Pod's without a Job. No Job's name does.
const ORPHAN: &str = ":";

/// Whether a Pod waits to be counted.
pub fn is_tracked(pod: &Value) -> bool {
    meta::finalizers(pod).any(|finalizer| finalizer == TRACKING)
}

/// The Jobs a Pod concerns; the Pod itself, when it waits for a Job it does not have.
pub fn keys(context: &Context, pod: &Object) -> Vec<Key> {
    let mut keys = claim::keys(context, pod, &JOB);
    if is_tracked(pod) && meta::controller_of(pod).is_none() {
        keys.push((meta::namespace(pod).to_owned(), format!("{ORPHAN}{}", meta::name(pod))));
    }
    keys
}

/// The Pod's name, if the key is an orphan's.
pub fn of_key(name: &str) -> Option<&str> {
    name.strip_prefix(ORPHAN)
}

/// Frees a Pod without a Job, unless one may adopt it.
pub fn free(context: &Context, namespace: &str, name: &str) -> Result<()> {
    let Some(pod) = context.client.find(&POD, namespace, name) else { return Ok(()) };
    let wanted = claim::keys(context, &pod, &JOB);
    if meta::controller_of(&pod).is_none() && wanted.is_empty() { untrack(context, &pod) } else { Ok(()) }
}

/// Frees the Pods that name a Job which is gone or finished.
pub fn free_pods_of(context: &Context, namespace: &str, job: &str) -> Result<()> {
    let current = context.client.find(&JOB, namespace, job).filter(|job| !finish::is_finished(job));
    let waits = |pod: &&Object| {
        let owner = meta::controller_of(pod);
        let is_named =
            owner.is_some_and(|owner| meta::text(owner, "/kind") == "Job" && meta::text(owner, "/name") == job);
        let is_counted = current.as_ref().is_some_and(|current| claim::is_controlled_by(pod, current));
        is_tracked(pod) && is_named && !is_counted
    };
    context.client.list(&POD, namespace).iter().filter(waits).try_for_each(|pod| untrack(context, pod))
}

/// Takes the finalizer off; a Pod that is gone is no error.
pub fn untrack(context: &Context, pod: &Value) -> Result<()> {
    let freed = context.client.modify(&POD, meta::namespace(pod), meta::name(pod), |fresh| {
        if meta::uid(fresh) == meta::uid(pod) {
            let keep = |finalizer: &Value| finalizer != TRACKING;
            meta::edit_list(&mut fresh["metadata"], "finalizers", |finalizers| finalizers.retain(keep));
        }
    });
    match freed {
        Err(status) if !status.is_not_found() => Err(status),
        _ => Ok(()),
    }
}

/// Puts the finalizer on a Pod that was adopted.
pub fn track(context: &Context, pod: &Object) -> Result<Object> {
    context.client.modify(&POD, meta::namespace(pod), meta::name(pod), |fresh| {
        meta::edit_list(&mut fresh["metadata"], "finalizers", |finalizers| finalizers.push(json!(TRACKING)));
    })
}
