//! The metrics of an autoscaler: what each says is needed, what it measured, or why it could not.
//! Source: `pkg/controller/podautoscaler/horizontal.go`, computeReplicasForMetrics.

use serde_json::{Value, json};

use super::load::{self, Judge, Measures, Need, Target};
use crate::object::meta;
use crate::object::quantity::Quantity;
use crate::object::selector::worded;
use crate::sim::apiserver::storage::Object;

/// What the metrics say together.
#[derive(Debug)]
pub struct Answer {
    /// The replicas needed and the metric that needs them, or the condition's message with its reason and the error of the whole.
    pub result: Result<(i64, String), Failure>,
    /// `status.currentMetrics`.
    pub current: Vec<Value>,
    /// Reason and message of each metric that failed.
    pub failed: Vec<(&'static str, String)>,
}

/// Why no number can be said.
#[derive(Debug)]
pub struct Failure {
    pub reason: &'static str,
    pub message: String,
    pub all: String,
}

/// What an autoscaler looks at: its Pods, what was measured of them or why that is not known, and how it judges.
pub struct Sight<'a> {
    pub namespace: &'a str,
    pub pods: Vec<Object>,
    pub metrics: std::result::Result<Vec<Object>, String>,
    pub judge: Judge,
}

impl Sight<'_> {
    /// What was measured of a resource, or why that is not known (`metrics/client.go`, GetResourceMetric).
    fn measures(&self, of: (&str, &str)) -> Result<Measures, String> {
        let metrics =
            self.metrics.as_ref().map_err(|why| format!("unable to fetch metrics from resource metrics API: {why}"));
        match metrics {
            Ok(metrics) if metrics.is_empty() => Err("no metrics returned from resource metrics API".to_owned()),
            Ok(metrics) => Ok(load::measures(metrics, of)),
            Err(why) => Err(why),
        }
        .map_err(|why| format!("unable to get metrics for resource {}: {why}", of.0))
    }
}

/// Asks every metric of `specs`; `replicas` is the number wanted now.
pub fn ask(specs: &[Value], sight: &Sight<'_>, replicas: i64) -> Answer {
    let (mut best, mut current, mut failed, mut first) = (None::<(i64, String)>, Vec::new(), Vec::new(), None);
    for spec in specs {
        match one(spec, sight, replicas) {
            Ok((need, name, status)) => {
                current.push(status);
                if best.as_ref().is_none_or(|(most, _)| need > *most) {
                    best = Some((need, name));
                }
            }
            Err((reason, message, around)) => {
                current.push(json!({ "type": "" }));
                first.get_or_insert((reason, message.clone(), format!("{around}: {message}")));
                failed.push((reason, message));
            }
        }
    }
    let (bad, total) = (failed.len(), specs.len());
    let result = match (best, first) {
        (Some(best), None) => Ok(best),
        (Some(best), Some(_)) if best.0 >= replicas => Ok(best),
        (_, Some((reason, message, first))) => {
            let message = format!("the HPA was unable to compute the replica count: {message}");
            let all = format!("invalid metrics ({bad} invalid out of {total}), first error is: {first}");
            Err(Failure { reason, message, all })
        }
        (None, None) => Ok((replicas, String::new())),
    };
    Answer { result, current, failed }
}

type Failed = (&'static str, String, String);

fn one(spec: &Value, sight: &Sight<'_>, replicas: i64) -> Result<(i64, String, Value), Failed> {
    match meta::text(spec, "/type") {
        "Resource" => measured(&spec["resource"], ("Resource", "resource"), sight, replicas),
        "ContainerResource" => {
            measured(&spec["containerResource"], ("ContainerResource", "containerResource"), sight, replicas)
        }
        "Pods" => {
            let name = meta::text(spec, "/pods/metric/name");
            let why = format!("unable to get metric {name}: {NO_API}");
            Err(("FailedGetPodsMetric", why, "failed to get pods metric value".to_owned()))
        }
        "Object" => {
            let text = |key: &str| meta::text(&spec["object"], key);
            let (metric, kind, name) =
                (text("/metric/name"), text("/describedObject/kind"), text("/describedObject/name"));
            let why = format!("unable to get metric {metric}: {kind} on {} {name}/{NO_API}", sight.namespace);
            let around = match text("/target/type") {
                "AverageValue" => format!("failed to get object metric value: failed to get {metric} object metric"),
                _ => "failed to get object metric value".to_owned(),
            };
            Err(("FailedGetObjectMetric", why, around))
        }
        _ => {
            let source = &spec["external"];
            let (name, selector) = (meta::text(source, "/metric/name"), worded(source.pointer("/metric/selector")));
            let missing =
                format!("the server could not find the requested resource (get {name}.external.metrics.k8s.io)");
            let why = format!(
                "unable to get external metric {}/{name}/{selector}: unable to fetch metrics from external metrics API: {missing}",
                sight.namespace
            );
            let within = match source.pointer("/target/averageValue") {
                Some(_) => format!("failed to get {name} external metric"),
                None => format!("failed to get external metric {name}"),
            };
            Err(("FailedGetExternalMetric", why, format!("failed to get {name} external metric value: {within}")))
        }
    }
}

/// Nobody serves metrics that others define.
const NO_API: &str =
    "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered";

fn measured(
    source: &Value,
    (kind, key): (&str, &str),
    sight: &Sight<'_>,
    replicas: i64,
) -> Result<(i64, String, Value), Failed> {
    let (resource, container) = (meta::text(source, "/name"), meta::text(source, "/container"));
    let value = source.pointer("/target/averageValue").and_then(|value| Quantity::of(value).ok());
    let percent = meta::number(source, "/target/averageUtilization").unwrap_or_default();
    let target = value.map_or(Target::Utilization(percent), |value| Target::AverageValue(value.milli_value()));
    let what = if value.is_some() { "usage" } else { "utilization" };
    let measures = sight.measures((resource, container));
    let found = measures.and_then(|measures| {
        load::need((&sight.pods, &measures), (resource, container), replicas, target, sight.judge)
    });
    let need = found.map_err(|why| {
        let (reason, around) = match container {
            "" => ("FailedGetResourceMetric", format!("failed to get {resource} resource metric value")),
            name => ("FailedGetContainerResourceMetric", format!("failed to get {name} container metric value")),
        };
        (reason, format!("failed to get {resource} {what}: {why}"), around)
    })?;
    let of = if container.is_empty() { "" } else { "container " };
    let name = match target {
        Target::AverageValue(_) => format!("{resource} {of}resource"),
        Target::Utilization(_) => format!("{resource} {of}resource utilization (percentage of request)"),
    };
    Ok((need.replicas, name, json!({ "type": kind, key: status(source, need) })))
}

fn status(source: &Value, need: Need) -> Value {
    // Memory is shown in whole bytes (`buildQuantity`).
    let average = match meta::text(source, "/name") {
        "memory" => Quantity::from_bytes(need.average / 1000),
        _ => Quantity::from_milli(need.average),
    };
    let mut current = json!({ "averageValue": average.to_string() });
    if let Some(utilization) = need.utilization {
        current["averageUtilization"] = json!(utilization);
    }
    let mut status = json!({ "name": source["name"], "current": current });
    if let Some(container) = source.get("container") {
        status["container"] = container.clone();
    }
    status
}
