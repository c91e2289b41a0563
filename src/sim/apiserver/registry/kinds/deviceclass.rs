//! DeviceClass: a kind of device that claims can name. Kept, not applied: no node here has devices.
//! Source: `pkg/registry/resource/deviceclass/strategy.go`.

use super::at::At;
use super::{cells, device_requests};
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `resource.k8s.io/v1 DeviceClass`.
pub static DEVICECLASS: Resource = Resource {
    group: "resource.k8s.io",
    version: "v1",
    kind: "DeviceClass",
    plural: "deviceclasses",
    singular: "deviceclass",
    short_names: &[],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy {
        generation: true,
        validate: |class, errors| {
            let root = At::root(class);
            let spec = root.key("spec");
            device_requests::selectors(spec.key("selectors"), errors);
            device_requests::configurations(spec.key("config"), errors);
        },
        ..Strategy::PLAIN
    },
    table: Table { columns: &[NAME, AGE], row: |class, now| vec![cells::name(class), age(class, now)] },
    stored_as: None,
};
