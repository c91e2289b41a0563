//! Deployment: replicas of a Pod template, rolled out through ReplicaSets by the deployment controller.
//! Source: `pkg/apis/apps/v1/defaults.go` and `pkg/registry/apps/deployment/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::{At, go};
use super::cells;
use super::check;
use super::filling::{count_up, reset_status, zero};
use super::pod_spec;
use super::workload;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, SCALE, STATUS, Table, column, wide};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `apps/v1 Deployment`.
pub static DEPLOYMENT: Resource = Resource {
    group: "apps",
    version: "v1",
    kind: "Deployment",
    plural: "deployments",
    singular: "deployment",
    short_names: &["deploy"],
    categories: &["all"],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[SCALE, STATUS],
    strategy: Strategy {
        defaults,
        prepare_create: |deployment| reset_status(deployment, json!({})),
        generation: true,
        prepare_update: |new, old| count_up(new, old, "annotations"),
        validate,
        validate_update: workload::same_selector,
        validate_subresource,
        warnings: pod_spec::warnings::workload,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[
            NAME,
            column("Ready"),
            column("Up-to-date"),
            column("Available"),
            AGE,
            wide("Containers"),
            wide("Images"),
            wide("Selector"),
        ],
        row,
    },
    stored_as: None,
};

fn defaults(deployment: &mut Value) {
    let spec = meta::child(deployment, "spec");
    meta::set_default(spec, "replicas", 1);
    pod_spec::defaults::template(spec, "template");
    let strategy = meta::child(spec, "strategy");
    zero(strategy, "type", "RollingUpdate");
    if meta::text(strategy, "/type") == "RollingUpdate" {
        let rolling = meta::child(strategy, "rollingUpdate");
        meta::set_default(rolling, "maxUnavailable", "25%");
        meta::set_default(rolling, "maxSurge", "25%");
    }
    meta::set_default(spec, "revisionHistoryLimit", 10);
    meta::set_default(spec, "progressDeadlineSeconds", 600);
}

fn row(deployment: &Value, now: Timestamp) -> Vec<Value> {
    let (names, images) = cells::containers(deployment.pointer("/spec/template/spec"));
    let number = |pointer: &str| meta::number(deployment, pointer).unwrap_or_default();
    vec![
        cells::name(deployment),
        json!(format!("{}/{}", number("/status/readyReplicas"), number("/spec/replicas"))),
        json!(number("/status/updatedReplicas")),
        json!(number("/status/availableReplicas")),
        age(deployment, now),
        names,
        images,
        json!(cells::selector_text(deployment.pointer("/spec/selector"))),
    ]
}

fn validate(deployment: &Value, errors: &mut ErrorList) {
    let root = At::root(deployment);
    let spec = root.key("spec");
    check::not_negative(spec.key("replicas"), errors);
    let selector = workload::selector(spec, "deployment", "invalid label selector", errors);
    workload::template(selector.as_ref(), spec.key("template"), errors);
    strategy(spec.key("strategy"), errors);
    check::not_negative(spec.key("minReadySeconds"), errors);
    check::not_negative(spec.key("revisionHistoryLimit"), errors);
    let deadline = spec.key("progressDeadlineSeconds");
    check::not_negative(deadline, errors);
    if deadline.number().is_some_and(|seconds| seconds <= spec.key("minReadySeconds").count()) {
        deadline.invalid("must be greater than minReadySeconds", errors);
    }
}

/// `pkg/apis/apps/validation/validation.go`, ValidateDeploymentStatus.
fn validate_subresource(subresource: &str, new: &Value, _: &Value, errors: &mut ErrorList) {
    const COUNTERS: [&str; 8] = [
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "terminatingReplicas",
        "collisionCount",
    ];
    if subresource == "status" {
        workload::counted(new, &COUNTERS, "updatedReplicas", errors);
    }
}

fn strategy(strategy: At<'_, '_>, errors: &mut ErrorList) {
    let rolling = strategy.key("rollingUpdate");
    match strategy.key("type").text() {
        "Recreate" if rolling.is_set() => {
            rolling.forbidden("may not be specified when strategy `type` is 'Recreate'", errors);
        }
        "Recreate" => {}
        "RollingUpdate" => {
            let (unavailable, surge) = (rolling.key("maxUnavailable"), rolling.key("maxSurge"));
            check::count_or_percent(unavailable, errors);
            check::count_or_percent(surge, errors);
            if check::plain(unavailable) == 0 && check::plain(surge) == 0 {
                unavailable.invalid("may not be 0 when `maxSurge` is 0", errors);
            }
            check::not_above_all(unavailable, errors);
        }
        _ => {
            let shown = go(strategy.value(), &[("Type", "type"), ("RollingUpdate", "rollingUpdate")]);
            errors.not_supported(strategy.path(), shown, &["Recreate", "RollingUpdate"]);
        }
    }
}
