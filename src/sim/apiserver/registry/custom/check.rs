//! Whether an object is as a definition's schema wants it: types, bounds, patterns. Its rules in CEL are `rules`'s.
//! Source: `k8s.io/apiextensions-apiserver/pkg/apiserver/validation/validation.go`; the words are go-openapi's and the API server's.

use std::collections::HashSet;

use serde_json::Value;

use super::unchanged::is_unchanged;
use super::{Custom, ScalePaths, formats, rules};
use crate::sim::apiserver::field::{ErrorList, ErrorType};

/// Finds what is wrong with an object; `old` is what transition rules compare it with, and what was wrong before is left alone.
pub(super) fn validate(object: &Value, old: Option<&Value>, custom: &Custom, errors: &mut ErrorList) {
    let schema = &custom.schema;
    let was_there = |path: &str| old.is_some_and(|old| is_unchanged(path, schema, object, old));
    let mut found = ErrorList::default();
    value(object, schema, "", &mut found);
    found.0.retain(|error| !was_there(&error.field));
    errors.extend(found);
    custom.scale.iter().for_each(|scale| scaled(object, scale, errors));
    let mut before = ErrorList::default();
    old.iter().for_each(|old| distinct(old, schema, "", &mut before));
    if before.is_empty() {
        distinct(object, schema, "", errors);
    }
    if !rules::are_in(schema) {
        return;
    }
    if errors.0.iter().any(|error| BLOCKING.contains(&error.kind)) {
        errors.invalid("<nil>", Value::Null, UNCHECKED);
        return;
    }
    rules::check(object, old, schema, was_there, errors);
}

/// Errors after which rules are not tried (`k8s.io/apiextensions-apiserver/pkg/registry/customresource/strategy.go`, hasBlockingErr).
const BLOCKING: [ErrorType; 5] =
    [ErrorType::NotSupported, ErrorType::Required, ErrorType::TooLong, ErrorType::TooMany, ErrorType::TypeInvalid];
const UNCHECKED: &str = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";

/// Replicas that are no number cannot be shown by `/scale` (`pkg/registry/customresource/validator.go`, ValidateScaleSpec).
fn scaled(object: &Value, scale: &ScalePaths, errors: &mut ErrorList) {
    let Some(found) = object.pointer(&scale.wanted).filter(|found| !found.is_i64()) else { return };
    let path = scale.wanted.replace('/', ".");
    let (text, kind) = (found.as_str().map_or_else(|| found.to_string(), str::to_owned), shown(found));
    errors.invalid(path.clone(), 0, format!("{path} accessor error: {text} is of the type {kind}, expected int64"));
}

/// Lists that are sets or maps hold nothing twice (`pkg/apiserver/schema/listtype/validation.go`).
fn distinct(found: &Value, schema: &Value, path: &str, errors: &mut ErrorList) {
    match found {
        Value::Object(map) => {
            for (key, inner) in map {
                let known = schema["properties"].get(key).unwrap_or(&schema["additionalProperties"]);
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                distinct(inner, known, &path, errors);
            }
        }
        Value::Array(items) => {
            let keys: Vec<&str> = schema["x-kubernetes-list-map-keys"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let identity = |item: &Value| match schema["x-kubernetes-list-type"].as_str() {
                Some("set") => Some(item.clone()),
                Some("map") => {
                    let pairs = keys.iter().filter_map(|key| Some(((*key).to_owned(), item.get(*key)?.clone())));
                    Some(Value::Object(pairs.collect()))
                }
                _ => None,
            };
            let mut seen: HashSet<Value> = HashSet::new();
            for (index, item) in items.iter().enumerate() {
                distinct(item, &schema["items"], &format!("{path}[{index}]"), errors);
                let Some(identity) = identity(item) else { continue };
                if seen.contains(&identity) {
                    errors.duplicate(format!("{path}[{index}]"), identity);
                } else {
                    seen.insert(identity);
                }
            }
        }
        _ => {}
    }
}

fn value(found: &Value, schema: &Value, path: &str, errors: &mut ErrorList) {
    if found.is_null() && schema["nullable"] == true {
        return;
    }
    if !has_type(found, schema) {
        let wanted = schema["type"].as_str().unwrap_or("integer,string");
        let named = shown(found);
        let place = if path.is_empty() { String::new() } else { format!("{path} ") };
        errors.type_invalid(path, named, &format!("{place}in body must be of type {wanted}: {named:?}"));
        return;
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(found)
    {
        let allowed: Vec<String> =
            allowed.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect();
        let allowed: Vec<&str> = allowed.iter().map(String::as_str).collect();
        errors.not_supported(path, found.clone(), &allowed);
    }
    bounds(found, schema, path, errors);
    if let (Some(text), Some(format)) = (found.as_str(), schema["format"].as_str())
        && !formats::fits(text, format)
    {
        errors.type_invalid(path, text, &format!("{path} in body must be of type {format}: {text:?}"));
    }
    inside(found, schema, path, errors);
    junctors(found, schema, path, errors);
}

/// The type of a value as messages name it.
fn shown(found: &Value) -> &'static str {
    match found {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn has_type(found: &Value, schema: &Value) -> bool {
    if schema["x-kubernetes-int-or-string"] == true {
        return found.is_string() || found.is_i64() || found.is_u64();
    }
    match schema["type"].as_str() {
        Some("object") => found.is_object(),
        Some("array") => found.is_array(),
        Some("string") => found.is_string(),
        Some("boolean") => found.is_boolean(),
        Some("number") => found.is_number(),
        Some("integer") => found.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => true,
    }
}

fn bounds(found: &Value, schema: &Value, path: &str, errors: &mut ErrorList) {
    let mut should = |what: String| errors.invalid(path, found.clone(), format!("{path} in body should {what}"));
    if let Some(number) = found.as_f64() {
        let (low, high) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
        let (above, below) = (schema["exclusiveMinimum"] == true, schema["exclusiveMaximum"] == true);
        if let Some(low) = low.filter(|low| number < *low || above && number == *low) {
            should(format!("be greater than {}{low}", if above { "" } else { "or equal to " }));
        }
        if let Some(high) = high.filter(|high| number > *high || below && number == *high) {
            should(format!("be less than {}{high}", if below { "" } else { "or equal to " }));
        }
        if let Some(step) = schema["multipleOf"].as_f64().filter(|step| (number / step).fract() != 0.0) {
            should(format!("be a multiple of {step}"));
        }
    }
    if let Some(text) = found.as_str() {
        let length = text.chars().count() as u64;
        if let Some(least) = schema["minLength"].as_u64().filter(|least| length < *least) {
            should(format!("be at least {least} chars long"));
        }
        if let Some(pattern) = schema["pattern"].as_str()
            && regex::Regex::new(pattern).is_ok_and(|pattern| !pattern.is_match(text))
        {
            should(format!("match '{pattern}'"));
        }
        if let Some(most) = schema["maxLength"].as_u64().filter(|most| length > *most) {
            errors.too_long(path, usize::try_from(most).unwrap_or(usize::MAX));
        }
    }
}

fn inside(found: &Value, schema: &Value, path: &str, errors: &mut ErrorList) {
    match found {
        Value::Object(map) => {
            let at = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            let additional = &schema["additionalProperties"];
            for (key, inner) in map {
                let known = schema["properties"].get(key);
                if let Some(schema) = known.or_else(|| Some(additional).filter(|schema| schema.is_object())) {
                    value(inner, schema, &at(key), errors);
                }
            }
            for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !map.contains_key(key) {
                    errors.required(at(key), "");
                }
            }
        }
        Value::Array(items) => {
            let count = items.len();
            if let Some(least) = schema["minItems"].as_u64().filter(|least| (count as u64) < *least) {
                errors.invalid(path, count, format!("{path} in body should have at least {least} items"));
            }
            if let Some(most) = schema["maxItems"].as_u64().filter(|most| count as u64 > *most) {
                errors.too_many(path, count, usize::try_from(most).unwrap_or(usize::MAX));
            }
            for (index, item) in items.iter().enumerate() {
                value(item, &schema["items"], &format!("{path}[{index}]"), errors);
            }
        }
        _ => {}
    }
}

fn junctors(found: &Value, schema: &Value, path: &str, errors: &mut ErrorList) {
    let fits = |schema: &Value| {
        let mut inner = ErrorList::default();
        value(found, schema, path, &mut inner);
        inner.is_empty()
    };
    let list = |key: &str| schema[key].as_array().map(Vec::as_slice).unwrap_or_default();
    for one in list("allOf") {
        value(found, one, path, errors);
    }
    let mut must = |what: &str| errors.invalid(path, "", format!("{path:?} must validate {what}"));
    if !list("anyOf").is_empty() && !list("anyOf").iter().any(fits) {
        must("at least one schema (anyOf)");
    }
    let one_of = list("oneOf");
    match one_of.iter().filter(|one| fits(one)).count() {
        _ if one_of.is_empty() => {}
        0 => must("one and only one schema (oneOf). Found none valid"),
        1 => {}
        count => must(&format!("one and only one schema (oneOf). Found {count} valid alternatives")),
    }
    if schema["not"].is_object() && fits(&schema["not"]) {
        errors.invalid(path, "", format!("{path:?} must not validate the schema (not)"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_wrong_is_told_in_the_servers_words() {
        let schema = json!({ "type": "object", "properties": { "spec": {
            "type": "object",
            "required": ["image"],
            "properties": { "size": { "type": "integer", "minimum": 1 }, "color": { "type": "string", "enum": ["red"] }, "image": { "type": "string" } },
            "x-kubernetes-validations": [{ "rule": "self.size < 9", "message": "too big" }],
        } } });
        let said = |spec: Value| {
            let mut errors = ErrorList::default();
            let custom = Custom {
                schema: schema.clone(),
                columns: Vec::new(),
                fills: false,
                scale: None,
                deprecation: None,
                selectable: Vec::new(),
            };
            validate(&json!({ "spec": spec }), None, &custom, &mut errors);
            errors.0.iter().map(|error| format!("{}: {}", error.field, error.message)).collect::<Vec<_>>()
        };
        let unchecked = format!("<nil>: Invalid value: null: {UNCHECKED}");
        assert_eq!(
            said(json!({ "size": 0, "image": "x" })),
            ["spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"]
        );
        assert_eq!(
            said(json!({ "size": "a", "image": "x" })),
            ["spec.size: Invalid value: \"string\": spec.size in body must be of type integer: \"string\"", &unchecked]
        );
        assert_eq!(said(json!({ "size": 1 })), ["spec.image: Required value", &unchecked]);
        assert_eq!(
            said(json!({ "size": 1, "image": "x", "color": "b" })),
            ["spec.color: Unsupported value: \"b\": supported values: \"red\"", &unchecked]
        );
        assert_eq!(said(json!({ "size": 10, "image": "x" })), ["spec: Invalid value: too big"]);
        let no_size = "spec: Invalid value: \"object\": no such key: size evaluating rule: too big";
        assert_eq!(said(json!({ "image": "x" })), [no_size]);
    }
}
