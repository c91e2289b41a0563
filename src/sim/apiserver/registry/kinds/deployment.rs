//! Deployment: replicas of a Pod template, rolled out through ReplicaSets by the deployment controller.
//! Source: `pkg/apis/apps/v1/defaults.go` and `pkg/registry/apps/deployment/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells;
use super::filling::{reset_status, zero};
use super::pod_spec;
use crate::object::meta;
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
