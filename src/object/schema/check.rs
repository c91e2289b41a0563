//! Walks an object, whole or partial, and says where it does not fit its type: unknown fields, wrong shapes, values no enum has.
//! Every finding at once, for lint; the API server's decoding, with Kubernetes' words, is elsewhere.

use super::{Field, Shape, Type};
use crate::object::quantity::Quantity;
use serde_json::Value;

/// One place where an object does not fit its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, as Kubernetes writes it: `spec.template.spec.containers[0].imag`.
    pub path: String,
    /// What is wrong there.
    pub kind: Kind,
}

/// What is wrong at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The type has no such field; `near` is the field that was probably meant.
    UnknownField { near: Option<&'static str> },
    /// The value is of another shape: `expected a list, found a string`.
    WrongShape { expected: &'static str, found: &'static str },
    /// The text is none of the values allowed.
    NotOneOf { found: String, allowed: &'static [&'static str] },
    /// The text cannot be read as a quantity, a time or base64.
    Unreadable { expected: &'static str, found: String },
    /// Two items of a list have the same key.
    Duplicate { key: String },
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = &self.path;
        match &self.kind {
            Kind::UnknownField { near: Some(near) } => write!(formatter, "{path}: no such field; did you mean {near}?"),
            Kind::UnknownField { near: None } => write!(formatter, "{path}: no such field"),
            Kind::WrongShape { expected, found } => write!(formatter, "{path}: expected {expected}, found {found}"),
            Kind::NotOneOf { found, allowed } => {
                write!(formatter, "{path}: {found:?} is not one of {}", allowed.join(", "))
            }
            Kind::Unreadable { expected, found } => write!(formatter, "{path}: {found:?} is not {expected}"),
            Kind::Duplicate { key } => write!(formatter, "{path}: a second item with {key}"),
        }
    }
}

/// Every problem of `value` as an object of type `of`, in the order of the document. Required fields may be missing: partial objects are fine.
pub fn check(value: &Value, of: Type) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut walk = Walk { problems: &mut problems, path: String::new() };
    walk.object(value, of);
    problems
}

struct Walk<'a> {
    problems: &'a mut Vec<Problem>,
    path: String,
}

impl Walk<'_> {
    fn report(&mut self, kind: Kind) {
        self.problems.push(Problem { path: self.path.clone(), kind });
    }

    fn within(&mut self, name: &str, walk: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length > 0 && !name.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(name);
        walk(self);
        self.path.truncate(length);
    }

    fn object(&mut self, value: &Value, of: Type) {
        let Value::Object(map) = value else { return self.wrong("an object", value) };
        for (name, value) in map {
            self.within(name, |walk| match of.field(name) {
                Some(field) => walk.field(value, field),
                None => walk.report(Kind::UnknownField { near: near(name, of) }),
            });
        }
    }

    fn field(&mut self, value: &Value, field: &'static Field) {
        self.shape(value, &field.shape);
        let texts = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for text in texts.iter().filter_map(Value::as_str) {
            if !(field.enum_values.is_empty() || text.is_empty() || field.enum_values.contains(&text)) {
                self.report(Kind::NotOneOf { found: text.into(), allowed: &field.enum_values });
            }
        }
        if let (Value::Array(items), false) = (value, field.list_map_keys.is_empty()) {
            self.duplicates(items, field);
        }
    }

    fn duplicates(&mut self, items: &[Value], field: &Field) {
        let mut seen: Vec<String> = Vec::new();
        for (place, item) in items.iter().enumerate() {
            let key: Vec<String> = field
                .list_map_keys
                .iter()
                .filter_map(|key| item.get(key).map(|value| format!("{key} {value}")))
                .collect();
            let key = key.join(", ");
            if key.is_empty() {
                continue;
            }
            if seen.contains(&key) {
                self.within(&format!("[{place}]"), |walk| walk.report(Kind::Duplicate { key: key.clone() }));
            }
            seen.push(key);
        }
    }

    fn shape(&mut self, value: &Value, shape: &Shape) {
        if value.is_null() {
            return;
        }
        match (shape, value) {
            (Shape::Object(of), _) => self.object(value, *of),
            (Shape::Map(inner), Value::Object(map)) => {
                for (name, value) in map {
                    self.within(name, |walk| walk.shape(value, inner));
                }
            }
            (Shape::List(inner), Value::Array(items)) => {
                for (place, item) in items.iter().enumerate() {
                    self.within(&format!("[{place}]"), |walk| walk.shape(item, inner));
                }
            }
            (Shape::Quantity, Value::String(_) | Value::Number(_)) => {
                if Quantity::of(value).is_err() {
                    self.unreadable("a quantity such as 500m or 1Gi", value);
                }
            }
            (Shape::Time | Shape::MicroTime, Value::String(text)) => {
                if text.parse::<jiff::Timestamp>().is_err() {
                    self.unreadable("a time such as 2025-01-31T12:00:00Z", value);
                }
            }
            (Shape::Bytes, Value::String(text)) => {
                use base64::Engine;
                if super::BASE64.decode(text.replace(['\n', '\r'], "")).is_err() {
                    self.unreadable("base64", value);
                }
            }
            _ => {
                if let Some(expected) = mismatch(shape, value) {
                    self.wrong(expected, value);
                }
            }
        }
    }

    fn wrong(&mut self, expected: &'static str, value: &Value) {
        self.report(Kind::WrongShape { expected, found: describe(value) });
    }

    fn unreadable(&mut self, expected: &'static str, value: &Value) {
        let found = value.as_str().map_or_else(|| value.to_string(), String::from);
        self.report(Kind::Unreadable { expected, found });
    }
}

/// What was expected, when a plain shape and a value do not fit.
fn mismatch(shape: &Shape, value: &Value) -> Option<&'static str> {
    let (fits, expected) = match shape {
        Shape::Any => return None,
        Shape::Object(_) | Shape::Map(_) => (value.is_object(), "an object"),
        Shape::List(_) => (value.is_array(), "a list"),
        Shape::String | Shape::Time | Shape::MicroTime | Shape::Bytes => (value.is_string(), "a string"),
        Shape::Int32 => (value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()), "a whole number"),
        Shape::Int64 => (value.as_i64().is_some(), "a whole number"),
        Shape::Number => (value.is_number(), "a number"),
        Shape::Bool => (value.is_boolean(), "true or false"),
        Shape::Quantity => (value.is_string() || value.is_number(), "a quantity"),
        Shape::IntOrString => (value.is_string() || value.is_i64(), "a whole number or a string"),
    };
    (!fits).then_some(expected)
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The field most like `name`, when one is like it at all.
fn near(name: &str, of: Type) -> Option<&'static str> {
    let close = |field: &&Field| {
        let distance = distance(&name.to_lowercase(), &field.name.to_lowercase());
        (distance <= 1 + name.len() / 4).then_some(distance)
    };
    of.fields().iter().filter_map(|field| Some((close(&field)?, field.name))).min().map(|(_, name)| name)
}

/// Levenshtein's distance.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut left_up = row[0];
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let up = row[j + 1];
            row[j + 1] = if a == b { left_up } else { 1 + left_up.min(up).min(row[j]) };
            left_up = up;
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn problems(value: &Value) -> Vec<String> {
        let of = crate::object::schema::of("apps/v1", "Deployment").unwrap();
        check(value, of).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_good_partial_object_has_none() {
        let value = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "labels": {"a": "b"}}, "spec": {
            "replicas": 2, "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}},
            "template": {"spec": {"nodeSelector": null, "containers": [{"name": "c", "resources": {"limits": {"cpu": "500m", "memory": 1000}}}]}}}});
        assert_eq!(problems(&value), Vec::<String>::new());
    }

    #[test]
    fn every_fault_is_found_where_it_is() {
        let value = json!({"spec": {"replica": 1, "minReadySeconds": "5", "template": {"metadata": {"labels": {"a": 1}}, "spec": {
            "containers": [{"name": "c", "imagePullPolicy": "always"}, {"name": "c", "resources": {"limits": {"cpu": "1 core"}}}],
            "volumes": {}, "restartPolicy": true}}}, "zzz": 1});
        let near = "spec.replica: no such field; did you mean replicas?";
        assert_eq!(
            problems(&value),
            [
                near,
                "spec.minReadySeconds: expected a whole number, found a string",
                "spec.template.metadata.labels.a: expected a string, found a number",
                "spec.template.spec.containers[0].imagePullPolicy: \"always\" is not one of Always, IfNotPresent, Never",
                "spec.template.spec.containers[1].resources.limits.cpu: \"1 core\" is not a quantity such as 500m or 1Gi",
                "spec.template.spec.containers[1]: a second item with name \"c\"",
                "spec.template.spec.volumes: expected a list, found an object",
                "spec.template.spec.restartPolicy: expected a string, found true or false",
                "zzz: no such field",
            ]
        );
    }
}
