//! ControllerRevision: one state of a DaemonSet or StatefulSet, kept for rolling back.
//! Source: `pkg/registry/apps/controllerrevision/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::At;
use super::cells::{self, NONE};
use super::check;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `apps/v1 ControllerRevision`.
pub static CONTROLLERREVISION: Resource = Resource {
    group: "apps",
    version: "v1",
    kind: "ControllerRevision",
    plural: "controllerrevisions",
    singular: "controllerrevision",
    short_names: &[],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy { validate, validate_update, ..Strategy::PLAIN },
    table: Table { columns: &[NAME, column("Controller"), column("Revision"), AGE], row },
    stored_as: None,
};

fn row(revision: &Value, now: Timestamp) -> Vec<Value> {
    vec![cells::name(revision), controller(revision), cells::count(revision, "/revision"), age(revision, now)]
}

/// The owner as `daemonset.apps/name`.
fn controller(revision: &Value) -> Value {
    let Some(owner) = meta::controller_of(revision) else { return json!(NONE) };
    let kind = meta::text(owner, "/kind").to_lowercase();
    let name = meta::text(owner, "/name");
    match meta::text(owner, "/apiVersion").rsplit_once('/') {
        Some((group, _)) => json!(format!("{kind}.{group}/{name}")),
        None => json!(format!("{kind}/{name}")),
    }
}

fn validate(revision: &Value, errors: &mut ErrorList) {
    let root = At::root(revision);
    check::not_negative(root.key("revision"), errors);
    if !root.key("data").is_set() {
        root.key("data").required_because("data is mandatory", errors);
    }
}

fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    if new.get("data") != old.get("data") {
        errors.immutable("data", new.get("data").cloned().unwrap_or_default());
    }
}
