//! Growing volumes: the side of the resizer, which enlarges the volume, and the side of the node, which enlarges the file system
//! once a Pod there uses it. Whether a claim may grow at all is admission's. Source: `pkg/controller/volume/expand`,
//! `kubernetes-csi/external-resizer` for events and conditions, `pkg/volume/util/operationexecutor` for the node.

use serde_json::{Value, json};

use super::{BIND_COMPLETED, PROVISIONED_BY, local_path};
use crate::object::claim::{capacity, is_used, request};
use crate::object::meta;
use crate::object::quantity::Quantity;
use crate::sim::apiserver::recorder::Recorder;
use crate::sim::apiserver::registry::kinds::persistentvolume::PERSISTENTVOLUME;
use crate::sim::apiserver::registry::kinds::persistentvolumeclaim::PERSISTENTVOLUMECLAIM;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::Controller;
use crate::sim::controllers::conditions::{self, Condition};
use crate::sim::reconciler::{Context, Key, Next, Watched, own};

/// The controller; its keys are claims.
pub static EXPANSION_CONTROLLER: Controller = Controller {
    name: "volume_expand",
    watches: &[
        Watched { resource: &PERSISTENTVOLUMECLAIM, keys: own },
        Watched { resource: &POD, keys: |_, pod| super::protection::mounted(pod) },
    ],
    reconcile,
};

const PENDING: &str = "FileSystemResizePending";

fn reconcile(context: &Context, (namespace, name): &Key) -> Result<Next> {
    let Some(claim) = context.client.find(&PERSISTENTVOLUMECLAIM, namespace, name) else { return Ok(Next::Done) };
    if meta::annotation(&claim, BIND_COMPLETED).is_none() || meta::text(&claim, "/status/phase") != "Bound" {
        return Ok(Next::Done);
    }
    let volume = context.client.find(&PERSISTENTVOLUME, "", meta::text(&claim, "/spec/volumeName"));
    let Some(volume) = volume else { return Ok(Next::Done) };
    let has = claim.pointer("/status/capacity/storage").and_then(|size| Quantity::of(size).ok()).unwrap_or_default();
    if request(&claim) <= has {
        return Ok(Next::Done);
    }
    if meta::annotation(&volume, PROVISIONED_BY) != Some(local_path::PROVISIONER) {
        let why = "waiting for an external controller to expand this PVC";
        if context.remember(|told: &mut std::collections::HashSet<String>| told.insert(words(&claim))) {
            context.events.normal(&claim, "ExternalExpanding", why);
        }
        return Ok(Next::Done);
    }
    if capacity(&volume) < request(&claim) {
        enlarge(context, &claim, &volume)?;
    }
    match user(context, &claim) {
        Some(pod) => finish(context, &claim, &volume, &pod).map(|()| Next::Done),
        None => Ok(Next::Done),
    }
}

/// What tells one wish to grow from another.
fn words(claim: &Value) -> String {
    format!("{} {}", meta::uid(claim), request(claim))
}

/// A Pod that runs with the claim.
fn user(context: &Context, claim: &Value) -> Option<Object> {
    let pods = context.client.list(&POD, meta::namespace(claim));
    pods.into_iter().find(|pod| meta::text(pod, "/status/phase") == "Running" && is_used(pod, meta::name(claim)))
}

/// Makes the volume as large as its claim asks; the file system in it is the node's.
fn enlarge(context: &Context, claim: &Value, volume: &Value) -> Result<()> {
    let name = meta::name(volume);
    let wanted = claim["spec"]["resources"]["requests"]["storage"].clone();
    context.events.normal(claim, "Resizing", &format!("External resizer is resizing volume {name}"));
    context.client.modify(&PERSISTENTVOLUME, "", name, |volume| {
        volume["spec"]["capacity"]["storage"] = wanted.clone();
    })?;
    let message = "Waiting for user to (re-)start a pod to finish file system resize of volume on node.";
    let condition = Condition { kind: PENDING, status: "True", reason: "", message };
    let mut condition = condition.at(context.client.clock().now());
    meta::remove(&mut condition, "reason");
    write(context, claim, |status| {
        status["allocatedResources"]["storage"] = wanted.clone();
        status["allocatedResourceStatuses"]["storage"] = json!("NodeResizePending");
        conditions::set(status, condition.clone());
    })?;
    context.events.normal(claim, "FileSystemResizeRequired", "Require file system resize of volume on node");
    Ok(())
}

/// The node has enlarged the file system: the claim has what it asked for.
fn finish(context: &Context, claim: &Value, volume: &Value, pod: &Value) -> Result<()> {
    let wanted = claim["spec"]["resources"]["requests"]["storage"].clone();
    write(context, claim, |status| {
        status["capacity"]["storage"] = wanted.clone();
        meta::remove(status, "allocatedResourceStatuses");
        conditions::remove(status, PENDING);
    })?;
    let (name, node) = (meta::name(volume), meta::text(pod, "/spec/nodeName"));
    let message = format!("MountVolume.NodeExpandVolume succeeded for volume {name:?} {node}");
    let kubelet = Recorder::new(context.client.clone(), "kubelet", node);
    kubelet.normal(pod, "FileSystemResizeSuccessful", &message);
    kubelet.normal(claim, "FileSystemResizeSuccessful", &message);
    Ok(())
}

fn write(context: &Context, claim: &Value, change: impl Fn(&mut Value)) -> Result<()> {
    let (namespace, name) = (meta::namespace(claim), meta::name(claim));
    let written = context.client.modify_status(&PERSISTENTVOLUMECLAIM, namespace, name, |fresh| {
        if meta::uid(fresh) == meta::uid(claim) {
            change(meta::child(fresh, "status"));
        }
    });
    written.map(drop)
}
