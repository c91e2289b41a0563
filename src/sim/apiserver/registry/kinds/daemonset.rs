//! DaemonSet: one Pod on every node that fits, kept by the daemonset controller.
//! Source: `pkg/apis/apps/v1/defaults.go` and `pkg/registry/apps/daemonset/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::{At, go};
use super::cells;
use super::check;
use super::filling::{reset_status, zero};
use super::pod_spec;
use super::workload;
use crate::object::meta;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Table, column, integer, wide};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `apps/v1 DaemonSet`.
pub static DAEMONSET: Resource = Resource {
    group: "apps",
    version: "v1",
    kind: "DaemonSet",
    plural: "daemonsets",
    singular: "daemonset",
    short_names: &["ds"],
    categories: &["all"],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy {
        defaults,
        prepare_create,
        prepare_update,
        generation: true,
        validate,
        validate_update: workload::same_selector,
        changes_first: true,
        validate_subresource,
        warnings: |set| pod_spec::warnings::template(At::root(set).key("spec").key("template")),
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[
            NAME,
            integer("Desired"),
            integer("Current"),
            integer("Ready"),
            integer("Up-to-date"),
            integer("Available"),
            column("Node Selector"),
            AGE,
            wide("Containers"),
            wide("Images"),
            wide("Selector"),
        ],
        row,
    },
    stored_as: None,
};

/// Counts the changes of the template; clients of old read it.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

fn defaults(set: &mut Value) {
    let spec = meta::child(set, "spec");
    pod_spec::defaults::template(spec, "template");
    let strategy = meta::child(spec, "updateStrategy");
    zero(strategy, "type", "RollingUpdate");
    if meta::text(strategy, "/type") == "RollingUpdate" {
        let rolling = meta::child(strategy, "rollingUpdate");
        meta::set_default(rolling, "maxUnavailable", 1);
        meta::set_default(rolling, "maxSurge", 0);
    }
    meta::set_default(spec, "revisionHistoryLimit", 10);
}

fn prepare_create(set: &mut Value) {
    meta::set_annotation(set, TEMPLATE_GENERATION, "1");
    let status = json!({
        "currentNumberScheduled": 0,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 0,
        "numberReady": 0,
    });
    reset_status(set, status);
}

fn prepare_update(new: &mut Value, old: &Value) {
    let before: i64 = meta::annotation(old, TEMPLATE_GENERATION).and_then(|text| text.parse().ok()).unwrap_or(1);
    let changed = new.pointer("/spec/template") != old.pointer("/spec/template");
    meta::set_annotation(new, TEMPLATE_GENERATION, &(before + i64::from(changed)).to_string());
}

fn row(set: &Value, now: Timestamp) -> Vec<Value> {
    let (names, images) = cells::containers(set.pointer("/spec/template/spec"));
    vec![
        cells::name(set),
        cells::count(set, "/status/desiredNumberScheduled"),
        cells::count(set, "/status/currentNumberScheduled"),
        cells::count(set, "/status/numberReady"),
        cells::count(set, "/status/updatedNumberScheduled"),
        cells::count(set, "/status/numberAvailable"),
        cells::labels(set.pointer("/spec/template/spec/nodeSelector")),
        age(set, now),
        names,
        images,
        cells::selector(set.pointer("/spec/selector")),
    ]
}

fn validate(set: &Value, errors: &mut ErrorList) {
    let root = At::root(set);
    let spec = root.key("spec");
    let (selector, template) = (spec.key("selector"), spec.key("template"));
    check::selector(selector, errors);
    if let Ok(found) = LabelSelector::from_object(Some(selector.value())) {
        workload::selects(&found, template, errors);
    }
    workload::not_empty(selector, "daemonset", errors);
    pod_spec::validation::template(template, errors);
    workload::runs_for_ever(template, "DaemonSet", errors);
    check::not_negative(spec.key("minReadySeconds"), errors);
    strategy(spec.key("updateStrategy"), errors);
    check::not_negative(spec.key("revisionHistoryLimit"), errors);
}

/// `pkg/apis/apps/validation/validation.go`, validateDaemonSetStatus.
fn validate_subresource(subresource: &str, new: &Value, _: &Value, errors: &mut ErrorList) {
    const COUNTERS: [&str; 9] = [
        "currentNumberScheduled",
        "numberMisscheduled",
        "desiredNumberScheduled",
        "numberReady",
        "observedGeneration",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "collisionCount",
    ];
    if subresource == "status" {
        check::none_negative(At::root(new).key("status"), &COUNTERS, errors);
    }
}

fn strategy(strategy: At<'_, '_>, errors: &mut ErrorList) {
    let rolling = strategy.key("rollingUpdate");
    match strategy.key("type").text() {
        "OnDelete" => {}
        "RollingUpdate" => {
            let (unavailable, surge) = (rolling.key("maxUnavailable"), rolling.key("maxSurge"));
            for part in [unavailable, surge] {
                check::count_or_percent(part, errors);
            }
            for part in [unavailable, surge] {
                check::not_above_all(part, errors);
            }
            match (check::plain(unavailable) != 0, check::plain(surge) != 0) {
                (true, true) => surge.invalid("may not be set when maxUnavailable is non-zero", errors),
                (false, false) => unavailable.required_because("cannot be 0 when maxSurge is 0", errors),
                _ => {}
            }
        }
        _ => {
            let shown = go(strategy.value(), &[("Type", "type"), ("RollingUpdate", "rollingUpdate")]);
            errors.not_supported(strategy.path(), shown, &["RollingUpdate", "OnDelete"]);
        }
    }
}
