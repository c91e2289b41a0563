//! The schema of a CustomResourceDefinition: that it is structural and says nothing a server cannot keep.
//! Source: `k8s.io/apiextensions-apiserver/pkg/apiserver/schema/validation.go` and `pkg/apis/apiextensions/validation/validation.go`.

use serde_json::Value;

use super::at::At;
use super::crd_rules;
use super::filling::is_zero;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
/// What may stand at the root of a schema whose status is written apart.
const AT_ROOT: &str = "[\"Description\",\"Type\",\"Format\",\"Title\",\"Maximum\",\"ExclusiveMaximum\",\"Minimum\",\"ExclusiveMinimum\",\"MaxLength\",\"MinLength\",\"Pattern\",\"MaxItems\",\"MinItems\",\"UniqueItems\",\"MultipleOf\",\"Required\",\"Items\",\"Properties\",\"ExternalDocs\",\"Example\",\"XPreserveUnknownFields\",\"XValidations\"]";
const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
const EMBEDDED: &str = "x-kubernetes-embedded-resource";
const INT_OR_STRING: &str = "x-kubernetes-int-or-string";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// Checks the schema of a version; `status` tells whether status is written apart.
pub fn validate(schema: At<'_, '_>, status: bool, errors: &mut ErrorList) {
    if status && schema.key("type").text() != "object" && !schema.key("type").is_empty() {
        let why =
            "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled";
        schema.key("type").invalid(why, errors);
    }
    let logic = ["allOf", "anyOf", "oneOf", "not", "additionalProperties", "enum", "default"];
    if status && logic.iter().any(|key| schema.key(key).is_set()) {
        let why =
            format!("only {AT_ROOT} fields are allowed at the root of the schema if the status subresource is enabled");
        schema.invalid(why, errors);
    }
    if schema.key("nullable").truth() {
        schema.key("nullable").forbidden("nullable cannot be true at the root", errors);
    }
    let mut structural = ErrorList::default();
    invariants(schema, Level::Root, &mut structural);
    structural.0.sort_by_key(|error| format!("{}: {}", error.field, error.message));
    let before = errors.0.len();
    errors.extend(structural);
    words(schema, errors);
    crd_rules::words(schema, errors);
    if errors.0.len() == before {
        crd_rules::expressions(schema, errors);
    }
}

/// What makes a schema structural.
fn invariants(schema: At<'_, '_>, level: Level, errors: &mut ErrorList) {
    let kind = schema.key("type");
    let items = schema.key("items");
    if kind.text() == "array" && !items.is_set() {
        items.required_because("must be specified", errors);
    }
    if items.is_set() {
        invariants(items, Level::Item, errors);
    }
    for (_, property) in schema.key("properties").entries() {
        invariants(property, Level::Field, errors);
    }
    let additional = schema.key("additionalProperties");
    if additional.is_set() && level == Level::Root {
        additional.forbidden("must not be used at the root", errors);
    }
    if additional.value().is_object() {
        invariants(additional, Level::Field, errors);
    }
    extensions(schema, errors);
    junctors(schema, schema.key(INT_OR_STRING).truth(), errors);
    typed(schema, level, errors);
    if let Some(why) = pattern(schema) {
        schema.key("pattern").invalid(why, errors);
    }
    let resource = level == Level::Root || schema.key(EMBEDDED).truth();
    let properties = schema.key("properties");
    for key in ["kind", "apiVersion"].into_iter().filter(|_| resource) {
        let property = properties.entry(key);
        if property.is_set() && property.key("type").text() != "string" {
            property.key("type").invalid_text("must be string", errors);
        }
    }
    if properties.value().get("metadata").is_some() && resource {
        metadata(properties.entry("metadata"), level, errors);
    }
}

fn typed(schema: At<'_, '_>, level: Level, errors: &mut ErrorList) {
    let kind = schema.key("type");
    let free = schema.key(INT_OR_STRING).truth() || schema.key(PRESERVE).truth();
    if schema.key(EMBEDDED).truth() && kind.text() != "object" {
        let why = "must be object if x-kubernetes-embedded-resource is true";
        if kind.is_empty() { kind.required_because(why, errors) } else { kind.invalid(why, errors) }
    } else if kind.is_empty() && !free {
        kind.required_because(
            match level {
                Level::Root => "must not be empty at the root",
                Level::Item => "must not be empty for specified array items",
                Level::Field => "must not be empty for specified object fields",
            },
            errors,
        );
    }
    if level == Level::Root && !kind.is_empty() && kind.text() != "object" {
        kind.invalid("must be object at the root", errors);
    }
}

fn extensions(schema: At<'_, '_>, errors: &mut ErrorList) {
    if schema.key(INT_OR_STRING).truth() {
        for key in [PRESERVE, EMBEDDED].into_iter().filter(|key| schema.key(key).truth()) {
            schema.key(key).invalid("must be false if x-kubernetes-int-or-string is true", errors);
        }
    }
}

/// Go's regular expressions have no look-around and no back references; what else is wrong with one is told by ours.
fn pattern(schema: At<'_, '_>) -> Option<String> {
    let error = regex::Regex::new(schema.key("pattern").text()).err()?;
    let said = error.to_string();
    let said = said.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    Some(format!("must be a valid regular expression, but isn't: error parsing regexp: {said}"))
}

/// What stands below `allOf` and its kin may only narrow what stands outside of them.
fn junctors(schema: At<'_, '_>, int_or_string: bool, errors: &mut ErrorList) {
    for list in ["anyOf", "allOf", "oneOf"] {
        let list_at = schema.key(list);
        let is_union = int_or_string && list == "anyOf" && list_at.list().len() == 2;
        for one in list_at.items().filter(|_| !is_union) {
            nested(one, errors);
        }
    }
    if schema.key("not").is_set() {
        nested(schema.key("not"), errors);
    }
}

fn nested(schema: At<'_, '_>, errors: &mut ErrorList) {
    junctors(schema, false, errors);
    if schema.key("items").is_set() {
        nested(schema.key("items"), errors);
    }
    let properties = schema.key("properties");
    properties.entries().for_each(|(_, property)| nested(property, errors));
    for (key, why) in [
        ("type", "must be empty to be structural"),
        ("additionalProperties", "must be undefined to be structural"),
        ("default", "must be undefined to be structural"),
        ("title", "must be empty to be structural"),
        ("description", "must be empty to be structural"),
        ("nullable", "must be false to be structural"),
        (PRESERVE, "must be false to be structural"),
        (EMBEDDED, "must be false to be structural"),
        (INT_OR_STRING, "must be false to be structural"),
    ] {
        if !is_zero(schema.value().get(key)) {
            schema.key(key).forbidden(why, errors);
        }
    }
    if properties.value().get("metadata").is_some() {
        properties.entry("metadata").forbidden("must not be specified in a nested context", errors);
    }
}

fn metadata(schema: At<'_, '_>, level: Level, errors: &mut ErrorList) {
    if schema.key("type").text() != "object" {
        schema.key("type").invalid_text("must be object", errors);
    }
    let properties = meta::map(schema.value(), "/properties");
    let more = properties.is_some_and(|map| map.keys().any(|key| key != "name" && key != "generateName"));
    let other =
        schema.value().as_object().is_some_and(|map| map.keys().any(|key| key != "type" && key != "properties"));
    if level == Level::Root && (more || other) {
        let why = "must not specify anything other than name and generateName, but metadata is implicitly specified";
        schema.forbidden(why, errors);
    }
}

/// What no schema may say, wherever it stands.
fn words(schema: At<'_, '_>, errors: &mut ErrorList) {
    let kind = schema.key("type");
    if !kind.is_empty() && !TYPES.contains(&kind.text()) {
        kind.one_of(&TYPES, errors);
    }
    for (key, why) in [
        ("id", "id is not supported"),
        ("additionalItems", "additionalItems is not supported"),
        ("patternProperties", "patternProperties is not supported"),
        ("definitions", "definitions is not supported"),
        ("dependencies", "dependencies is not supported"),
        ("$ref", "$ref is not supported"),
    ] {
        if !schema.key(key).is_empty() {
            schema.key(key).forbidden(why, errors);
        }
    }
    if schema.key("uniqueItems").truth() {
        let why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        schema.key("uniqueItems").forbidden(why, errors);
    }
    let additional = schema.key("additionalProperties");
    if additional.is_set() && !schema.key("properties").is_empty() && additional.value() != &Value::Bool(true) {
        additional.forbidden("additionalProperties and properties are mutual exclusive", errors);
    }
    lists(schema, errors);
    for key in ["items", "additionalProperties", "not"] {
        if schema.key(key).value().is_object() {
            words(schema.key(key), errors);
        }
    }
    schema.key("properties").entries().for_each(|(_, property)| words(property, errors));
    for key in ["allOf", "oneOf", "anyOf"] {
        schema.key(key).items().for_each(|one| words(one, errors));
    }
}

/// Lists and maps of which server-side apply is told more.
fn lists(schema: At<'_, '_>, errors: &mut ErrorList) {
    let kind = schema.key("type");
    for (key, wanted, known) in [
        ("x-kubernetes-map-type", "object", &["atomic", "granular"][..]),
        ("x-kubernetes-list-type", "array", &["atomic", "set", "map"][..]),
    ] {
        let said = schema.key(key);
        if !said.is_set() {
            continue;
        }
        if kind.text() != wanted {
            let why = format!("must be {wanted} if {key} is specified");
            if kind.is_empty() { kind.required_because(&why, errors) } else { kind.invalid(why, errors) }
        }
        said.one_of(known, errors);
    }
    let (list, keys) = (schema.key("x-kubernetes-list-type"), schema.key("x-kubernetes-list-map-keys"));
    if !keys.is_empty() && list.text() != "map" {
        let why = "must be map if x-kubernetes-list-map-keys is non-empty";
        if list.is_set() { list.invalid(why, errors) } else { list.required_because(why, errors) }
    }
    if list.text() == "map" && keys.is_empty() {
        keys.required_because("must not be empty if x-kubernetes-list-type is map", errors);
    }
}
