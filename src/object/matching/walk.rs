//! The walk through what is expected, field by field, with the schema at hand.
//! What lists do is `list`'s.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::{Finding, list, scalar};
use crate::object::path::Path;
use crate::object::schema::{Field, Shape, Type};

/// Where the walk stands, and what the schema says of the place.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) path: Path,
    /// The field that leads here; none for values of maps and elements of lists.
    pub(super) field: Option<&'static Field>,
    pub(super) shape: Option<&'static Shape>,
    /// Whether this is an element of a list.
    pub(super) element: bool,
}

impl Site {
    pub(super) fn finding(&self, expected: &Value, found: Option<&Value>) -> Vec<Finding> {
        vec![Finding { path: self.path.to_string(), expected: expected.clone(), found: found.cloned() }]
    }

    fn of(&self) -> Option<Type> {
        match self.shape {
            Some(Shape::Object(of)) => Some(*of),
            _ => None,
        }
    }

    fn child(&self, of: Option<Type>, name: &str) -> Site {
        let field = of.and_then(|of| of.field(name));
        let shape = match self.shape {
            Some(Shape::Map(inner)) => Some(&**inner),
            _ => field.map(|field| &field.shape),
        };
        Site { path: self.path.field(name), field, shape, element: false }
    }
}

pub(super) fn root(expected: &Value, found: &Value, of: Option<Type>) -> Vec<Finding> {
    let site = Site { path: Path::root(), field: None, shape: None, element: false };
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => fields(&site, of, expected, found),
        _ => compare(&site, expected, Some(found)),
    }
}

pub(super) fn compare(site: &Site, expected: &Value, found: Option<&Value>) -> Vec<Finding> {
    let Some(found) = found.filter(|found| !found.is_null()) else { return absent(site, expected) };
    match (expected, found) {
        (Value::Null, _) if scalar::is_like_absent(found, site.field) => Vec::new(),
        (Value::Object(wanted), Value::Object(_)) if wanted.is_empty() && means_everything(site) => {
            if scalar::is_hollow(found) { Vec::new() } else { site.finding(expected, Some(found)) }
        }
        (Value::Object(wanted), Value::Object(there)) => fields(site, site.of(), wanted, there),
        (Value::Array(wanted), Value::Array(there)) => list::compare(site, wanted, there),
        _ if scalar::same(expected, found, site.shape) => Vec::new(),
        _ => site.finding(expected, Some(found)),
    }
}

/// Whether an empty map here means everything, so that any key in it means less.
fn means_everything(site: &Site) -> bool {
    site.element || site.of().is_some_and(|of| of.short_name() == "LabelSelector")
}

fn absent(site: &Site, expected: &Value) -> Vec<Finding> {
    let satisfied = match expected {
        Value::Null => true,
        Value::Object(wanted) if !wanted.is_empty() => {
            let struct_of_zeros = site.field.is_some_and(|field| !field.go.pointer) && site.of().is_some();
            let none = Map::new();
            (struct_of_zeros || wanted.values().all(Value::is_null))
                && fields(site, site.of(), wanted, &none).is_empty()
        }
        _ => scalar::is_like_absent(expected, site.field),
    };
    if satisfied { Vec::new() } else { site.finding(expected, None) }
}

fn fields(site: &Site, of: Option<Type>, expected: &Map<String, Value>, found: &Map<String, Value>) -> Vec<Finding> {
    let decoded = expected
        .get("stringData")
        .filter(|_| of.is_some_and(|of| of.short_name() == "Secret"))
        .map(|_| string_data(found));
    let mut findings = Vec::new();
    for (name, wanted) in expected {
        let there = match &decoded {
            Some(decoded) if name == "stringData" => Some(decoded),
            _ => found.get(name),
        };
        findings.extend(compare(&site.child(of, name), wanted, there));
    }
    findings
}

/// A Secret's data as text: what `stringData`, which the API server never shows, has become.
fn string_data(secret: &Map<String, Value>) -> Value {
    let decode = |text: &Value| {
        let bytes = STANDARD.decode(text.as_str().unwrap_or_default()).unwrap_or_default();
        Value::String(String::from_utf8_lossy(&bytes).into_owned())
    };
    let data = secret.get("data").and_then(Value::as_object);
    Value::Object(data.into_iter().flatten().map(|(name, text)| (name.clone(), decode(text))).collect())
}
