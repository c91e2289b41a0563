//! Lease: who leads, or that a node is alive.
//! Source: `pkg/registry/coordination/lease/strategy.go`.

use super::cells;
use super::filling::always;
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
    strategy: Strategy {
        defaults: |lease| always(lease, "spec"),
        create_on_update: true,
        unconditional_update: false,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[NAME, column("Holder"), AGE],
        row: |lease, now| vec![cells::name(lease), cells::text(lease, "/spec/holderIdentity"), age(lease, now)],
    },
    stored_as: None,
};
