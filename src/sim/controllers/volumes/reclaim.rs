//! The phase of a volume, and what becomes of it once its claim is gone.
//! Source: `pkg/controller/volume/persistentvolume/pv_controller.go`, syncVolume, reclaimVolume; `pkg/volume/hostpath`.

use serde_json::Value;

use super::binder::{PERIOD, set_volume_phase};
use super::{BOUND_BY_CONTROLLER, PROVISIONED_BY, local_path};
use crate::object::claim::same_mode;
use crate::object::meta;
use crate::sim::apiserver::endpoints::DeleteOptions;
use crate::sim::apiserver::registry::kinds::persistentvolume::PERSISTENTVOLUME;
use crate::sim::apiserver::registry::kinds::persistentvolumeclaim::PERSISTENTVOLUMECLAIM;
use crate::sim::apiserver::status::Result;
use crate::sim::reconciler::{Context, Next};

/// Brings a volume's phase up to date, and does what its policy asks once it is released.
pub fn look(context: &Context, volume: &Value) -> Result<Next> {
    let reference = |key: &str| meta::text(volume, &format!("/spec/claimRef/{key}"));
    let uid = reference("uid");
    if uid.is_empty() {
        return set_volume_phase(context, volume, "Available", "").map(|()| Next::Done);
    }
    let claim = context.client.find(&PERSISTENTVOLUMECLAIM, reference("namespace"), reference("name"));
    let Some(claim) = claim.filter(|claim| meta::uid(claim) == uid) else { return release(context, volume) };
    let policy = meta::text(volume, "/spec/persistentVolumeReclaimPolicy");
    match meta::text(&claim, "/spec/volumeName") {
        "" if !same_mode(&claim, volume) => tell_of_mode(context, volume, &claim),
        "" => {}
        name if name == meta::name(volume) => set_volume_phase(context, volume, "Bound", "")?,
        _ if policy == "Delete" && meta::annotation(volume, PROVISIONED_BY).is_some() => {
            return release(context, volume);
        }
        _ => unbind(context, volume)?,
    }
    Ok(Next::Done)
}

fn tell_of_mode(context: &Context, volume: &Value, claim: &Value) {
    let (volume_name, claim_name) = (meta::name(volume), meta::name(claim));
    let to = |who: &str| format!("Cannot bind PersistentVolume {who} due to incompatible volumeMode.");
    context.events.warning(
        volume,
        "VolumeMismatch",
        &to(&format!("to requested PersistentVolumeClaim {claim_name:?}")),
    );
    context.events.warning(
        claim,
        "VolumeMismatch",
        &to(&format!("{volume_name:?} to requested PersistentVolumeClaim")),
    );
}

/// Takes the claim out of a volume; one that a person wrote in stays, without its uid.
fn unbind(context: &Context, volume: &Value) -> Result<()> {
    let freed = context.client.modify(&PERSISTENTVOLUME, "", meta::name(volume), |volume| {
        if meta::annotation(volume, BOUND_BY_CONTROLLER).is_some() {
            meta::remove(&mut volume["spec"], "claimRef");
            meta::remove(&mut volume["metadata"]["annotations"], BOUND_BY_CONTROLLER);
        } else {
            meta::remove(&mut volume["spec"]["claimRef"], "uid");
        }
    })?;
    set_volume_phase(context, &freed, "Available", "")
}

fn release(context: &Context, volume: &Value) -> Result<Next> {
    if !matches!(meta::text(volume, "/status/phase"), "Released" | "Failed") {
        set_volume_phase(context, volume, "Released", "")?;
    }
    match meta::text(volume, "/spec/persistentVolumeReclaimPolicy") {
        "Delete" if !meta::is_terminating(volume) => delete(context, volume),
        "Recycle" if !["hostPath", "nfs"].iter().any(|source| volume["spec"].get(source).is_some()) => {
            let why = "No recycler plugin found for the volume!";
            set_volume_phase(context, volume, "Failed", "")?;
            context.events.warning(volume, "VolumeFailedRecycle", why);
            Ok(Next::After(PERIOD))
        }
        "Recycle" => {
            context.events.normal(volume, "VolumeRecycled", "Volume recycled");
            unbind(context, volume).map(|()| Next::Done)
        }
        _ => Ok(Next::Done),
    }
}

fn delete(context: &Context, volume: &Value) -> Result<Next> {
    if let Err(why) = may_delete(volume) {
        let Some(why) = why else { return Ok(Next::Done) };
        set_volume_phase(context, volume, "Failed", &why)?;
        context.events.warning(volume, "VolumeFailedDelete", &why);
        return Ok(Next::After(PERIOD));
    }
    match context.client.delete(&PERSISTENTVOLUME, "", meta::name(volume), &DeleteOptions::default()) {
        Err(status) if !status.is_not_found() => Err(status),
        _ => Ok(Next::Done),
    }
}

/// Whether what the volume stands for can be deleted; if not, why, or nothing where somebody else does it.
fn may_delete(volume: &Value) -> std::result::Result<(), Option<String>> {
    if let Some(provisioner) = meta::annotation(volume, PROVISIONED_BY) {
        return if provisioner == local_path::PROVISIONER { Ok(()) } else { Err(None) };
    }
    if volume.pointer("/spec/csi").is_some() {
        return Err(None);
    }
    if volume.pointer("/spec/hostPath").is_none() {
        let name = meta::name(volume);
        let why = "no deletable volume plugin matched";
        return Err(Some(format!("error getting deleter volume plugin for volume {name:?}: {why}")));
    }
    match meta::text(volume, "/spec/hostPath/path") {
        path if path.len() > "/tmp/".len() && path.starts_with("/tmp/") => Ok(()),
        path => Err(Some(format!("host_path deleter only supports /tmp/.+ but received provided {path}"))),
    }
}
