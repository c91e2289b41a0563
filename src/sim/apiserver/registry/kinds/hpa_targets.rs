//! The Targets cell of HorizontalPodAutoscalers: `cpu: 10%/50%`, `cpu: <unknown>/50%`.
//! Source: `pkg/printers/internalversion/printers.go`, formatHPAMetrics.

use serde_json::Value;

use crate::object::meta;

const UNKNOWN: &str = "<unknown>";

/// At most two metrics, then how many more.
pub fn cell(scaler: &Value) -> String {
    let metrics = meta::list(scaler, "/spec/metrics");
    let measured = meta::list(scaler, "/status/currentMetrics");
    let shown: Vec<String> =
        metrics.iter().enumerate().map(|(index, metric)| one(metric, measured.get(index))).collect();
    match shown.len() {
        0 => "<none>".to_owned(),
        1 | 2 => shown.join(", "),
        count => format!("{} + {} more...", shown[..2].join(", "), count - 2),
    }
}

fn one(metric: &Value, measured: Option<&Value>) -> String {
    let source = match meta::text(metric, "/type") {
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        "Pods" => "pods",
        "Object" => "object",
        "External" => "external",
        _ => return "<unknown type>".to_owned(),
    };
    let target = |key: &str| metric.get(source)?.get("target")?.get(key);
    let current = |key: &str| measured?.get(source)?.get("current")?.get(key);
    if matches!(source, "resource" | "containerResource") {
        let name = metric.get(source).map(|source| meta::text(source, "/name")).unwrap_or_default();
        return match target("averageValue") {
            Some(wanted) => format!("{name}: {}/{}", text(current("averageValue"), UNKNOWN), text(Some(wanted), "")),
            None => {
                let percent = |value: Option<&Value>, otherwise: &str| {
                    value.and_then(Value::as_i64).map_or(otherwise.to_owned(), |number| format!("{number}%"))
                };
                let now = percent(current("averageUtilization"), UNKNOWN);
                format!("{name}: {now}/{}", percent(target("averageUtilization"), "<auto>"))
            }
        };
    }
    match target("averageValue") {
        Some(wanted) if source == "pods" => {
            format!("{}/{}", text(current("averageValue"), UNKNOWN), text(Some(wanted), ""))
        }
        Some(wanted) => format!("{}/{} (avg)", text(current("averageValue"), UNKNOWN), text(Some(wanted), "")),
        None => format!("{}/{}", text(current("value"), UNKNOWN), text(target("value"), "0")),
    }
}

/// A quantity as text.
fn text(value: Option<&Value>, otherwise: &str) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => otherwise.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_measured_is_unknown() {
        let target = json!({ "type": "Utilization", "averageUtilization": 50 });
        let metric = json!({ "type": "Resource", "resource": { "name": "cpu", "target": target } });
        let mut scaler = json!({ "spec": { "metrics": [metric] } });
        assert_eq!(cell(&scaler), "cpu: <unknown>/50%");
        let current = json!({ "averageUtilization": 10 });
        scaler["status"]["currentMetrics"] =
            json!([{ "type": "Resource", "resource": { "name": "cpu", "current": current } }]);
        assert_eq!(cell(&scaler), "cpu: 10%/50%");
    }
}
