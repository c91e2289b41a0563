//! StorageClass: how volumes are made for claims.
//! Source: `pkg/apis/storage/v1/defaults.go`, `pkg/apis/storage/validation/validation.go` and
//! `pkg/registry/storage/storageclass/strategy.go`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::At;
use super::cells;
use super::check;
use super::pod_spec::warnings::old_label;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::names;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `storage.k8s.io/v1 StorageClass`.
pub static STORAGECLASS: Resource = Resource {
    group: "storage.k8s.io",
    version: "v1",
    kind: "StorageClass",
    plural: "storageclasses",
    singular: "storageclass",
    short_names: &["sc"],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy { defaults, validate, validate_update, warnings, ..Strategy::PLAIN },
    table: Table {
        columns: &[
            NAME,
            column("Provisioner"),
            column("ReclaimPolicy"),
            column("VolumeBindingMode"),
            column("AllowVolumeExpansion"),
            AGE,
        ],
        row,
    },
    stored_as: None,
};

fn defaults(class: &mut Value) {
    meta::set_default(class, "reclaimPolicy", "Delete");
    meta::set_default(class, "volumeBindingMode", "Immediate");
}

fn warnings(class: &Value) -> Vec<String> {
    let root = At::root(class);
    let topologies = root.key("allowedTopologies");
    let mut told = Vec::new();
    for topology in topologies.items() {
        let expressions = topology.key("matchLabelExpressions");
        for expression in expressions.items() {
            let key = expression.key("key");
            told.extend(old_label(key.text()).map(|why| format!("{}: {why}", key.path())));
        }
    }
    told
}

/// Whether claims without a class get this one.
pub fn is_default(class: &Value) -> bool {
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"]
        .iter()
        .any(|key| meta::annotation(class, key) == Some("true"))
}

fn row(class: &Value, now: Timestamp) -> Vec<Value> {
    let suffix = if is_default(class) { " (default)" } else { "" };
    vec![
        json!(format!("{}{suffix}", meta::name(class))),
        cells::text(class, "/provisioner"),
        cells::text_or(class, "/reclaimPolicy", "Delete"),
        cells::text_or(class, "/volumeBindingMode", "Immediate"),
        json!(meta::truth(class, "/allowVolumeExpansion")),
        age(class, now),
    ]
}

fn validate(class: &Value, errors: &mut ErrorList) {
    let root = At::root(class);
    provisioner(root.key("provisioner"), errors);
    parameters(root.key("parameters"), errors);
    root.key("reclaimPolicy").one_of(&["Delete", "Retain"], errors);
    root.key("volumeBindingMode").one_of(&["Immediate", "WaitForFirstConsumer"], errors);
    topologies(root.key("allowedTopologies"), errors);
}

/// Who makes volumes, or changes their attributes (validateProvisioner).
pub fn provisioner(at: At<'_, '_>, errors: &mut ErrorList) {
    if at.is_empty() {
        return at.required(errors);
    }
    let lower = at.text().to_lowercase();
    for why in names::qualified(&lower) {
        errors.invalid(at.path(), lower.as_str(), why);
    }
}

/// What a provisioner is told: named, and not too much (validateParameters).
pub fn parameters(at: At<'_, '_>, errors: &mut ErrorList) {
    const MOST: usize = 512;
    const LARGEST: usize = 256 << 10;
    if at.entries().count() > MOST {
        return errors.too_long(at.path(), MOST);
    }
    let mut size = 0;
    for (key, value) in at.entries() {
        if key.is_empty() {
            errors.invalid(at.path(), "", "field can not be empty.");
        }
        size += key.len() + value.text().len();
    }
    if size > LARGEST {
        errors.too_long(at.path(), LARGEST);
    }
}

/// What a term of a topology selects: the values of each label.
type Selected<'v> = BTreeMap<&'v str, BTreeSet<&'v str>>;

/// Where volumes may be made, each term once (validateAllowedTopologies).
fn topologies(at: At<'_, '_>, errors: &mut ErrorList) {
    // Upstream starts with as many empty terms as there are, so that an empty one is a duplicate from the beginning.
    let mut seen: Vec<Selected<'_>> = vec![Selected::new(); at.list().len()];
    for term in at.items() {
        let selected = selected(term, errors);
        for _ in seen.iter().filter(|other| **other == selected) {
            errors.duplicate(term.key("matchLabelExpressions").path(), "");
        }
        seen.push(selected);
    }
}

/// Checks a term; tells what it selects (`pkg/apis/core/validation/validation.go`, ValidateTopologySelectorTerm).
fn selected<'v>(term: At<'v, '_>, errors: &mut ErrorList) -> Selected<'v> {
    let mut selected = Selected::new();
    let expressions = term.key("matchLabelExpressions");
    for expression in expressions.items() {
        let (key, values) = (expression.key("key"), expression.key("values"));
        if values.list().is_empty() {
            values.required(errors);
        }
        let mut found = BTreeSet::new();
        for value in values.items() {
            if !found.insert(value.text()) {
                value.duplicate(errors);
            }
        }
        check::qualified(key, errors);
        if selected.insert(key.text(), found).is_some() {
            key.duplicate(errors);
        }
    }
    selected
}

fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    for field in ["parameters", "provisioner", "reclaimPolicy"] {
        if new.get(field) != old.get(field) {
            errors.forbidden(field, format!("updates to {field} are forbidden."));
        }
    }
    if new.get("volumeBindingMode") != old.get("volumeBindingMode") {
        errors.immutable("volumeBindingMode", new["volumeBindingMode"].clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(topologies: Value) -> Vec<String> {
        let mut errors = ErrorList::default();
        super::topologies(At::root(&json!({ "allowedTopologies": topologies })).key("allowedTopologies"), &mut errors);
        errors.0.into_iter().map(|error| format!("{}: {}", error.field, error.message)).collect()
    }

    #[test]
    fn nothing_stands_twice_in_topologies() {
        let term = |values: Value| json!({ "matchLabelExpressions": [{ "key": "topology.kubernetes.io/zone", "values": values }] });
        assert!(told(json!([term(json!(["a"])), term(json!(["b"]))])).is_empty());
        let same = "allowedTopologies[1].matchLabelExpressions: Duplicate value: \"\"";
        assert_eq!(told(json!([term(json!(["a", "b"])), term(json!(["b", "a"]))])), [same]);
        let value = "allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: \"a\"";
        assert_eq!(told(json!([term(json!(["a", "a"]))])), [value]);
        let twice = json!({ "key": "zone", "values": ["a"] });
        let key = "allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: \"zone\"";
        assert_eq!(told(json!([{ "matchLabelExpressions": [twice, twice] }])), [key]);
        assert_eq!(told(json!([{}])), [same.replace('1', "0")]);
    }
}
