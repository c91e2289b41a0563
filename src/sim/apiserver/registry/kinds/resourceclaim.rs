//! ResourceClaim: devices a Pod asks for. Kept, not allocated: no node here has devices, so a claim stays pending.
//! Source: `pkg/registry/resource/resourceclaim/strategy.go`.

use serde_json::{Value, json};

use super::at::At;
use super::filling::{part, reset_status};
use super::{cells, device_requests};
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `resource.k8s.io/v1 ResourceClaim`.
pub static RESOURCECLAIM: Resource = Resource {
    group: "resource.k8s.io",
    version: "v1",
    kind: "ResourceClaim",
    plural: "resourceclaims",
    singular: "resourceclaim",
    short_names: &[],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy {
        defaults: |claim| part(claim, "spec", device_requests::defaults),
        prepare_create: |claim| reset_status(claim, json!({})),
        validate: |claim, errors| device_requests::validate(At::root(claim).key("spec"), errors),
        validate_update: |new, old, errors| {
            if new.get("spec") != old.get("spec") {
                errors.immutable("spec", new["spec"].clone());
            }
        },
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[NAME, column("State"), AGE],
        row: |claim, now| vec![cells::name(claim), json!(state(claim)), age(claim, now)],
    },
    stored_as: None,
};

/// `resourceClaimState` of `pkg/printers/internalversion/printers.go`.
fn state(claim: &Value) -> String {
    let deleted = meta::is_terminating(claim);
    let allocated = claim.pointer("/status/allocation").is_some_and(Value::is_object);
    let reserved = !meta::list(claim, "/status/reservedFor").is_empty();
    let words = [
        (deleted, "deleted"),
        (!allocated && !deleted, "pending"),
        (allocated, "allocated"),
        (allocated && reserved, "reserved"),
    ];
    words.iter().filter(|(holds, _)| *holds).map(|(_, word)| *word).collect::<Vec<_>>().join(",")
}
