//! PersistentVolumeClaimResize: a claim grows once it is bound, and only where its class allows it.
//! Source: `plugin/pkg/admission/storage/persistentvolume/resize`.

use serde_json::Value;

use super::{Attributes, Operation, Plugin};
use crate::object::meta;
use crate::object::quantity::Quantity;
use crate::sim::apiserver::status::Result;

pub const PLUGIN: Plugin = Plugin { name: "PersistentVolumeClaimResize", validate, ..Plugin::NOTHING };

fn validate(attributes: &Attributes, claim: &Value) -> Result<()> {
    let updates = attributes.operation == Operation::Update && attributes.is("", "persistentvolumeclaims");
    let Some(old) = attributes.old.filter(|_| updates) else { return Ok(()) };
    if size(claim) <= size(old) {
        return Ok(());
    }
    if meta::text(old, "/status/phase") != "Bound" {
        return Err(attributes.forbidden(claim, "Only bound persistent volume claims can be expanded"));
    }
    let class = meta::text(claim, "/spec/storageClassName");
    let found = attributes.storage.get("storageclasses.storage.k8s.io", "", class);
    let same = class == meta::text(old, "/spec/storageClassName");
    if same && found.is_some_and(|class| meta::truth(&class, "/allowVolumeExpansion")) {
        return Ok(());
    }
    let why = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
    Err(attributes.forbidden(claim, why))
}

fn size(claim: &Value) -> Quantity {
    claim.pointer("/spec/resources/requests/storage").and_then(|size| Quantity::of(size).ok()).unwrap_or_default()
}
