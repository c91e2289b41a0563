//! What the rules in CEL of a definition's schema say of an object, in the words of the server's own evaluator.
//! Types and bounds are `check`'s. Source: `k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go`.

use kube_cel::cel::ExecutionError;
use kube_cel::{ErrorKind, ValidationError};
use serde_json::{Value, json};

use super::formats;
use crate::expr::plain_cel;
use crate::sim::apiserver::field::{ErrorList, ErrorType, FieldError};

/// Whether a schema, or one below it, has rules.
pub(super) fn are_in(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.contains_key("x-kubernetes-validations") || map.values().any(are_in),
        Value::Array(items) => items.iter().any(are_in),
        _ => false,
    }
}

/// Tries all rules; what is wrong at a place that `was_there` knows is left alone.
pub(super) fn check(
    object: &Value,
    old: Option<&Value>,
    schema: &Value,
    was_there: impl Fn(&str) -> bool,
    errors: &mut ErrorList,
) {
    let readable = |object: &Value| {
        let mut object = object.clone();
        formats::spell(&mut object, schema);
        object
    };
    let mut plain = schema.clone();
    without_optionals(&mut plain);
    let old = old.map(readable);
    let Err(found) = kube_cel::Validator::new().validate(&plain, &readable(object), old.as_ref()) else { return };
    // What a rule about a change says is about this one.
    let is_old = |error: &ValidationError| !error.rule.contains("oldSelf") && was_there(&error.field_path);
    for error in found.into_vec().into_iter().filter(|error| !is_old(error)) {
        tell(&error, object, schema, errors);
    }
}

/// Writes the rules of a schema, and of those below it, without the syntax of optional fields.
fn without_optionals(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            for rule in map.get_mut("x-kubernetes-validations").and_then(Value::as_array_mut).into_iter().flatten() {
                for key in ["rule", "messageExpression"] {
                    if let Some(plain) = rule[key].as_str().and_then(plain_cel) {
                        rule[key] = json!(plain);
                    }
                }
            }
            map.values_mut().for_each(without_optionals);
        }
        Value::Array(items) => items.iter_mut().for_each(without_optionals),
        _ => {}
    }
}

fn tell(error: &ValidationError, object: &Value, schema: &Value, errors: &mut ErrorList) {
    let (rule, within) = origin(error, schema).unwrap_or((&Value::Null, &Value::Null));
    let path = match told(&error.field_path, schema) {
        // The path of the whole.
        path if path.is_empty() => "<nil>".to_owned(),
        path => path,
    };
    let text = rule["rule"].as_str().unwrap_or(&error.rule).trim();
    if error.kind != ErrorKind::ValidationFailure {
        let named = rule["message"].as_str().unwrap_or(text).trim();
        let kind = within["type"].as_str().unwrap_or("object");
        return errors.invalid(path, kind, format!("{} evaluating rule: {named}", why(error)));
    }
    let message = match error.message.strip_prefix("failed rule: ") {
        Some(rule) if rule == error.rule => format!("failed rule: {text}"),
        _ => error.message.clone(),
    };
    // What is no list and no object is shown; only an object's rule points below it.
    let plain = value_at(object, &error.field_path)
        .filter(|found| !found.is_object() && !found.is_array() && !rule["fieldPath"].is_string());
    match (error.reason.as_deref(), plain) {
        (Some("FieldValueForbidden"), _) => errors.forbidden(path, message),
        (Some("FieldValueRequired"), _) => errors.required(path, &message),
        (Some("FieldValueDuplicate"), Some(plain)) => errors.duplicate(path, plain.clone()),
        (Some("FieldValueDuplicate"), None) => {
            let message = "Duplicate value".to_owned();
            errors.0.push(FieldError { kind: ErrorType::Duplicate, field: path, message });
        }
        (_, Some(plain)) => errors.invalid(path, plain.clone(), message),
        (_, None) => errors.invalid_because(&path, &message),
    }
}

/// The rule that an error is of, and the schema it is in: the one its path leads to, or one above if the rule points below itself.
fn origin<'s>(error: &ValidationError, schema: &'s Value) -> Option<(&'s Value, &'s Value)> {
    let path = &error.field_path;
    let ends = path.match_indices(['.', '[']).map(|(place, _)| place).chain([0, path.len()]);
    ends.filter_map(|end| path.split_at_checked(end)).find_map(|(above, below)| {
        let within = schema_at(schema, above);
        let is_it = |rule: &&Value| {
            let text = rule["rule"].as_str().unwrap_or_default();
            let points = rule["fieldPath"].as_str().unwrap_or_default();
            let same = text == error.rule || plain_cel(text).is_some_and(|plain| plain == error.rule);
            same && points.trim_start_matches('.') == below.trim_start_matches('.')
        };
        let rule = within["x-kubernetes-validations"].as_array()?.iter().find(is_it)?;
        Some((rule, within))
    })
}

/// Why a rule could not be evaluated (`cel-go/ext/strings.go`, `k8s.io/apiserver/pkg/cel/library/lists.go`).
fn why(error: &ValidationError) -> String {
    let source = std::error::Error::source(error);
    if let Some(ExecutionError::FunctionError { function, message }) =
        source.and_then(|source| source.downcast_ref::<ExecutionError>())
    {
        let mut words = message.split("index ").nth(1).unwrap_or_default().split(' ');
        let index = words.next().filter(|index| index.parse::<i64>().is_ok() && message.contains("out of range"));
        return match index {
            Some(index) => format!("index out of range: {index}"),
            None if message.ends_with("on empty list") => format!("{function} called on empty list"),
            None => message.clone(),
        };
    }
    let why = source.map_or_else(|| error.message.clone(), ToString::to_string);
    let mut letters = why.chars();
    letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect()
}

/// The path of a rule's error as it is told: keys of maps in brackets.
fn told(path: &str, schema: &Value) -> String {
    let (mut told, mut within) = (String::new(), schema);
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let name = step.split('[').next().unwrap_or_default();
        let property = within["properties"].get(name);
        match property {
            None if within["additionalProperties"].is_object() => told.push_str(&format!("[{name}]")),
            _ => told.push_str(&format!("{}{name}", if told.is_empty() { "" } else { "." })),
        }
        told.push_str(&step[name.len()..]);
        within = property.unwrap_or(&within["additionalProperties"]);
        if step.contains('[') {
            within = &within["items"];
        }
    }
    told
}

/// The schema of the field that a path leads to.
fn schema_at<'s>(schema: &'s Value, path: &str) -> &'s Value {
    path.split('.').filter(|step| !step.is_empty()).fold(schema, |schema, step| {
        let name = step.split('[').next().unwrap_or_default();
        let inner = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
        if step.contains('[') { &inner["items"] } else { inner }
    })
}

/// What a path leads to.
fn value_at<'v>(object: &'v Value, path: &str) -> Option<&'v Value> {
    path.split(['.', '[']).filter(|step| !step.is_empty()).try_fold(object, |value, step| {
        let step = step.trim_end_matches(']').trim_matches('"');
        value.get(step).or_else(|| value.get(step.parse::<usize>().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_maps_are_told_in_brackets() {
        let map = json!({ "properties": { "map": { "additionalProperties": { "properties": { "list": { "items": {} } } } } } });
        assert_eq!(told("map.foo.list[0]", &map), "map[foo].list[0]");
    }

    #[test]
    fn rules_are_told_in_the_servers_words() {
        let schema = json!({ "type": "object", "properties": {
            "opt": { "type": "object", "properties": { "a": { "type": "string" }, "b": { "type": "object", "properties": { "c": { "type": "integer" } } } }, "x-kubernetes-validations": [
                { "rule": "self.?b.?c.orValue(5) < 10", "message": "too much", "fieldPath": ".b.c", "reason": "FieldValueInvalid" },
                { "rule": "self.?a.hasValue() || has(self.b)", "reason": "FieldValueRequired" },
            ] },
            "nums": { "type": "array", "items": { "type": "integer" }, "x-kubernetes-validations": [{ "rule": "self.max() < 8", "message": "bounds" }] },
            "no": { "type": "integer" },
            "dur": { "type": "string", "format": "duration", "x-kubernetes-validations": [{ "rule": "self <= duration('1h')" }] },
        }, "x-kubernetes-validations": [{ "rule": "!has(self.no)", "message": "none" }] });
        let said = |object: Value| {
            let mut errors = ErrorList::default();
            check(&object, None, &schema, |_| false, &mut errors);
            errors.sentence()
        };
        assert_eq!(said(json!({ "opt": { "a": "x" } })), "[]");
        assert_eq!(said(json!({ "opt": { "b": { "c": 11 } } })), "opt.b.c: Invalid value: too much");
        let required = "opt: Required value: failed rule: self.?a.hasValue() || has(self.b)";
        assert_eq!(said(json!({ "opt": {} })), required);
        let empty = "nums: Invalid value: \"array\": max called on empty list evaluating rule: bounds";
        assert_eq!(said(json!({ "nums": [] })), empty);
        let long = "dur: Invalid value: \"1d\": failed rule: self <= duration('1h')";
        assert_eq!(said(json!({ "dur": "1d" })), long);
        assert_eq!(said(json!({ "no": 1 })), "<nil>: Invalid value: none");
    }
}
