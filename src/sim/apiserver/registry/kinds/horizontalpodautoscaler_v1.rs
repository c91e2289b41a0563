//! The older form of HorizontalPodAutoscaler, which names one target for cpu; what it cannot say travels in annotations.
//! The objects are stored in the form of `horizontalpodautoscaler.rs`. Source: `pkg/apis/autoscaling/v1/conversion.go`.

use serde_json::{Map, Value, json};

use super::filling::put;
use crate::object::meta;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, Conversion, NAME, Resource, STATUS, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `autoscaling/v1 HorizontalPodAutoscaler`.
pub static HORIZONTALPODAUTOSCALER_V1: Resource = Resource {
    group: "autoscaling",
    version: "v1",
    kind: "HorizontalPodAutoscaler",
    plural: "horizontalpodautoscalers",
    singular: "horizontalpodautoscaler",
    short_names: &["hpa"],
    categories: &["all"],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy {
        defaults: |scaler| meta::set_default(meta::child(scaler, "spec"), "minReplicas", 1),
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
        row: |scaler, now| super::horizontalpodautoscaler::row(&to_storage(scaler.clone()), now),
    },
    stored_as: Some(Conversion {
        storage: || &super::horizontalpodautoscaler::HORIZONTALPODAUTOSCALER,
        to_storage,
        from_storage,
    }),
};

/// Annotations that carry what this form has no field for, with the field of the stored form.
const CARRIED: [(&str, &str, &str); 4] = [
    ("autoscaling.alpha.kubernetes.io/metrics", "spec", "metrics"),
    ("autoscaling.alpha.kubernetes.io/behavior", "spec", "behavior"),
    ("autoscaling.alpha.kubernetes.io/conditions", "status", "conditions"),
    ("autoscaling.alpha.kubernetes.io/current-metrics", "status", "currentMetrics"),
];

fn to_storage(mut scaler: Value) -> Value {
    if meta::text(&scaler, "/apiVersion") == "autoscaling/v2" || scaler.pointer("/spec/metrics").is_some() {
        return scaler;
    }
    meta::child(&mut scaler, "metadata");
    put(&mut scaler, "apiVersion", "autoscaling/v2");
    let spec = meta::child(&mut scaler, "spec");
    let target = meta::remove(spec, "targetCPUUtilizationPercentage");
    let mut metrics: Vec<Value> = target.into_iter().map(|target| cpu_target(&target)).collect();
    let status = meta::child(&mut scaler, "status");
    let current = meta::remove(status, "currentCPUUtilizationPercentage");
    if meta::number(status, "/currentReplicas") == Some(0) {
        // The stored form leaves a zero out, this one writes it.
        meta::remove(status, "currentReplicas");
    }
    let mut measured: Vec<Value> = current.into_iter().map(|current| cpu_current(&current)).collect();
    for (annotation, part, key) in CARRIED {
        let Some(carried) = take_annotation(&mut scaler, annotation) else { continue };
        match (key, carried) {
            ("metrics", Value::Array(more)) => metrics.extend(more),
            ("currentMetrics", Value::Array(more)) => measured.extend(more),
            (_, carried) => put(meta::child(&mut scaler, part), key, carried),
        }
    }
    if !metrics.is_empty() {
        put(meta::child(&mut scaler, "spec"), "metrics", metrics);
    }
    if !measured.is_empty() {
        put(meta::child(&mut scaler, "status"), "currentMetrics", measured);
    }
    super::horizontalpodautoscaler::defaults(&mut scaler);
    scaler
}

fn cpu_target(target: &Value) -> Value {
    let target = json!({ "type": "Utilization", "averageUtilization": target });
    json!({ "type": "Resource", "resource": { "name": "cpu", "target": target } })
}

fn cpu_current(current: &Value) -> Value {
    json!({ "type": "Resource", "resource": { "name": "cpu", "current": { "averageUtilization": current } } })
}

/// Takes an annotation out and reads it; one that is no JSON is dropped.
fn take_annotation(scaler: &mut Value, key: &str) -> Option<Value> {
    let annotations = scaler.pointer_mut("/metadata/annotations")?;
    let text = meta::remove(annotations, key)?;
    if meta::map(annotations, "").is_some_and(Map::is_empty) {
        meta::remove(&mut scaler["metadata"], "annotations");
    }
    serde_json::from_str(text.as_str()?).ok()
}

fn is_cpu(metric: &Value) -> bool {
    meta::text(metric, "/type") == "Resource" && meta::text(metric, "/resource/name") == "cpu"
}

fn from_storage(scaler: &Value) -> Value {
    let mut scaler = scaler.clone();
    if !scaler.is_object() {
        return scaler;
    }
    put(&mut scaler, "apiVersion", "autoscaling/v1");
    for (part, key, value, name) in [
        ("spec", "metrics", "/resource/target/averageUtilization", "targetCPUUtilizationPercentage"),
        ("status", "currentMetrics", "/resource/current/averageUtilization", "currentCPUUtilizationPercentage"),
    ] {
        let holder = meta::child(&mut scaler, part);
        let Some(Value::Array(mut metrics)) = meta::remove(holder, key) else { continue };
        if let Some(place) = metrics.iter().position(|metric| is_cpu(metric) && metric.pointer(value).is_some()) {
            let metric = metrics.remove(place);
            put(holder, name, metric.pointer(value).cloned().unwrap_or_default());
        }
        if !metrics.is_empty() {
            put(holder, key, metrics);
        }
    }
    meta::set_default(meta::child(&mut scaler, "status"), "currentReplicas", 0);
    for (annotation, part, key) in CARRIED {
        if let Some(value) = meta::remove(meta::child(&mut scaler, part), key)
            && !value.is_null()
        {
            meta::set_annotation(&mut scaler, annotation, &value.to_string());
        }
    }
    scaler
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_form_loses_nothing() {
        let memory = json!({ "type": "Resource", "resource": { "name": "memory", "target": { "type": "Utilization", "averageUtilization": 70 } } });
        let stored = json!({
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": { "name": "web" },
            "spec": { "minReplicas": 1, "maxReplicas": 5, "metrics": [cpu_target(&json!(50)), memory] },
            "status": { "currentReplicas": 1 },
        });
        let older = from_storage(&stored);
        assert_eq!(older["spec"]["targetCPUUtilizationPercentage"], 50);
        assert_eq!(older["spec"].get("metrics"), None);
        assert_eq!(to_storage(older), stored);
    }
}
