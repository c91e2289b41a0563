//! The kinds of `metrics.k8s.io`, which are an aggregated server's and so not among the built-in types.
//! Source: `k8s.io/metrics/pkg/apis/metrics/v1beta1/types.go`.

use super::components::{QUANTITY, TIME, reference};
use crate::sim::apiserver::registry::Resource;
use serde_json::{Value, json};

const PACKAGE: &str = "io.k8s.metrics.pkg.apis.metrics.v1beta1";
const DURATION: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Duration";
const INTERVAL: &str = "The following fields define time interval from which metrics were collected from the interval [Timestamp-Window, Timestamp].";

/// The name and the schema of a kind of measurements, what every object has aside.
pub(super) fn of(resource: &Resource) -> Option<(String, Value)> {
    if resource.group != "metrics.k8s.io" {
        return None;
    }
    let (said, field, held) = match resource.kind {
        "PodMetrics" => ("PodMetrics sets resource usage metrics of a pod.", "containers", containers()),
        "NodeMetrics" => ("NodeMetrics sets resource usage metrics of a node.", "usage", usage()),
        _ => return None,
    };
    let mut schema = json!({
        "description": said,
        "required": ["timestamp", "window", field],
        "properties": {
            "timestamp": { "description": INTERVAL, "allOf": [reference(TIME)] },
            "window": reference(DURATION),
        },
    });
    schema["properties"][field] = held;
    Some((format!("{PACKAGE}.{}", resource.kind), schema))
}

/// The types they are made of, by name; the built-in ones aside.
pub(super) fn parts() -> [(String, Value); 2] {
    let container = json!({
        "description": "ContainerMetrics sets resource usage metrics of a container.",
        "type": "object",
        "required": ["name", "usage"],
        "properties": {
            "name": {
                "description": "Container name corresponding to the one from pod.spec.containers.",
                "type": "string",
                "default": "",
            },
            "usage": usage(),
        },
    });
    let duration = json!({
        "description": "Duration is a wrapper around time.Duration which supports correct marshaling to YAML and JSON. In particular, it marshals into strings, which can be used as map keys in json.",
        "type": "string",
    });
    [(format!("{PACKAGE}.ContainerMetrics"), container), (DURATION.to_owned(), duration)]
}

fn containers() -> Value {
    json!({
        "description": "Metrics for all containers are collected within the same time window.",
        "type": "array",
        "items": { "default": {}, "allOf": [reference(&format!("{PACKAGE}.ContainerMetrics"))] },
    })
}

fn usage() -> Value {
    json!({
        "description": "The memory usage is the memory working set.",
        "type": "object",
        "additionalProperties": reference(QUANTITY),
    })
}
