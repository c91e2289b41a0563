//! The `components.schemas` of a document: every type its kinds reach, as a real server writes it.
//! Shapes and facts come from `object::schema`, texts from `descriptions`.

use super::{descriptions, metrics};
use crate::object::schema::{self, Field, ListType, Merge, Shape, Type};
use crate::sim::apiserver::registry::Resource;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub(super) const PREFIX: &str = "#/components/schemas/";
pub(super) const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
pub(super) const TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Time";
const MICRO_TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const META: [&str; 3] = [
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Patch",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Status",
];

/// All schemas the resources need, by name.
pub(super) fn of(served: &[&Resource]) -> Value {
    let mut making = Making::default();
    for name in META {
        making.wanted.extend(schema::named(name));
    }
    for resource in served {
        if let Some(custom) = resource.strategy.custom {
            making.wanted.extend(schema::named(OBJECT_META));
            making.made.insert(custom_name(resource), defined(resource, custom.schema()));
            continue;
        }
        if let Some((name, schema)) = metrics::of(resource) {
            making.wanted.extend(schema::named(OBJECT_META));
            for shape in [Shape::Quantity, Shape::Time] {
                making.shape(&shape, None);
            }
            making.made.insert(name, defined(resource, &schema));
            making.made.extend(metrics::parts());
            continue;
        }
        let version = resource.api_version();
        making.wanted.extend(schema::of(&version, resource.kind));
        making.wanted.extend(schema::of(&version, &format!("{}List", resource.kind)));
        for subresource in resource.subresources.iter().filter(|subresource| !subresource.kind.is_empty()) {
            let version = match subresource.group {
                "" => subresource.version.to_owned(),
                group => format!("{group}/{}", subresource.version),
            };
            making.wanted.extend(schema::of(&version, subresource.kind));
        }
    }
    while let Some(of) = making.wanted.pop() {
        if !making.made.contains_key(of.name()) {
            making.made.insert(of.name().into(), Value::Null);
            let schema = making.object(of);
            making.made.insert(of.name().into(), schema);
        }
    }
    Value::Object(making.made.into_iter().collect())
}

/// The name of a definition's type: its group backwards, version and kind.
fn custom_name(resource: &Resource) -> String {
    let group: Vec<&str> = resource.group.rsplit('.').collect();
    format!("{}.{}.{}", group.join("."), resource.version, resource.kind)
}

/// The schema of a definition with what every object has.
fn defined(resource: &Resource, schema: &Value) -> Value {
    let mut schema = if schema.is_object() { schema.clone() } else { json!({}) };
    schema["type"] = json!("object");
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    let status = schema::named("io.k8s.api.core.v1.ConfigMap").map_or("", Type::name);
    for field in ["apiVersion", "kind"] {
        let mut said = described(descriptions::of_field(status, field));
        said.insert("type".into(), "string".into());
        schema["properties"][field] = Value::Object(said);
    }
    let mut metadata = described(descriptions::of_field(status, "metadata"));
    metadata.insert("allOf".into(), json!([reference(OBJECT_META)]));
    schema["properties"]["metadata"] = Value::Object(metadata);
    schema["x-kubernetes-group-version-kind"] =
        json!([{ "group": resource.group, "version": resource.version, "kind": resource.kind }]);
    schema
}

#[derive(Default)]
struct Making {
    made: BTreeMap<String, Value>,
    wanted: Vec<Type>,
}

impl Making {
    fn object(&mut self, of: Type) -> Value {
        let mut schema = described(descriptions::of_type(of.name()));
        schema.insert("type".into(), "object".into());
        let mut properties = Map::new();
        for field in of.fields() {
            properties.insert(field.name.into(), self.field(of, field));
        }
        if !properties.is_empty() {
            schema.insert("properties".into(), Value::Object(properties));
        }
        let required: Vec<&str> = of.fields().iter().filter(|field| field.required).map(|field| field.name).collect();
        if !required.is_empty() {
            schema.insert("required".into(), json!(required));
        }
        if of.atomic() {
            schema.insert("x-kubernetes-map-type".into(), "atomic".into());
        }
        let kinds = kinds(of);
        if !kinds.is_empty() {
            schema.insert("x-kubernetes-group-version-kind".into(), Value::Array(kinds));
        }
        Value::Object(schema)
    }

    fn field(&mut self, of: Type, field: &Field) -> Value {
        let mut schema = described(descriptions::of_field(of.name(), field.name));
        let default = field.default.clone().or_else(|| if field.go.pointer { None } else { zero(field) });
        let plain = self.shape(&field.shape, field.go.type_name);
        attach(&mut schema, plain, default);
        facts(&mut schema, field);
        tell_values(&mut schema, field);
        // What is only a reference needs no wrapping.
        if let (1, Some(Value::Array(all))) = (schema.len(), schema.get("allOf")) {
            return all.first().cloned().unwrap_or_default();
        }
        Value::Object(schema)
    }

    /// The schema of a shape alone.
    fn shape(&mut self, shape: &Shape, name: Option<&str>) -> Value {
        match shape {
            Shape::Object(of) => {
                self.wanted.push(*of);
                reference(of.name())
            }
            Shape::Map(inner) => {
                let name = name.and_then(schema::element_name);
                json!({ "type": "object", "additionalProperties": self.element(inner, name) })
            }
            Shape::List(inner) => {
                let name = name.and_then(schema::element_name);
                json!({ "type": "array", "items": self.element(inner, name) })
            }
            Shape::String => json!({ "type": "string" }),
            Shape::Int32 => json!({ "type": "integer", "format": "int32" }),
            Shape::Int64 => json!({ "type": "integer", "format": "int64" }),
            Shape::Number => json!({ "type": "number", "format": "double" }),
            Shape::Bool => json!({ "type": "boolean" }),
            Shape::Bytes => json!({ "type": "string", "format": "byte" }),
            Shape::Quantity => self.special(QUANTITY, json!({ "oneOf": [{ "type": "string" }, { "type": "number" }] })),
            Shape::IntOrString => self.special(
                INT_OR_STRING,
                json!({ "format": "int-or-string", "oneOf": [{ "type": "integer" }, { "type": "string" }] }),
            ),
            Shape::Time => self.special(TIME, json!({ "type": "string", "format": "date-time" })),
            Shape::MicroTime => self.special(MICRO_TIME, json!({ "type": "string", "format": "date-time" })),
            Shape::Any => self.anything(name),
        }
    }

    /// A list's item or a map's value.
    fn element(&mut self, shape: &Shape, name: Option<&str>) -> Value {
        let mut schema = Map::new();
        let plain = self.shape(shape, name);
        let default = match shape {
            Shape::String => Some(json!("")),
            Shape::Int32 | Shape::Int64 => Some(json!(0)),
            Shape::Object(_) => Some(json!({})),
            _ => None,
        };
        attach(&mut schema, plain, default);
        if let (1, Some(Value::Array(all))) = (schema.len(), schema.get("allOf")) {
            return all.first().cloned().unwrap_or_default();
        }
        Value::Object(schema)
    }

    fn anything(&mut self, name: Option<&str>) -> Value {
        let (full, plain) = match name.unwrap_or_default() {
            "runtime.RawExtension" => ("io.k8s.apimachinery.pkg.runtime.RawExtension", json!({ "type": "object" })),
            "v1.FieldsV1" => ("io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1", json!({ "type": "object" })),
            "v1.JSON" => ("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON", json!({})),
            "v1.JSONSchemaPropsOrArray" => {
                ("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray", json!({}))
            }
            "v1.JSONSchemaPropsOrBool" => {
                ("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool", json!({}))
            }
            "v1.JSONSchemaPropsOrStringArray" => {
                ("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray", json!({}))
            }
            _ => return json!({ "type": "object" }),
        };
        self.special(full, plain)
    }

    fn special(&mut self, name: &str, plain: Value) -> Value {
        self.made.entry(name.into()).or_insert_with(|| {
            let mut schema = described(descriptions::of_type(name));
            schema.extend(plain.as_object().cloned().unwrap_or_default());
            Value::Object(schema)
        });
        reference(name)
    }
}

pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{PREFIX}{name}") })
}

fn described(text: Option<&str>) -> Map<String, Value> {
    text.map(|text| ("description".to_owned(), Value::from(text))).into_iter().collect()
}

/// Puts a shape's schema and a default into a property's; a reference beside other words goes into `allOf`.
fn attach(schema: &mut Map<String, Value>, plain: Value, default: Option<Value>) {
    if plain.get("$ref").is_some() {
        schema.insert("allOf".into(), json!([plain]));
    } else if let Value::Object(plain) = plain {
        schema.extend(plain);
    }
    if let Some(default) = default {
        schema.insert("default".into(), default);
    }
}

/// The default a server shows for what Go always writes: `{}` of structs, and zeros of what is not `omitempty`.
fn zero(field: &Field) -> Option<Value> {
    match field.shape {
        Shape::Object(_) => Some(json!({})),
        _ if field.go.omit_empty => None,
        Shape::String => Some(json!("")),
        Shape::Int32 | Shape::Int64 => Some(json!(0)),
        Shape::Bool => Some(json!(false)),
        _ => None,
    }
}

fn facts(schema: &mut Map<String, Value>, field: &Field) {
    if !field.enum_values.is_empty() {
        let values = json!(field.enum_values);
        match schema.get_mut("items") {
            Some(items) => items["enum"] = values,
            None => drop(schema.insert("enum".into(), values)),
        }
    }
    let list = match field.list_type {
        Some(ListType::Atomic) => "atomic",
        Some(ListType::Set) => "set",
        Some(ListType::Map) => "map",
        None => "",
    };
    let strategy = match field.merge {
        Merge::Default => "",
        Merge::Merge => "merge",
        Merge::Replace => "replace",
        Merge::RetainKeys => "retainKeys",
        Merge::MergeRetainKeys => "merge,retainKeys",
    };
    let map = if field.atomic { "atomic" } else { "" };
    for (key, word) in [
        ("list-type", list),
        ("patch-strategy", strategy),
        ("patch-merge-key", field.merge_key.unwrap_or_default()),
        ("map-type", map),
    ] {
        if !word.is_empty() {
            schema.insert(format!("x-kubernetes-{key}"), word.into());
        }
    }
    if !field.list_map_keys.is_empty() {
        schema.insert("x-kubernetes-list-map-keys".into(), json!(field.list_map_keys));
    }
}

/// Adds the values there are to what is said of a field, as servers do; of a list's items they say nothing.
fn tell_values(schema: &mut Map<String, Value>, field: &Field) {
    if field.enum_values.is_empty() || schema.contains_key("items") {
        return;
    }
    let mut values = field.enum_values.clone();
    values.sort_unstable();
    let list: String = values.iter().map(|value| format!("\n - `{}`", Value::from(*value))).collect();
    let said = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let said = format!("{said}\n\nPossible enum values:{list}");
    schema.insert("description".into(), said.trim_start().into());
}

fn kinds(of: Type) -> Vec<Value> {
    let mut kinds: Vec<(&str, &str, &str)> = schema::kinds()
        .filter(|(.., kind_of)| *kind_of == of)
        .map(|(api_version, kind, _)| {
            let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
            (group, version, kind)
        })
        .collect();
    kinds.sort_unstable();
    kinds
        .into_iter()
        .map(|(group, version, kind)| json!({ "group": group, "version": version, "kind": kind }))
        .collect()
}
