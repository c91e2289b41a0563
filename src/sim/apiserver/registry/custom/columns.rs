//! The columns a definition adds to `kubectl get`, read by simple JSON paths.
//! Source: `k8s.io/apiextensions-apiserver/pkg/registry/customresource/tableconvertor/tableconvertor.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::object::meta;
use crate::sim::apiserver::registry::duration::{age, since};
use crate::sim::apiserver::registry::resource::Column;

/// A column as tables tell it.
pub(super) fn of(column: &Value) -> Column {
    let leak = |pointer: &str| -> &'static str { Box::leak(meta::text(column, pointer).to_owned().into_boxed_str()) };
    let priority = meta::number(column, "/priority").unwrap_or_default();
    Column {
        name: leak("/name"),
        kind: leak("/type"),
        format: leak("/format"),
        priority: u8::try_from(priority).unwrap_or(1),
    }
}

/// The cells of one object.
pub(super) fn row(columns: &[Value], object: &Value, now: Timestamp) -> Vec<Value> {
    let mut cells = vec![json!(meta::name(object))];
    if columns.is_empty() {
        cells.push(age(object, now));
    }
    cells.extend(columns.iter().map(|column| {
        let found = at(object, meta::text(column, "/jsonPath"));
        cell(meta::text(column, "/type"), &found, now)
    }));
    cells
}

fn cell(kind: &str, found: &[&Value], now: Timestamp) -> Value {
    let Some(first) = found.first() else { return Value::Null };
    match (kind, first) {
        ("integer", Value::Number(number)) => number.as_i64().map_or(Value::Null, Value::from),
        ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => (*first).clone(),
        ("date", Value::String(text)) if text.parse::<Timestamp>().is_err() => json!("<invalid>"),
        ("date", Value::String(_)) => json!(since(first, "", now)),
        // Only the first of several is shown.
        ("string", _) => json!(shown(first)),
        _ => Value::Null,
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a path such as `.status.conditions[?(@.type=="Ready")].status` leads to.
fn at<'v>(object: &'v Value, path: &str) -> Vec<&'v Value> {
    let mut found = vec![object];
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let end = inside.find(']').unwrap_or(inside.len());
            found = found.into_iter().flat_map(|value| chosen(value, &inside[..end])).collect();
            rest = inside.get(end + 1..).unwrap_or_default();
        } else {
            let named = rest.strip_prefix('.').unwrap_or(rest);
            // A dot after a backslash is part of the name.
            let mut ends = named.match_indices(['.', '[']).map(|(place, _)| place);
            let end = ends.find(|place| !named[..*place].ends_with('\\')).unwrap_or(named.len());
            let name = named[..end].replace('\\', "");
            if !name.is_empty() {
                found = found.into_iter().filter_map(|value| value.get(&name)).collect();
            }
            rest = &named[end..];
        }
    }
    found
}

fn chosen<'v>(value: &'v Value, which: &str) -> Vec<&'v Value> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if which == "*" {
        return items.iter().collect();
    }
    if let Ok(index) = which.parse::<usize>() {
        return items.get(index).into_iter().collect();
    }
    if let Some((field, wanted)) = which.strip_prefix("?(@.").and_then(|rest| rest.strip_suffix(')')?.split_once("=="))
    {
        let wanted = wanted.trim().trim_matches(['"', '\'']);
        return items.iter().filter(|item| item[field.trim()] == wanted).collect();
    }
    value.get(which.trim_matches(['"', '\''])).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_kubectl_goes() {
        let object = json!({ "spec": { "a.b": 1, "list": [{ "n": 1 }, { "n": 2 }] }, "status": { "conditions": [{ "type": "Ready", "status": "True" }] } });
        assert_eq!(at(&object, ".spec.list[1].n"), [&json!(2)]);
        assert_eq!(at(&object, ".spec.list[*].n"), [&json!(1), &json!(2)]);
        assert_eq!(at(&object, ".spec['a.b']"), [&json!(1)]);
        assert_eq!(at(&object, ".spec.a\\.b"), [&json!(1)]);
        assert_eq!(at(&object, ".status.conditions[?(@.type==\"Ready\")].status"), [&json!("True")]);
        assert!(at(&object, ".status.none").is_empty());
    }
}
