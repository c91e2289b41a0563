//! Lease: who leads, or that a node is alive.
//! Source: `pkg/registry/coordination/lease/strategy.go`.

use serde_json::Value;

use super::at::At;
use super::cells;
use super::check;
use super::filling::{always, part};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `coordination.k8s.io/v1 Lease`.
pub static LEASE: Resource = Resource {
    group: "coordination.k8s.io",
    version: "v1",
    kind: "Lease",
    plural: "leases",
    singular: "lease",
    short_names: &[],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy { defaults, create_on_update: true, unconditional_update: false, validate, ..Strategy::PLAIN },
    table: Table {
        columns: &[NAME, column("Holder"), AGE],
        row: |lease, now| vec![cells::name(lease), cells::text(lease, "/spec/holderIdentity"), age(lease, now)],
    },
    stored_as: None,
};

fn defaults(lease: &mut Value) {
    always(lease, "spec");
    // Who leads is agreed on behind a gate that is closed (CoordinatedLeaderElection), and what is behind it goes.
    part(lease, "spec", |spec| {
        for key in ["strategy", "preferredHolder"] {
            meta::remove(spec, key);
        }
    });
}

fn validate(lease: &Value, errors: &mut ErrorList) {
    let root = At::root(lease);
    let spec = root.key("spec");
    let duration = spec.key("leaseDurationSeconds");
    if duration.number().is_some_and(|seconds| seconds <= 0) {
        duration.invalid("must be greater than 0", errors);
    }
    check::not_negative(spec.key("leaseTransitions"), errors);
}
