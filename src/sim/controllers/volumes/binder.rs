//! persistentvolume-controller: pairs claims with volumes, and keeps the phases of both.
//! This file has its keys and the pairing itself. Source: `pkg/controller/volume/persistentvolume/pv_controller.go`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{BIND_COMPLETED, BOUND_BY_CONTROLLER, claims, reclaim};
use crate::object::{claim, meta};
use crate::sim::apiserver::endpoints::timestamp;
use crate::sim::apiserver::registry::kinds::persistentvolume::PERSISTENTVOLUME;
use crate::sim::apiserver::registry::kinds::persistentvolumeclaim::PERSISTENTVOLUMECLAIM;
use crate::sim::apiserver::registry::kinds::storageclass::STORAGECLASS;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::Controller;
use crate::sim::reconciler::{Context, Key, Next, Watched, key};

/// The controller; its keys are claims and, without a namespace, volumes.
pub static PERSISTENT_VOLUME_BINDER: Controller = Controller {
    name: "persistentvolume-controller",
    watches: &[
        Watched { resource: &PERSISTENTVOLUME, keys: of_volume },
        Watched { resource: &PERSISTENTVOLUMECLAIM, keys: of_claim },
        Watched { resource: &STORAGECLASS, keys: |context, _| unbound(context) },
    ],
    reconcile,
};

/// How often what is not settled is looked at again.
pub const PERIOD: Duration = Duration::from_secs(15);

/// The volume, the claim it belongs to, and all claims that may want it.
fn of_volume(context: &Context, volume: &Object) -> Vec<Key> {
    let reference = |key: &str| meta::text(volume, &format!("/spec/claimRef/{key}")).to_owned();
    let mut keys = vec![key(volume)];
    if volume.pointer("/spec/claimRef").is_some() {
        keys.push((reference("namespace"), reference("name")));
    }
    keys.extend(unbound(context));
    keys
}

/// The claim, and the volumes that are its own.
fn of_claim(context: &Context, of: &Object) -> Vec<Key> {
    let volumes = context.client.list(&PERSISTENTVOLUME, "");
    let mut keys = vec![key(of)];
    keys.extend(volumes.iter().filter(|volume| claim::is_for(volume, of)).map(key));
    keys
}

fn unbound(context: &Context) -> Vec<Key> {
    let claims = context.client.list(&PERSISTENTVOLUMECLAIM, "");
    claims.iter().filter(|claim| meta::annotation(claim, BIND_COMPLETED).is_none()).map(key).collect()
}

fn reconcile(context: &Context, (namespace, name): &Key) -> Result<Next> {
    if namespace.is_empty() {
        let volume = context.client.find(&PERSISTENTVOLUME, "", name);
        return volume.map_or(Ok(Next::Done), |volume| reclaim::look(context, &volume));
    }
    let claim = context.client.find(&PERSISTENTVOLUMECLAIM, namespace, name);
    claim.map_or(Ok(Next::Done), |claim| claims::look(context, &claim))
}

/// Pairs a volume with a claim, as far as they are not yet.
pub fn bind(context: &Context, volume: &Value, claim: &Value) -> Result<()> {
    let client = &context.client;
    let reference = json!({
        "kind": "PersistentVolumeClaim",
        "apiVersion": "v1",
        "namespace": meta::namespace(claim),
        "name": meta::name(claim),
        "uid": meta::uid(claim),
        "resourceVersion": meta::text(claim, "/metadata/resourceVersion"),
    });
    let volume = client.modify(&PERSISTENTVOLUME, "", meta::name(volume), |volume| {
        if volume.pointer("/spec/claimRef").is_none() {
            meta::set_annotation(volume, BOUND_BY_CONTROLLER, "yes");
        }
        if meta::text(volume, "/spec/claimRef/uid") != meta::uid(claim) {
            volume["spec"]["claimRef"] = reference.clone();
        }
    })?;
    set_volume_phase(context, &volume, "Bound", "")?;
    client.modify(&PERSISTENTVOLUMECLAIM, meta::namespace(claim), meta::name(claim), |claim| {
        if meta::text(claim, "/spec/volumeName") != meta::name(&volume) {
            claim["spec"]["volumeName"] = json!(meta::name(&volume));
            meta::set_annotation(claim, BOUND_BY_CONTROLLER, "yes");
        }
        if meta::annotation(claim, BIND_COMPLETED).is_none() {
            meta::set_annotation(claim, BIND_COMPLETED, "yes");
        }
    })?;
    set_claim_phase(context, claim, "Bound", Some(&volume))
}

/// Writes a claim's phase and, where it is bound, what it got.
pub fn set_claim_phase(context: &Context, claim: &Value, phase: &str, volume: Option<&Value>) -> Result<()> {
    let (namespace, name) = (meta::namespace(claim), meta::name(claim));
    let written = context.client.modify_status(&PERSISTENTVOLUMECLAIM, namespace, name, |claim| {
        let status = meta::child(claim, "status");
        let changes = meta::text(status, "/phase") != phase;
        status["phase"] = json!(phase);
        match volume {
            // A bound claim may have less than its volume: its file system has not grown yet.
            Some(_) if !changes => {}
            Some(volume) => {
                status["accessModes"] = volume["spec"]["accessModes"].clone();
                status["capacity"] = volume["spec"]["capacity"].clone();
                if let Some(class) = volume.pointer("/spec/volumeAttributesClassName").filter(|class| class.is_string())
                {
                    status["currentVolumeAttributesClassName"] = class.clone();
                }
            }
            None => {
                meta::remove(status, "currentVolumeAttributesClassName");
                meta::remove(status, "accessModes");
                meta::remove(status, "capacity");
            }
        }
    });
    written.map(drop)
}

/// Writes a volume's phase, and since when it is in it.
pub fn set_volume_phase(context: &Context, volume: &Value, phase: &str, message: &str) -> Result<()> {
    let now = timestamp(context.client.clock().now());
    let written = context.client.modify_status(&PERSISTENTVOLUME, "", meta::name(volume), |volume| {
        let status = meta::child(volume, "status");
        if meta::text(status, "/phase") != phase {
            status["phase"] = json!(phase);
            status["lastPhaseTransitionTime"] = json!(now);
        }
        match message {
            "" => drop(meta::remove(status, "message")),
            message => status["message"] = json!(message),
        }
    });
    written.map(drop)
}
