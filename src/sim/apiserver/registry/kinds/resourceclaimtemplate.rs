//! ResourceClaimTemplate: from which each Pod would get a ResourceClaim of its own. Kept, not applied.
//! Source: `pkg/registry/resource/resourceclaimtemplate/strategy.go`.

use super::at::At;
use super::filling::part;
use super::{cells, device_requests};
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `resource.k8s.io/v1 ResourceClaimTemplate`.
pub static RESOURCECLAIMTEMPLATE: Resource = Resource {
    group: "resource.k8s.io",
    version: "v1",
    kind: "ResourceClaimTemplate",
    plural: "resourceclaimtemplates",
    singular: "resourceclaimtemplate",
    short_names: &[],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy {
        defaults: |template| part(template, "spec", |spec| part(spec, "spec", device_requests::defaults)),
        validate: |template, errors| {
            let root = At::root(template);
            let spec = root.key("spec");
            device_requests::validate(spec.key("spec"), errors);
        },
        validate_update: |new, old, errors| {
            if new.get("spec") != old.get("spec") {
                errors.immutable("spec", new["spec"].clone());
            }
        },
        ..Strategy::PLAIN
    },
    table: Table { columns: &[NAME, AGE], row: |template, now| vec![cells::name(template), age(template, now)] },
    stored_as: None,
};
