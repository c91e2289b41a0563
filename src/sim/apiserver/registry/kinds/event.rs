//! Event: what happened to an object, in the core form, which stores both.
//! The newer form stands in `event_v1.rs`. Source: `pkg/registry/core/event/strategy.go` and `pkg/printers/internalversion/printers.go`, printEvent.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells;
use super::filling::{always, is_zero};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::since;
use crate::sim::apiserver::registry::resource::{ALL_VERBS, Column, Resource, Table, column, wide};
use crate::sim::apiserver::registry::strategy::{SelectableField, Strategy};

/// Fields events can be asked for by, in both forms.
pub const FIELDS: &[SelectableField] = &[
    ("involvedObject.kind", |event| meta::text(event, "/involvedObject/kind").to_owned()),
    ("involvedObject.namespace", |event| meta::text(event, "/involvedObject/namespace").to_owned()),
    ("involvedObject.name", |event| meta::text(event, "/involvedObject/name").to_owned()),
    ("involvedObject.uid", |event| meta::text(event, "/involvedObject/uid").to_owned()),
    ("involvedObject.apiVersion", |event| meta::text(event, "/involvedObject/apiVersion").to_owned()),
    ("involvedObject.resourceVersion", |event| meta::text(event, "/involvedObject/resourceVersion").to_owned()),
    ("involvedObject.fieldPath", |event| meta::text(event, "/involvedObject/fieldPath").to_owned()),
    ("reason", |event| meta::text(event, "/reason").to_owned()),
    ("reportingComponent", |event| meta::text(event, "/reportingComponent").to_owned()),
    ("source", |event| first(event, "/source/component", "/reportingComponent").to_owned()),
    ("type", |event| meta::text(event, "/type").to_owned()),
];

/// `v1 Event`.
pub static EVENT: Resource = Resource {
    group: "",
    version: "v1",
    kind: "Event",
    plural: "events",
    singular: "event",
    short_names: &["ev"],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy { defaults, create_on_update: true, fields: FIELDS, validate, ..Strategy::PLAIN },
    table: Table {
        columns: &[
            column("Last Seen"),
            column("Type"),
            column("Reason"),
            column("Object"),
            wide("Subobject"),
            wide("Source"),
            column("Message"),
            wide("First Seen"),
            wide("Count"),
            Column { name: "Name", kind: "string", format: "name", priority: 1 },
        ],
        row,
    },
    stored_as: None,
};

/// The text at `pointer`, else the one at `otherwise`.
fn first<'a>(event: &'a Value, pointer: &str, otherwise: &str) -> &'a str {
    match meta::text(event, pointer) {
        "" => meta::text(event, otherwise),
        found => found,
    }
}

/// Structs and texts that the server always writes.
fn defaults(event: &mut Value) {
    always(event, "involvedObject");
    always(event, "source");
    for key in ["firstTimestamp", "lastTimestamp", "eventTime"] {
        meta::set_default(event, key, Value::Null);
    }
    for key in ["reportingComponent", "reportingInstance"] {
        meta::set_default(event, key, "");
    }
}

/// The cells of an event in the core form.
pub fn row(event: &Value, now: Timestamp) -> Vec<Value> {
    let mut seen_first = since(event, "/firstTimestamp", now);
    if is_zero(event.get("firstTimestamp")) {
        seen_first = since(event, "/eventTime", now);
    }
    let mut seen_last = since(event, "/lastTimestamp", now);
    if is_zero(event.get("lastTimestamp")) {
        seen_last.clone_from(&seen_first);
    }
    let mut count = meta::number(event, "/count").unwrap_or_default().max(1);
    if let Some(series) = event.get("series").filter(|series| series.is_object()) {
        seen_last = since(series, "/lastObservedTime", now);
        count = meta::number(series, "/count").unwrap_or_default();
    }
    vec![
        json!(seen_last),
        cells::text(event, "/type"),
        cells::text(event, "/reason"),
        json!(object(event)),
        cells::text(event, "/involvedObject/fieldPath"),
        json!(source(event)),
        json!(meta::text(event, "/message").trim()),
        json!(seen_first),
        json!(count),
        cells::name(event),
    ]
}

fn object(event: &Value) -> String {
    let kind = meta::text(event, "/involvedObject/kind").to_lowercase();
    match meta::text(event, "/involvedObject/name") {
        "" => kind,
        name => format!("{kind}/{name}"),
    }
}

fn source(event: &Value) -> String {
    let component = first(event, "/source/component", "/reportingComponent");
    match first(event, "/source/host", "/reportingInstance") {
        "" => component.to_owned(),
        host => format!("{component}, {host}"),
    }
}

/// An event stands in the namespace of what it is about; for what has none, in `default`.
fn validate(event: &Value, errors: &mut ErrorList) {
    let about = meta::text(event, "/involvedObject/namespace");
    let expected = if about.is_empty() { "default" } else { about };
    let place = meta::namespace(event);
    let fits = expected == place || (about.is_empty() && place == "kube-system");
    if !fits {
        errors.invalid("involvedObject.namespace", about, "does not match event.namespace");
    }
}
