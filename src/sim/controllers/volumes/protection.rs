//! The protection of storage in use: a claim stays while a Pod on a node mounts it, a volume while it is bound.
//! Source: `pkg/controller/volume/{pvcprotection,pvprotection,vacprotection}`.

use serde_json::{Value, json};

use crate::object::{claim, meta};
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::registry::kinds::persistentvolume::PERSISTENTVOLUME;
use crate::sim::apiserver::registry::kinds::persistentvolumeclaim::PERSISTENTVOLUMECLAIM;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::registry::kinds::volumeattributesclass::VOLUMEATTRIBUTESCLASS;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::Controller;
use crate::sim::reconciler::{Context, Key, Next, Watched, own};

/// Protects claims; its keys are claims.
pub static CLAIM_PROTECTION: Controller = Controller {
    name: "pvc-protection-controller",
    watches: &[
        Watched { resource: &PERSISTENTVOLUMECLAIM, keys: own },
        Watched { resource: &POD, keys: |_, pod| mounted(pod) },
    ],
    reconcile: |context, key| {
        protect(context, (&PERSISTENTVOLUMECLAIM, "kubernetes.io/pvc-protection"), key, |context, of| {
            let pods = context.client.list(&POD, meta::namespace(of));
            let holds =
                |pod: &Object| !meta::text(pod, "/spec/nodeName").is_empty() && claim::is_used(pod, meta::name(of));
            pods.iter().any(holds)
        })
    },
};

/// Protects volumes; its keys are volumes.
pub static VOLUME_PROTECTION: Controller = Controller {
    name: "pv-protection-controller",
    watches: &[Watched { resource: &PERSISTENTVOLUME, keys: own }],
    reconcile: |context, key| {
        protect(context, (&PERSISTENTVOLUME, "kubernetes.io/pv-protection"), key, |_, volume| {
            meta::text(volume, "/status/phase") == "Bound"
        })
    },
};

/// Protects classes of attributes; its keys are classes.
pub static CLASS_PROTECTION: Controller = Controller {
    name: "volumeattributesclass-protection-controller",
    watches: &[
        Watched { resource: &VOLUMEATTRIBUTESCLASS, keys: own },
        Watched { resource: &PERSISTENTVOLUMECLAIM, keys: |_, claim| classes(claim) },
        Watched { resource: &PERSISTENTVOLUME, keys: |_, volume| classes(volume) },
    ],
    reconcile: |context, key| {
        protect(context, (&VOLUMEATTRIBUTESCLASS, "kubernetes.io/vac-protection"), key, |context, class| {
            let names = |object: &Object| classes(object).iter().any(|(_, name)| name == meta::name(class));
            context.client.list(&PERSISTENTVOLUMECLAIM, "").iter().any(names)
                || context.client.list(&PERSISTENTVOLUME, "").iter().any(names)
        })
    },
};

/// The classes of attributes that a claim or volume names.
fn classes(object: &Object) -> Vec<Key> {
    let places = [
        "/spec/volumeAttributesClassName",
        "/status/currentVolumeAttributesClassName",
        "/status/modifyVolumeStatus/targetVolumeAttributesClassName",
    ];
    let named = places.map(|place| meta::text(object, place).to_owned());
    named.into_iter().filter(|name| !name.is_empty()).map(|name| (String::new(), name)).collect()
}

/// The claims a Pod mounts.
pub fn mounted(pod: &Object) -> Vec<Key> {
    claim::names(pod).into_iter().map(|(name, _)| (meta::namespace(pod).to_owned(), name)).collect()
}

/// Puts the finalizer on, and takes it off what is asked to go and not in use.
fn protect(
    context: &Context,
    (resource, finalizer): (&'static Resource, &str),
    (namespace, name): &Key,
    is_used: impl Fn(&Context, &Value) -> bool,
) -> Result<Next> {
    let Some(object) = context.client.find(resource, namespace, name) else { return Ok(Next::Done) };
    let has = meta::finalizers(&object).any(|found| found == finalizer);
    let going = meta::is_terminating(&object);
    if going != has || (going && is_used(context, &object)) {
        return Ok(Next::Done);
    }
    let changed = context.client.modify(resource, namespace, name, |object| {
        meta::edit_list(&mut object["metadata"], "finalizers", |finalizers| {
            finalizers.retain(|found| found != finalizer);
            if !going {
                finalizers.push(json!(finalizer));
            }
        });
    });
    match changed {
        Err(status) if !status.is_not_found() => Err(status),
        _ => Ok(Next::Done),
    }
}
