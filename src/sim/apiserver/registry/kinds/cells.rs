//! Cells that several kinds' tables share: containers, selectors, labels, access modes.
//! Source: `pkg/printers/internalversion/printers.go` and `k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::object::meta;
use crate::sim::apiserver::registry::resource::{Column, NAME, Table};

/// Shown where there is nothing.
pub const NONE: &str = "<none>";

/// Shown where nothing was set.
pub const UNSET: &str = "<unset>";

/// The table of kinds without columns of their own.
pub const CREATED_TABLE: Table =
    Table { columns: &[NAME, Column { name: "Created At", kind: "date", format: "", priority: 0 }], row: created_row };

fn created_row(object: &Value, _now: Timestamp) -> Vec<Value> {
    vec![name(object), json!(meta::text(object, "/metadata/creationTimestamp"))]
}

/// A column of booleans.
pub const fn boolean(name: &'static str) -> Column {
    Column { name, kind: "boolean", format: "", priority: 0 }
}

/// The Name cell.
pub fn name(object: &Value) -> Value {
    json!(meta::name(object))
}

/// The text at a pointer.
pub fn text(object: &Value, pointer: &str) -> Value {
    json!(meta::text(object, pointer))
}

/// The text at a pointer, or `otherwise` where it is empty.
pub fn text_or(object: &Value, pointer: &str, otherwise: &str) -> Value {
    match meta::text(object, pointer) {
        "" => json!(otherwise),
        found => json!(found),
    }
}

/// The number at a pointer, 0 where there is none.
pub fn count(object: &Value, pointer: &str) -> Value {
    json!(meta::number(object, pointer).unwrap_or_default())
}

/// The names and the images of a PodSpec's containers.
pub fn containers(pod_spec: Option<&Value>) -> (Value, Value) {
    let join = |key: &str| {
        let found = pod_spec.map(|spec| meta::list(spec, "/containers")).unwrap_or_default();
        json!(found.iter().map(|container| container[key].as_str().unwrap_or_default()).collect::<Vec<_>>().join(","))
    };
    (join("name"), join("image"))
}

/// Labels as `a=b,c=d`, ordered by key; `<none>` where there are none.
pub fn labels(found: Option<&Value>) -> Value {
    json!(found.and_then(Value::as_object).filter(|map| !map.is_empty()).map_or(NONE.to_owned(), pairs))
}

fn pairs(map: &Map<String, Value>) -> String {
    let mut pairs: Vec<String> =
        map.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    pairs.sort();
    pairs.join(",")
}

/// A label selector as text; `<none>` where it selects everything or is not there.
pub fn selector(found: Option<&Value>) -> Value {
    match selector_text(found) {
        text if text.is_empty() => json!(NONE),
        text => json!(text),
    }
}

/// A label selector as `a=b,c in (x,y),!d`; empty where there is none.
pub fn selector_text(found: Option<&Value>) -> String {
    let Some(found) = found else { return String::new() };
    let mut parts: Vec<(String, String)> = Vec::new();
    for (key, value) in meta::map(found, "/matchLabels").into_iter().flatten() {
        parts.push((key.clone(), format!("{key}={}", value.as_str().unwrap_or_default())));
    }
    for expression in meta::list(found, "/matchExpressions") {
        let key = meta::text(expression, "/key");
        let mut values: Vec<&str> = meta::list(expression, "/values").iter().filter_map(Value::as_str).collect();
        values.sort_unstable();
        let values = values.join(",");
        let text = match meta::text(expression, "/operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => "<invalid>".to_owned(),
        };
        parts.push((key.to_owned(), text));
    }
    parts.sort_by(|a, b| a.0.cmp(&b.0));
    parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(",")
}

/// Access modes as `RWO,ROX,RWX,RWOP`, each once and in this order.
pub fn access_modes(modes: &[Value]) -> Value {
    let short =
        [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];
    let found: Vec<&str> =
        short.iter().filter(|(long, _)| modes.iter().any(|mode| mode == long)).map(|(_, short)| *short).collect();
    json!(found.join(","))
}

/// The class of a volume or claim: the old annotation, else the field.
pub fn storage_class(object: &Value) -> Value {
    let old = meta::annotation(object, "volume.beta.kubernetes.io/storage-class");
    json!(old.unwrap_or_else(|| meta::text(object, "/spec/storageClassName")))
}

/// At most three of a list, then how many more; `<unset>` where there are none.
pub fn three(items: &[String]) -> Value {
    match items {
        [] => json!(UNSET),
        _ if items.len() > 3 => json!(format!("{} + {} more...", items[..3].join(","), items.len() - 3)),
        _ => json!(items.join(",")),
    }
}

/// The addresses a load balancer gave, ordered; empty where there are none.
pub fn load_balancer(object: &Value) -> String {
    let mut found: Vec<&str> = meta::list(object, "/status/loadBalancer/ingress")
        .iter()
        .map(|ingress| match meta::text(ingress, "/ip") {
            "" => meta::text(ingress, "/hostname"),
            ip => ip,
        })
        .filter(|address| !address.is_empty())
        .collect();
    found.sort_unstable();
    found.dedup();
    found.join(",")
}

/// A number or a percentage, as text.
pub fn number_or_text(value: Option<&Value>, otherwise: &str) -> Value {
    match value {
        Some(Value::String(text)) => json!(text),
        Some(Value::Number(number)) => json!(number.to_string()),
        _ => json!(otherwise),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_read_as_kubectl_prints_them() {
        let found = json!({
            "matchLabels": { "b": "1" },
            "matchExpressions": [
                { "key": "a", "operator": "NotIn", "values": ["y", "x"] },
                { "key": "c", "operator": "DoesNotExist" },
            ],
        });
        assert_eq!(selector_text(Some(&found)), "a notin (x,y),b=1,!c");
        assert_eq!(selector(Some(&json!({}))), "<none>");
    }
}
