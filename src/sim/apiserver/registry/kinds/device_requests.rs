//! What a claim asks of devices: requests, constraints, selectors. Shared by ResourceClaim, its template, and DeviceClass.
//! Source: `pkg/apis/resource/validation/validation.go` and `pkg/apis/resource/v1/defaults.go`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::admission_rules::expression;
use super::at::At;
use super::check;
use super::filling::{each, is_zero, part, zero};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::names;

const MOST: usize = 32;
const ALL: &str = "All";
const EXACT: &str = "ExactCount";
const REFERENCE: &str =
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/// Defaults of the spec of a claim: how many devices each request means.
pub fn defaults(spec: &mut Value) {
    part(spec, "devices", |devices| {
        each(devices, "requests", |request| {
            part(request, "exactly", count);
            each(request, "firstAvailable", count);
        });
    });
}

fn count(request: &mut Value) {
    zero(request, "allocationMode", EXACT);
    if meta::text(request, "/allocationMode") == EXACT {
        zero(request, "count", 1);
    }
}

/// Checks the spec of a claim.
pub fn validate(spec: At<'_, '_>, errors: &mut ErrorList) {
    let devices = spec.key("devices");
    let requests = devices.key("requests");
    let known = known(requests.list());
    set(requests, MOST, "name", request, errors);
    let constraints = devices.key("constraints");
    if fits(constraints, MOST, errors) {
        constraints.items().for_each(|constraint| self::constraint(constraint, &known, errors));
    }
    let config = devices.key("config");
    if fits(config, MOST, errors) {
        for entry in config.items() {
            references(entry.key("requests"), &known, errors);
            configuration(entry, errors);
        }
    }
}

/// The names requests can be referred to by.
fn known(requests: &[Value]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for request in requests {
        let name = meta::text(request, "/name");
        names.insert(name.to_owned());
        let below = meta::list(request, "/firstAvailable").iter();
        names.extend(below.map(|sub| format!("{name}/{}", meta::text(sub, "/name"))));
    }
    names
}

/// Whether a list is short enough; the elements of one that is not are not looked at.
fn fits(list: At<'_, '_>, most: usize, errors: &mut ErrorList) -> bool {
    let long = list.list().len() > most;
    if long {
        errors.too_many(list.path(), list.list().len(), most);
    }
    !long
}

fn set(list: At<'_, '_>, most: usize, key: &str, item: fn(At<'_, '_>, &mut ErrorList), errors: &mut ErrorList) {
    if !fits(list, most, errors) {
        return;
    }
    list.items().for_each(|one| item(one, errors));
    let mut seen = BTreeSet::new();
    for one in list.items() {
        let name = one.key(key).text();
        if !seen.insert(name) {
            errors.duplicate(one.path(), name);
        }
    }
}

fn request(request: At<'_, '_>, errors: &mut ErrorList) {
    check::dns_label(request.key("name"), errors);
    let (exactly, first) = (request.key("exactly"), request.key("firstAvailable"));
    match (exactly.is_set(), !first.list().is_empty()) {
        (false, false) => request.required_because("exactly one of `exactly` or `firstAvailable` is required", errors),
        (true, true) => {
            let why = "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set";
            errors.invalid(request.path(), Value::Null, why);
        }
        (true, false) => demand(exactly, errors),
        (false, true) => {
            let subrequest = |sub: At<'_, '_>, errors: &mut ErrorList| {
                check::dns_label(sub.key("name"), errors);
                demand(sub, errors);
            };
            set(first, 8, "name", subrequest, errors);
        }
    }
}

fn demand(request: At<'_, '_>, errors: &mut ErrorList) {
    let class = request.key("deviceClassName");
    if class.is_empty() {
        class.required(errors)
    } else {
        check::subdomain(class, errors)
    }
    selectors(request.key("selectors"), errors);
    let (mode, count) = (request.key("allocationMode"), request.key("count"));
    match mode.text() {
        ALL if count.count() != 0 => {
            count.invalid("must not be specified when allocationMode is 'All'", errors);
        }
        EXACT if count.count() <= 0 => errors.invalid(count.path(), count.count(), "must be greater than zero"),
        ALL | EXACT => {}
        _ => mode.one_of(&[ALL, EXACT], errors),
    }
}

/// Checks a list of selectors: each has an expression.
pub fn selectors(list: At<'_, '_>, errors: &mut ErrorList) {
    if !fits(list, MOST, errors) {
        return;
    }
    for selector in list.items() {
        let cel = selector.key("cel");
        if !cel.is_set() {
            cel.required(errors);
        } else if cel.key("expression").text().len() > 10 * 1024 {
            errors.too_long(cel.key("expression").path(), 10 * 1024);
        } else {
            expression(cel.key("expression"), &["device"], errors);
        }
    }
}

fn references(list: At<'_, '_>, known: &BTreeSet<String>, errors: &mut ErrorList) {
    if !fits(list, MOST, errors) {
        return;
    }
    for name in list.items() {
        let parts: Vec<&str> = name.text().split('/').collect();
        if parts.len() > 2 {
            name.invalid(REFERENCE, errors);
            continue;
        }
        for part in parts {
            for why in names::dns_label(part) {
                errors.invalid(name.path(), part, why);
            }
        }
        if !known.contains(name.text()) {
            name.invalid(REFERENCE, errors);
        }
    }
}

fn constraint(constraint: At<'_, '_>, known: &BTreeSet<String>, errors: &mut ErrorList) {
    references(constraint.key("requests"), known, errors);
    let attribute = constraint.key("matchAttribute");
    if is_zero(constraint.value().get("matchAttribute")) {
        attribute.required(errors);
    } else if !attribute.text().contains('/') {
        attribute.invalid("a fully qualified name must be a domain and a name separated by a slash", errors);
    }
}

/// Checks the entries of `config` of a class.
pub fn configurations(list: At<'_, '_>, errors: &mut ErrorList) {
    if fits(list, MOST, errors) {
        list.items().for_each(|entry| configuration(entry, errors));
    }
}

fn configuration(entry: At<'_, '_>, errors: &mut ErrorList) {
    let opaque = entry.key("opaque");
    if !opaque.is_set() {
        opaque.required(errors);
        return;
    }
    driver(opaque.key("driver"), errors);
    if !opaque.key("parameters").is_set() {
        opaque.key("parameters").required(errors);
    }
}

/// Checks the name of a driver, which is a subdomain of at most 63 letters.
pub fn driver(name: At<'_, '_>, errors: &mut ErrorList) {
    if name.is_empty() {
        name.required(errors);
        return;
    }
    if name.text().len() > 63 {
        errors.too_long(name.path(), 63);
    }
    name.invalid_each(names::subdomain(&name.text().to_lowercase()), errors);
}
