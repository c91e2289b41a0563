//! The newer form of Event; the objects are the core ones, with other names for some fields.
//! Source: `pkg/apis/events/v1/conversion.go`.

use serde_json::{Value, json};

use super::filling::is_zero;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::resource::{ALL_VERBS, Column, Conversion, Resource, Table, column, wide};
use crate::sim::apiserver::registry::strategy::{SelectableField, Strategy};

/// Names in this form and in the core one.
const NAMES: [(&str, &str); 8] = [
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("reportingController", "reportingComponent"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
    ("related", "related"),
];

/// Fields events can be asked for by in this form.
const FIELDS: &[SelectableField] = &[
    ("regarding.kind", |event| meta::text(event, "/regarding/kind").to_owned()),
    ("regarding.namespace", |event| meta::text(event, "/regarding/namespace").to_owned()),
    ("regarding.name", |event| meta::text(event, "/regarding/name").to_owned()),
    ("regarding.uid", |event| meta::text(event, "/regarding/uid").to_owned()),
    ("regarding.apiVersion", |event| meta::text(event, "/regarding/apiVersion").to_owned()),
    ("regarding.resourceVersion", |event| meta::text(event, "/regarding/resourceVersion").to_owned()),
    ("regarding.fieldPath", |event| meta::text(event, "/regarding/fieldPath").to_owned()),
    ("reason", |event| meta::text(event, "/reason").to_owned()),
    ("reportingController", |event| meta::text(event, "/reportingController").to_owned()),
    ("type", |event| meta::text(event, "/type").to_owned()),
];

/// `events.k8s.io/v1 Event`.
pub static EVENT_V1: Resource = Resource {
    group: "events.k8s.io",
    version: "v1",
    kind: "Event",
    plural: "events",
    singular: "event",
    short_names: &["ev"],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy { create_on_update: true, fields: FIELDS, validate, ..Strategy::PLAIN },
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
        row: |event, now| super::event::row(&to_core(event.clone()), now),
    },
    stored_as: Some(Conversion { storage: || &super::event::EVENT, to_storage: to_core, from_storage: from_core }),
};

/// What is asked of new events in this form, which are in the core one by then (`pkg/apis/core/validation/events.go`, ValidateEventCreate).
fn validate(event: &Value, errors: &mut ErrorList) {
    if let Some(series) = event.get("series").filter(|series| series.is_object()) {
        if meta::number(series, "/count").unwrap_or_default() < 2 {
            errors.invalid("series.count", "", "should be at least 2");
        }
        if is_zero(series.get("lastObservedTime")) {
            errors.required("series.lastObservedTime", "");
        }
    }
    if is_zero(event.get("eventTime")) {
        errors.required("eventTime", "");
    }
    let kind = meta::text(event, "/type");
    if !matches!(kind, "Normal" | "Warning") {
        errors.invalid("type", "", format!("has invalid value: {kind}"));
    }
    for key in ["firstTimestamp", "lastTimestamp", "count"] {
        if !is_zero(event.get(key)) {
            errors.invalid(key, "", "needs to be unset");
        }
    }
    if !meta::text(event, "/source/component").is_empty() || !meta::text(event, "/source/host").is_empty() {
        errors.invalid("source", "", "needs to be unset");
    }
}

fn to_core(mut event: Value) -> Value {
    let Some(map) = event.as_object_mut() else { return event };
    map.insert("apiVersion".to_owned(), json!("v1"));
    for (here, core) in NAMES {
        if let Some(value) = map.shift_remove(here) {
            map.insert(core.to_owned(), value);
        }
    }
    event
}

fn from_core(event: &Value) -> Value {
    let mut event = event.clone();
    let Some(map) = event.as_object_mut() else { return event };
    map.insert("apiVersion".to_owned(), json!("events.k8s.io/v1"));
    for (here, core) in NAMES {
        if let Some(value) = map.shift_remove(core) {
            map.insert(here.to_owned(), value);
        }
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_one_event() {
        let core = json!({ "apiVersion": "v1", "involvedObject": { "kind": "Pod" }, "message": "Started", "count": 2 });
        let newer = from_core(&core);
        assert_eq!(newer["regarding"]["kind"], "Pod");
        assert_eq!(newer["note"], "Started");
        assert_eq!(newer["deprecatedCount"], 2);
        assert_eq!(to_core(newer), core);
    }
}
