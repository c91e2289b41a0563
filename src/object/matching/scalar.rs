//! When two scalars are the same, and which values mean nothing.
//! Maps and lists are compared elsewhere; here they are at most empty.

use jiff::Timestamp;
use serde_json::Value;

use crate::object::quantity::Quantity;
use crate::object::schema::{Field, Shape};

/// Types whose empty map says nothing, though Go keeps it: the API server gives every Pod an empty security context.
const SAYING_NOTHING: [&str; 2] = ["PodSecurityContext", "SecurityContext"];

/// Whether two scalars mean the same to a field of this shape.
pub(super) fn same(expected: &Value, found: &Value, shape: Option<&Shape>) -> bool {
    if expected == found {
        return true;
    }
    let by_value = match shape {
        Some(Shape::Quantity) => equal(Quantity::of(expected).ok(), Quantity::of(found).ok()),
        Some(Shape::Time | Shape::MicroTime) => equal(time(expected), time(found)),
        _ => None,
    };
    by_value.unwrap_or_else(|| match (expected.as_f64(), found.as_f64()) {
        (Some(expected), Some(found)) => expected == found,
        _ => text(expected).is_some() && text(expected) == text(found),
    })
}

fn equal<T: PartialEq>(expected: Option<T>, found: Option<T>) -> Option<bool> {
    Some(expected? == found?)
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// A scalar's text; `None` for null, maps and lists.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Whether a value says no more than an absent field does: its default, or the zero value of a field that is no pointer.
pub(super) fn is_like_absent(value: &Value, field: Option<&Field>) -> bool {
    let Some(field) = field else { return is_empty_list(value) };
    let empty = value.as_object().is_some_and(|fields| fields.is_empty());
    if empty && field.shape.object().is_some_and(|of| SAYING_NOTHING.contains(&of.short_name())) {
        return true;
    }
    let default = field.default.as_ref().is_some_and(|default| same(value, default, Some(&field.shape)));
    default || is_empty_list(value) || (!field.go.pointer && is_zero(value))
}

fn is_empty_list(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

/// Whether there is nothing in a value but empty maps, empty lists and nulls.
pub(super) fn is_hollow(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_hollow),
        _ => false,
    }
}
