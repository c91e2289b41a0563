//! PodDisruptionBudget: how many Pods evictions must leave; the disruption controller counts.
//! Source: `pkg/registry/policy/poddisruptionbudget/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::{At, go};
use super::cells;
use super::check;
use super::filling::reset_status;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Table, column, integer};
use crate::sim::apiserver::registry::strategy::{NameRule, Strategy};

/// `policy/v1 PodDisruptionBudget`.
pub static PODDISRUPTIONBUDGET: Resource = Resource {
    group: "policy",
    version: "v1",
    kind: "PodDisruptionBudget",
    plural: "poddisruptionbudgets",
    singular: "poddisruptionbudget",
    short_names: &["pdb"],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy {
        // Its strategy has no rule for names: only what every path needs holds.
        name: NameRule::PathSegment,
        prepare_create,
        generation: true,
        unconditional_update: false,
        validate,
        validate_subresource,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[NAME, column("Min Available"), column("Max Unavailable"), integer("Allowed Disruptions"), AGE],
        row,
    },
    stored_as: None,
};

fn prepare_create(budget: &mut Value) {
    let status = json!({ "disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0 });
    reset_status(budget, status);
}

fn row(budget: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        cells::name(budget),
        cells::number_or_text(budget.pointer("/spec/minAvailable"), "N/A"),
        cells::number_or_text(budget.pointer("/spec/maxUnavailable"), "N/A"),
        cells::count(budget, "/status/disruptionsAllowed"),
        age(budget, now),
    ]
}

fn validate(budget: &Value, errors: &mut ErrorList) {
    let root = At::root(budget);
    let spec = root.key("spec");
    let (least, most) = (spec.key("minAvailable"), spec.key("maxUnavailable"));
    if least.is_set() && most.is_set() {
        let shown = go(
            spec.value(),
            &[
                ("MinAvailable", "minAvailable"),
                ("Selector", "selector"),
                ("MaxUnavailable", "maxUnavailable"),
                ("UnhealthyPodEvictionPolicy", "unhealthyPodEvictionPolicy"),
            ],
        );
        errors.invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set");
    }
    for bound in [least, most] {
        if bound.is_set() {
            check::count_or_percent(bound, errors);
            check::not_above_all(bound, errors);
        }
    }
    check::selector(spec.key("selector"), errors);
    spec.key("unhealthyPodEvictionPolicy").one_of_if_set(&["AlwaysAllow", "IfHealthyBudget"], errors);
}

/// `pkg/apis/policy/validation/validation.go`, ValidatePodDisruptionBudgetStatusUpdate.
fn validate_subresource(subresource: &str, new: &Value, _: &Value, errors: &mut ErrorList) {
    if subresource == "status" {
        let counters = ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"];
        check::none_negative(At::root(new).key("status"), &counters, errors);
    }
}
