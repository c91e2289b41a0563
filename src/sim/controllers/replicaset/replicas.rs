//! Brings the number of Pods to what a ReplicaSet asks for.
//! Which Pods go first is in `deletion_order`, what is reported in `status`. Source: `manageReplicas` in `pkg/controller/replicaset/replica_set.go`.

use serde_json::Value;

use super::status;
use crate::object::meta;
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::claim::{self, Pods};
use crate::sim::controllers::{conditions, deletion_order, pod_control, pods};
use crate::sim::reconciler::{Context, Key, Next};

/// How many Pods one turn makes or deletes at most.
const BURST: usize = 500;

/// One look at a ReplicaSet or ReplicationController.
pub fn reconcile(context: &Context, resource: &'static Resource, (namespace, name): &Key) -> Result<Next> {
    let Some(set) = context.client.find(resource, namespace, name) else { return Ok(Next::Done) };
    let selector = claim::selector(&set);
    let mut pods = claim::claim_pods(context, &set, &selector)?;
    let managed = if meta::is_terminating(&set) { Ok(()) } else { manage(context, &set, &mut pods) };
    let now = context.client.clock().now();
    let status = status::of(&set, &pods, managed.as_ref().err(), now);
    conditions::write(context, resource, &set, &status)?;
    managed?;
    let min_ready = meta::number(&set, "/spec/minReadySeconds").unwrap_or_default();
    let active = pods.active.iter().map(|pod| &**pod);
    Ok(pods::next_available(active, min_ready, now).map_or(Next::Done, Next::After))
}

fn manage(context: &Context, set: &Object, pods: &mut Pods) -> Result<()> {
    let wanted = usize::try_from(wanted(set)).unwrap_or_default();
    let have = pods.active.len();
    if have < wanted {
        return pod_control::slow_start((wanted - have).min(BURST), |_| {
            match pod_control::create(context, set, pod_control::from_template(set)) {
                Err(status) if pod_control::is_namespace_ending(&status) => Ok(()),
                created => created.map(|pod| pods.active.push(pod)),
            }
        });
    }
    if have > wanted {
        let count = (have - wanted).min(BURST);
        deletion_order::by_deletion(&mut pods.active, &beside(context, set), context.client.clock().now());
        for pod in pods.active.drain(..count).collect::<Vec<_>>() {
            pod_control::delete(context, set, &pod)?;
            pods.ending.extend(context.client.find(&POD, meta::namespace(&pod), meta::name(&pod)));
        }
    }
    Ok(())
}

/// How many replicas are asked for.
pub fn wanted(set: &Value) -> i64 {
    meta::number(set, "/spec/replicas").unwrap_or(1)
}

/// The active Pods of all sets with the same controller as this one.
fn beside(context: &Context, set: &Object) -> Vec<Object> {
    let Some(controller) = meta::controller_of(set) else { return Vec::new() };
    let uid = meta::text(controller, "/uid");
    let sets =
        context.client.list(&crate::sim::apiserver::registry::kinds::replicaset::REPLICASET, meta::namespace(set));
    let related: Vec<&str> = sets
        .iter()
        .filter(|other| meta::controller_of(other).is_some_and(|owner| meta::text(owner, "/uid") == uid))
        .map(|other| meta::uid(other))
        .collect();
    let mut found = context.client.list(&POD, meta::namespace(set));
    found.retain(|pod| {
        let owner = meta::controller_of(pod).map(|owner| meta::text(owner, "/uid"));
        pods::is_active(pod) && owner.is_some_and(|owner| related.contains(&owner))
    });
    found
}
