//! HorizontalPodAutoscaler, in the form that is stored; the older one stands in `horizontalpodautoscaler_v1.rs`, the Targets cell in `hpa_targets.rs`.
//! Source: `pkg/apis/autoscaling/v2/defaults.go` and `pkg/registry/autoscaling/horizontalpodautoscaler/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{self, UNSET};
use super::filling::{part, reset_status};
use super::hpa_targets;
use super::hpa_validation;
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `autoscaling/v2 HorizontalPodAutoscaler`.
pub static HORIZONTALPODAUTOSCALER: Resource = Resource {
    group: "autoscaling",
    version: "v2",
    kind: "HorizontalPodAutoscaler",
    plural: "horizontalpodautoscalers",
    singular: "horizontalpodautoscaler",
    short_names: &["hpa"],
    categories: &["all"],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy {
        defaults,
        prepare_create,
        // A list that is not there is written all the same.
        prepare_status: |scaler, _| meta::set_default(meta::child(scaler, "status"), "currentMetrics", Value::Null),
        validate: hpa_validation::validate,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[
            NAME,
            column("Reference"),
            column("Targets"),
            column("MinPods"),
            column("MaxPods"),
            column("Replicas"),
            AGE,
        ],
        row,
    },
    stored_as: None,
};

/// Defaults of the stored form.
pub fn defaults(scaler: &mut Value) {
    let spec = meta::child(scaler, "spec");
    meta::set_default(spec, "minReplicas", 1);
    if meta::list(spec, "/metrics").is_empty() {
        spec["metrics"] = json!([{
            "type": "Resource",
            "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 80 } },
        }]);
    }
    part(spec, "behavior", |behavior| {
        let up = meta::child(behavior, "scaleUp");
        meta::set_default(up, "stabilizationWindowSeconds", 0);
        rules(
            up,
            json!([
                { "type": "Pods", "value": 4, "periodSeconds": 15 },
                { "type": "Percent", "value": 100, "periodSeconds": 15 },
            ]),
        );
        rules(meta::child(behavior, "scaleDown"), json!([{ "type": "Percent", "value": 100, "periodSeconds": 15 }]));
    });
}

fn rules(rules: &mut Value, policies: Value) {
    meta::set_default(rules, "selectPolicy", "Max");
    meta::set_default(rules, "policies", policies);
}

fn prepare_create(scaler: &mut Value) {
    reset_status(scaler, json!({ "desiredReplicas": 0, "currentMetrics": null }));
}

/// The cells of the stored form.
pub fn row(scaler: &Value, now: Timestamp) -> Vec<Value> {
    let target = |key: &str| meta::text(scaler, &format!("/spec/scaleTargetRef/{key}"));
    vec![
        cells::name(scaler),
        json!(format!("{}/{}", target("kind"), target("name"))),
        json!(hpa_targets::cell(scaler)),
        cells::number_or_text(scaler.pointer("/spec/minReplicas"), UNSET),
        cells::count(scaler, "/spec/maxReplicas"),
        cells::count(scaler, "/status/currentReplicas"),
        age(scaler, now),
    ]
}
