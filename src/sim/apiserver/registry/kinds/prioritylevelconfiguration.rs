//! PriorityLevelConfiguration: how many requests of a level run at once. Kept, not applied: this cluster queues nothing.
//! Source: `pkg/apis/flowcontrol/v1/defaults.go`, `pkg/apis/flowcontrol/validation/validation.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::At;
use super::cells::{self, NONE};
use super::check;
use super::filling::{part, reset_status, zero};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration`.
pub static PRIORITYLEVELCONFIGURATION: Resource = Resource {
    group: "flowcontrol.apiserver.k8s.io",
    version: "v1",
    kind: "PriorityLevelConfiguration",
    plural: "prioritylevelconfigurations",
    singular: "prioritylevelconfiguration",
    short_names: &[],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy {
        defaults,
        prepare_create: |level| reset_status(level, json!({})),
        generation: true,
        validate,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[
            NAME,
            column("Type"),
            column("NominalConcurrencyShares"),
            column("Queues"),
            column("HandSize"),
            column("QueueLengthLimit"),
            AGE,
        ],
        row,
    },
    stored_as: None,
};

fn defaults(level: &mut Value) {
    part(level, "spec", |spec| {
        part(spec, "exempt", |exempt| {
            meta::set_default(exempt, "nominalConcurrencyShares", 0);
            meta::set_default(exempt, "lendablePercent", 0);
        });
        part(spec, "limited", |limited| {
            meta::set_default(limited, "nominalConcurrencyShares", 30);
            meta::set_default(limited, "lendablePercent", 0);
            part(limited, "limitResponse", |response| part(response, "queuing", queuing));
        });
    });
}

fn queuing(queuing: &mut Value) {
    for (key, value) in [("handSize", 8), ("queues", 64), ("queueLengthLimit", 50)] {
        zero(queuing, key, value);
    }
}

fn row(level: &Value, now: Timestamp) -> Vec<Value> {
    let limited = |pointer: &str| {
        level.pointer("/spec/limited").and_then(|limited| limited.pointer(pointer)).cloned().unwrap_or(json!(NONE))
    };
    vec![
        cells::name(level),
        cells::text(level, "/spec/type"),
        limited("/nominalConcurrencyShares"),
        limited("/limitResponse/queuing/queues"),
        limited("/limitResponse/queuing/handSize"),
        limited("/limitResponse/queuing/queueLengthLimit"),
        age(level, now),
    ]
}

fn validate(level: &Value, errors: &mut ErrorList) {
    let root = At::root(level);
    let spec = root.key("spec");
    let (kind, limited, exempt) = (spec.key("type"), spec.key("limited"), spec.key("exempt"));
    match kind.text() {
        "Exempt" => {
            if limited.is_set() {
                limited.forbidden("must be nil if the type is not Limited", errors);
            }
            check::not_negative(exempt.key("nominalConcurrencyShares"), errors);
        }
        "Limited" => {
            if exempt.is_set() {
                exempt.forbidden("must be nil if the type is Limited", errors);
            }
            if limited.is_set() {
                self::limited(limited, errors);
            } else {
                limited.required_because("must not be empty when type is Limited", errors);
            }
        }
        _ => kind.one_of(&["Exempt", "Limited"], errors),
    }
}

fn limited(limited: At<'_, '_>, errors: &mut ErrorList) {
    let (shares, response) = (limited.key("nominalConcurrencyShares"), limited.key("limitResponse"));
    if shares.count() < 0 {
        shares.invalid("must be a non-negative integer", errors);
    }
    let (kind, queuing) = (response.key("type"), response.key("queuing"));
    match kind.text() {
        "Reject" if queuing.is_set() => {
            queuing.forbidden("must be nil if limited.limitResponse.type is not Limited", errors);
        }
        "Reject" => {}
        "Queue" if !queuing.is_set() => {
            queuing.required_because("must not be empty if limited.limitResponse.type is Limited", errors);
        }
        "Queue" => {}
        _ => kind.one_of(&["Queue", "Reject"], errors),
    }
}
