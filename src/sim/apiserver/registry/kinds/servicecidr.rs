//! ServiceCIDR: a range from which Services get their addresses.
//! Source: `pkg/registry/networking/servicecidr/strategy.go` and `pkg/apis/networking/validation/validation.go`.

use serde_json::{Value, json};

use super::at::At;
use super::cells;
use super::check::{ambiguous_cidr, cidr, parse_cidr};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `networking.k8s.io/v1 ServiceCIDR`.
pub static SERVICECIDR: Resource = Resource {
    group: "networking.k8s.io",
    version: "v1",
    kind: "ServiceCIDR",
    plural: "servicecidrs",
    singular: "servicecidr",
    short_names: &[],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy { validate, validate_update, ..Strategy::PLAIN },
    table: Table {
        columns: &[NAME, column("CIDRs"), AGE],
        row: |range, now| vec![cells::name(range), json!(cidrs(range).join(",")), age(range, now)],
    },
    stored_as: None,
};

/// The ranges, as they are written.
pub fn cidrs(range: &Value) -> Vec<&str> {
    meta::list(range, "/spec/cidrs").iter().filter_map(Value::as_str).collect()
}

fn validate(range: &Value, errors: &mut ErrorList) {
    let root = At::root(range);
    let spec = root.key("spec");
    let list = spec.key("cidrs");
    match list.list().len() {
        0 => return list.required_because("at least one CIDR required", errors),
        1 | 2 => {}
        _ => {
            return errors.invalid(list.path(), json!({ "CIDRs": list.value() }), "may only hold up to 2 values");
        }
    }
    for one in list.items() {
        cidr(one, errors);
        if ambiguous_cidr(one).is_some() {
            one.invalid_text("must not have bits set beyond the prefix length", errors);
        }
    }
    let families: Vec<bool> =
        cidrs(range).iter().filter_map(|text| parse_cidr(text)).map(|(address, _)| address.is_ipv4()).collect();
    if matches!(families[..], [one, other] if one == other) {
        list.invalid(
            "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64",
            errors,
        );
    }
}

fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    let (after, before) = (cidrs(new), cidrs(old));
    let mut changed = |index: usize| {
        if after.get(index) != before.get(index) {
            errors.immutable(format!("spec.cidrs[{index}]"), after.get(index).copied().unwrap_or_default());
        }
    };
    match (before.len(), after.len()) {
        (one, other) if one == other => (0..one).for_each(changed),
        // A second family may be added.
        (1, 2) => changed(0),
        _ => errors.immutable("spec.cidrs", json!(after)),
    }
}
