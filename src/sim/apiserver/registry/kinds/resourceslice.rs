//! ResourceSlice: the devices a driver offers on a node. Kept, not applied: nothing here allocates devices.
//! Source: `pkg/registry/resource/resourceslice/strategy.go` and `pkg/apis/resource/validation/validation.go`.

use serde_json::{Value, json};

use super::at::At;
use super::{cells, check, device_requests};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::names;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `resource.k8s.io/v1 ResourceSlice`.
pub static RESOURCESLICE: Resource = Resource {
    group: "resource.k8s.io",
    version: "v1",
    kind: "ResourceSlice",
    plural: "resourceslices",
    singular: "resourceslice",
    short_names: &[],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy {
        generation: true,
        validate,
        validate_update,
        fields: &[
            ("spec.nodeName", |slice| meta::text(slice, "/spec/nodeName").to_owned()),
            ("spec.driver", |slice| meta::text(slice, "/spec/driver").to_owned()),
        ],
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[NAME, column("Node"), column("Driver"), column("Pool"), AGE],
        row: |slice, now| {
            let text = |pointer| cells::text(slice, pointer);
            let named = [text("/spec/nodeName"), text("/spec/driver"), text("/spec/pool/name")];
            std::iter::once(cells::name(slice)).chain(named).chain([age(slice, now)]).collect()
        },
    },
    stored_as: None,
};

const PLACES: &str = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";

fn validate(slice: &Value, errors: &mut ErrorList) {
    let root = At::root(slice);
    let spec = root.key("spec");
    device_requests::driver(spec.key("driver"), errors);
    let pool = spec.key("pool");
    let name = pool.key("name");
    if name.is_empty() {
        name.required(errors);
    }
    for part in name.text().split('/').filter(|_| !name.is_empty()) {
        names::subdomain(part).into_iter().for_each(|why| errors.invalid(name.path(), part, why));
    }
    let count = pool.key("resourceSliceCount");
    if count.count() <= 0 {
        errors.invalid(count.path(), count.count(), "must be greater than zero");
    }
    place(spec, errors);
    for device in spec.key("devices").items() {
        check::dns_label(device.key("name"), errors);
    }
}

fn place(spec: At<'_, '_>, errors: &mut ErrorList) {
    let mut said = Vec::new();
    let node = spec.key("nodeName");
    if node.is_set() && node.is_empty() {
        node.invalid("must be either unset or set to a non-empty string", errors);
    } else if node.is_set() {
        said.push("`nodeName`");
        check::subdomain(node, errors);
    }
    if spec.key("nodeSelector").is_set() {
        said.push("`nodeSelector`");
    }
    for (key, word) in [("allNodes", "`allNodes`"), ("perDeviceNodeSelection", "`perDeviceNodeSelection`")] {
        let place = spec.key(key);
        if place.truth() {
            said.push(word);
        } else if place.is_set() {
            place.invalid("must be either unset or set to true", errors);
        }
    }
    match said.len() {
        0 => spec.required_because(PLACES, errors),
        1 => {}
        _ => errors.invalid(
            spec.path(),
            json!(format!("{{{}}}", said.join(", "))),
            format!("{PLACES}, but multiple fields are set"),
        ),
    }
}

fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    for (pointer, field) in
        [("/spec/pool/name", "spec.pool.name"), ("/spec/driver", "spec.driver"), ("/spec/nodeName", "spec.nodeName")]
    {
        if new.pointer(pointer) != old.pointer(pointer) {
            errors.immutable(field, new.pointer(pointer).cloned().unwrap_or_default());
        }
    }
}
