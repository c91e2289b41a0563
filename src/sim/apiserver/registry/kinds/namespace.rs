//! Namespace: held by the finalizer `kubernetes` until its content is gone.
//! Emptying it is the namespace controller's. Source: `pkg/registry/core/namespace/strategy.go`.

use serde_json::{Value, json};

use super::filling::{copy, put, reset_status, zero};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, NAME, Resource, STATUS, Subresource, Table, column};
use crate::sim::apiserver::registry::strategy::{Deletion, NameRule, Strategy};

/// `v1 Namespace`.
pub static NAMESPACE: Resource = Resource {
    group: "",
    version: "v1",
    kind: "Namespace",
    plural: "namespaces",
    singular: "namespace",
    short_names: &["ns"],
    categories: &[],
    namespaced: false,
    // Namespaces cannot be deleted as a collection.
    verbs: &["create", "delete", "get", "list", "patch", "update", "watch"],
    subresources: &[Subresource { name: "finalize", group: "", version: "", kind: "", verbs: &["update"] }, STATUS],
    strategy: Strategy {
        name: NameRule::Label,
        deletion: Deletion::Namespace,
        prepare_create,
        prepare_update,
        prepare_status: |namespace, _| zero(meta::child(namespace, "status"), "phase", "Active"),
        validate,
        validate_subresource,
        fields: &[("status.phase", |namespace| meta::text(namespace, "/status/phase").to_owned())],
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[NAME, column("Status"), AGE],
        row: |namespace, now| {
            vec![json!(meta::name(namespace)), json!(meta::text(namespace, "/status/phase")), age(namespace, now)]
        },
    },
    stored_as: None,
};

fn prepare_create(namespace: &mut Value) {
    reset_status(namespace, json!({ "phase": "Active" }));
    let mut finalizers = meta::list(namespace, "/spec/finalizers").to_vec();
    if !finalizers.contains(&json!("kubernetes")) {
        finalizers.push(json!("kubernetes"));
    }
    put(namespace, "spec", json!({ "finalizers": finalizers }));
    label(namespace);
}

fn prepare_update(new: &mut Value, old: &Value) {
    // Finalizers change through /finalize only.
    copy(old, new, "spec");
    label(new);
}

fn label(namespace: &mut Value) {
    let name = meta::name(namespace).to_owned();
    meta::set_label(namespace, "kubernetes.io/metadata.name", &name);
}

fn validate(namespace: &Value, errors: &mut ErrorList) {
    for finalizer in meta::list(namespace, "/spec/finalizers").iter().filter_map(Value::as_str) {
        if !finalizer.contains('/') && finalizer != "kubernetes" {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            errors.invalid("spec.finalizers", finalizer, why);
        }
    }
}

/// Its phase says whether it ends (`pkg/apis/core/validation/validation.go`, ValidateNamespaceStatusUpdate).
fn validate_subresource(subresource: &str, new: &Value, _: &Value, errors: &mut ErrorList) {
    let phase = meta::text(new, "/status/phase");
    let (only, time) = if meta::is_terminating(new) { ("Terminating", "is not empty") } else { ("Active", "is empty") };
    if subresource == "status" && phase != only {
        // Upstream writes the field's name with a capital.
        errors.invalid("status.Phase", phase, format!("may only be '{only}' if `deletionTimestamp` {time}"));
    }
}
