//! What a claim gets: a volume there is, one that is made for it, or an event that says why not.
//! Source: `pkg/controller/volume/persistentvolume/pv_controller.go`, syncUnboundClaim, syncBoundClaim, provisionClaim.

use serde_json::{Value, json};

use super::binder::{self, PERIOD};
use super::{BIND_COMPLETED, SELECTED_NODE, STORAGE_PROVISIONER};
use crate::object::claim::{Search, class_name, is_for, is_used, matching, mismatch};
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::persistentvolume::PERSISTENTVOLUME;
use crate::sim::apiserver::registry::kinds::persistentvolumeclaim::PERSISTENTVOLUMECLAIM;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::registry::kinds::storageclass::STORAGECLASS;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Next};

/// Brings a claim nearer to its volume.
pub fn look(context: &Context, claim: &Value) -> Result<Next> {
    if meta::annotation(claim, BIND_COMPLETED).is_some() {
        return bound(context, claim);
    }
    if meta::is_terminating(claim) {
        return Ok(Next::Done);
    }
    match meta::text(claim, "/spec/volumeName") {
        "" => any(context, claim),
        name => this(context, claim, name),
    }
}

/// A claim that takes what suits it.
fn any(context: &Context, claim: &Value) -> Result<Next> {
    let class = context.client.find(&STORAGECLASS, "", class_name(claim));
    let delayed = class.as_ref().is_some_and(|class| is_delayed(class, claim));
    let volumes = context.client.list(&PERSISTENTVOLUME, "");
    if let Some(volume) = matching(claim, &volumes, &Search { delayed, ..Search::default() }) {
        return binder::bind(context, volume, claim).map(|()| Next::Done);
    }
    if take_default_class(context, claim)? {
        return Ok(Next::Done);
    }
    if delayed {
        tell_of_consumers(context, claim);
    } else if !class_name(claim).is_empty() {
        provision(context, claim, class.as_deref())?;
    } else {
        let why = "no persistent volumes available for this claim and no storage class is set";
        context.events.normal(claim, "FailedBinding", why);
    }
    pending(context, claim)
}

fn pending(context: &Context, claim: &Value) -> Result<Next> {
    binder::set_claim_phase(context, claim, "Pending", None).map(|()| Next::After(PERIOD))
}

fn is_delayed(class: &Value, claim: &Value) -> bool {
    meta::text(class, "/volumeBindingMode") == "WaitForFirstConsumer"
        && meta::annotation(claim, SELECTED_NODE).is_none()
}

/// A claim that names no class gets the default one once there is such a one; the newest of several.
fn take_default_class(context: &Context, claim: &Value) -> Result<bool> {
    let old = meta::annotation(claim, "volume.beta.kubernetes.io/storage-class");
    if old.is_some() || claim.pointer("/spec/storageClassName").is_some_and(|class| !class.is_null()) {
        return Ok(false);
    }
    let is_default = |class: &Object| {
        ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"]
            .iter()
            .any(|key| meta::annotation(class, key) == Some("true"))
    };
    let mut classes = context.client.list(&STORAGECLASS, "");
    classes.retain(is_default);
    let newest = classes.iter().max_by_key(|class| {
        (meta::text(class, "/metadata/creationTimestamp").to_owned(), std::cmp::Reverse(meta::name(class).to_owned()))
    });
    let Some(class) = newest else { return Ok(false) };
    let (namespace, name) = (meta::namespace(claim), meta::name(claim));
    context.client.modify(&PERSISTENTVOLUMECLAIM, namespace, name, |claim| {
        claim["spec"]["storageClassName"] = json!(meta::name(class));
    })?;
    Ok(true)
}

fn tell_of_consumers(context: &Context, claim: &Value) {
    let uses = |pod: &&Object| meta::text(pod, "/spec/nodeName").is_empty() && is_used(pod, meta::name(claim));
    let pods = context.client.list(&POD, meta::namespace(claim));
    let names: Vec<&str> = pods.iter().filter(uses).map(|pod| meta::name(pod)).collect();
    let (reason, message) = match names.as_slice() {
        [] => ("WaitForFirstConsumer", "waiting for first consumer to be created before binding".to_owned()),
        [name] => ("WaitForPodScheduled", format!("waiting for pod {name} to be scheduled")),
        names => ("WaitForPodScheduled", format!("waiting for pods {} to be scheduled", names.join(","))),
    };
    context.events.normal(claim, reason, &message);
}

/// Asks the class's provisioner for a volume.
fn provision(context: &Context, claim: &Value, class: Option<&Value>) -> Result<()> {
    let Some(class) = class else {
        let why = format!("storageclass.storage.k8s.io {:?} not found", class_name(claim));
        context.events.warning(claim, "ProvisioningFailed", &why);
        return Ok(());
    };
    let provisioner = meta::text(class, "/provisioner");
    if provisioner.starts_with("kubernetes.io/") {
        let why = format!("no volume plugin matched name: {provisioner}");
        context.events.warning(claim, "ProvisioningFailed", &why);
        return Ok(());
    }
    context.client.modify(&PERSISTENTVOLUMECLAIM, meta::namespace(claim), meta::name(claim), |claim| {
        for key in [STORAGE_PROVISIONER, "volume.beta.kubernetes.io/storage-provisioner"] {
            meta::set_annotation(claim, key, provisioner);
        }
    })?;
    let message = format!(
        "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."
    );
    context.events.normal(claim, "ExternalProvisioning", &message);
    Ok(())
}

/// A claim that names its volume.
fn this(context: &Context, claim: &Value, name: &str) -> Result<Next> {
    let Some(volume) = context.client.find(&PERSISTENTVOLUME, "", name) else { return pending(context, claim) };
    if is_for(&volume, claim) {
        return binder::bind(context, &volume, claim).map(|()| Next::Done);
    }
    if volume.pointer("/spec/claimRef").is_some() {
        let why = format!("volume {name:?} already bound to a different claim.");
        context.events.warning(claim, "FailedBinding", &why);
        return pending(context, claim);
    }
    match mismatch(claim, &volume) {
        None => binder::bind(context, &volume, claim).map(|()| Next::Done),
        Some(why) => {
            let message = format!("Cannot bind to requested volume {name:?}: {why}");
            context.events.warning(claim, "VolumeMismatch", &message);
            pending(context, claim)
        }
    }
}

/// A claim that had its volume: does it still?
fn bound(context: &Context, claim: &Value) -> Result<Next> {
    let name = meta::text(claim, "/spec/volumeName");
    let volume = context.client.find(&PERSISTENTVOLUME, "", name).filter(|_| !name.is_empty());
    let Some(volume) = volume else {
        let what = if name.is_empty() { "reference to PersistentVolume" } else { "its PersistentVolume" };
        let message = format!("Bound claim has lost {what}. Data on the volume is lost!");
        return lose(context, claim, ("ClaimLost", &message));
    };
    if volume.pointer("/spec/claimRef").is_none() || is_for(&volume, claim) {
        return binder::bind(context, &volume, claim).map(|()| Next::Done);
    }
    lose(context, claim, ("ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly"))
}

fn lose(context: &Context, claim: &Value, (reason, message): (&str, &str)) -> Result<Next> {
    if meta::text(claim, "/status/phase") != "Lost" {
        binder::set_claim_phase(context, claim, "Lost", None)?;
        context.events.warning(claim, reason, message);
    }
    Ok(Next::Done)
}
