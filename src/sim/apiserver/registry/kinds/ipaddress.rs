//! IPAddress: an address that a Service has. Made and taken away with Services by the address controller.
//! Source: `pkg/registry/networking/ipaddress/strategy.go` and `pkg/apis/networking/validation/validation.go`.

use serde_json::{Value, json};

use super::at::At;
use super::cells::{self, NONE};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::names;
use crate::sim::apiserver::registry::resource::{ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::{NameRule, Strategy};
use crate::sim::apiserver::status::group_resource;

/// `networking.k8s.io/v1 IPAddress`.
pub static IPADDRESS: Resource = Resource {
    group: "networking.k8s.io",
    version: "v1",
    kind: "IPAddress",
    plural: "ipaddresses",
    singular: "ipaddress",
    short_names: &["ip"],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy {
        name: NameRule::IpAddress,
        validate,
        validate_update: |new, old, errors| {
            if new.pointer("/spec/parentRef") != old.pointer("/spec/parentRef") {
                errors.immutable("spec.parentRef", new.pointer("/spec/parentRef").cloned().unwrap_or_default());
            }
        },
        ..Strategy::PLAIN
    },
    // The server prints an age too, and tells no column for it.
    table: Table {
        columns: &[NAME, column("ParentRef")],
        row: |address, _| vec![cells::name(address), json!(parent(address))],
    },
    stored_as: None,
};

fn parent(address: &Value) -> String {
    let Some(parent) = address.pointer("/spec/parentRef").filter(|parent| parent.is_object()) else {
        return NONE.to_owned();
    };
    let resource = group_resource(meta::text(parent, "/group"), meta::text(parent, "/resource")).to_lowercase();
    let parts = [&*resource, meta::text(parent, "/namespace"), meta::text(parent, "/name")];
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/")
}

fn validate(address: &Value, errors: &mut ErrorList) {
    let root = At::root(address);
    let spec = root.key("spec");
    let parent = spec.key("parentRef");
    if !parent.is_set() {
        return parent.required(errors);
    }
    let group = parent.key("group");
    if !group.is_empty() {
        group.invalid_each(names::subdomain(group.text()), errors);
    }
    for (key, required) in [("resource", true), ("name", true), ("namespace", false)] {
        let part = parent.key(key);
        if !part.is_empty() {
            part.invalid_each(names::name(NameRule::PathSegment, part.text()), errors);
        } else if required {
            part.required(errors);
        }
    }
}
