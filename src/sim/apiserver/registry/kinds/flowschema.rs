//! FlowSchema: which requests get which priority level. Kept, not applied: this cluster queues nothing.
//! Source: `pkg/apis/flowcontrol/v1/defaults.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{self, NONE};
use super::filling::{reset_status, zero};
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `flowcontrol.apiserver.k8s.io/v1 FlowSchema`.
pub static FLOWSCHEMA: Resource = Resource {
    group: "flowcontrol.apiserver.k8s.io",
    version: "v1",
    kind: "FlowSchema",
    plural: "flowschemas",
    singular: "flowschema",
    short_names: &[],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy {
        defaults: |schema| zero(meta::child(schema, "spec"), "matchingPrecedence", 1000),
        prepare_create: |schema| reset_status(schema, json!({})),
        generation: true,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[
            NAME,
            column("PriorityLevel"),
            column("MatchingPrecedence"),
            column("DistinguisherMethod"),
            AGE,
            column("MissingPL"),
        ],
        row,
    },
    stored_as: None,
};

fn row(schema: &Value, now: Timestamp) -> Vec<Value> {
    let dangling =
        meta::list(schema, "/status/conditions").iter().find(|condition| meta::text(condition, "/type") == "Dangling");
    vec![
        cells::name(schema),
        cells::text(schema, "/spec/priorityLevelConfiguration/name"),
        cells::count(schema, "/spec/matchingPrecedence"),
        cells::text_or(schema, "/spec/distinguisherMethod/type", NONE),
        age(schema, now),
        json!(dangling.map_or("?", |condition| meta::text(condition, "/status"))),
    ]
}
