//! The older document, `/openapi/v2`, as kubectl reads it: in protobuf (`google/gnostic/openapiv2/OpenAPIv2.proto`).
//! kubectl comes here for kinds without a PATCH, and looks whether Namespaces take a query's parameter before it asks which
//! custom resources there are (`k8s.io/cli-runtime/pkg/resource/query_param_verifier.go`).

use super::components;
use crate::sim::apiserver::registry::Resource;
use serde_json::Value;

/// Where a schema, or an operation, says what kind it is of.
const KINDS: &str = "x-kubernetes-group-version-kind";

/// The document: how a Namespace is patched, and every type. `kubectl explain --output=plaintext-openapiv2` prints from these.
pub fn protobuf(resources: &[&Resource]) -> Vec<u8> {
    let info = [text(1, "Kubernetes"), text(2, "v1.35.4")].concat();
    let paths = field(2, &[text(1, "/api/v1/namespaces/{name}"), field(2, &field(8, &patch()))].concat());
    let definitions = named(&components::of(resources));
    [text(1, "2.0"), field(2, &info), field(8, &paths), field(9, &definitions)].concat()
}

/// Schemas by their names: all definitions, or the properties of one.
fn named(schemas: &Value) -> Vec<u8> {
    let each = schemas.as_object().into_iter().flatten();
    each.flat_map(|(name, of)| field(1, &[text(1, name), field(2, &schema(of))].concat())).collect()
}

/// What clients read of a schema. A reference with words of its own has them beside it here, and not in an `allOf`.
fn schema(of: &Value) -> Vec<u8> {
    let mut made = Vec::new();
    let mut put = |number: usize, content: &[u8]| made.extend(field(number, content));
    let word = |key: &str| of[key].as_str();
    if let Some(name) = word("$ref").or_else(|| of.pointer("/allOf/0/$ref")?.as_str()) {
        put(1, name.replace(components::PREFIX, "#/definitions/").as_bytes());
    }
    for (number, key) in [(2, "format"), (4, "description")] {
        if let Some(said) = word(key) {
            put(number, said.as_bytes());
        }
    }
    for name in of["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        put(19, name.as_bytes());
    }
    if of["additionalProperties"].is_object() {
        put(21, &field(1, &schema(&of["additionalProperties"])));
    }
    // What may be of several types is a text to the older document; a list of nobody knows what, anything.
    let several =
        || of["oneOf"].as_array()?.iter().filter_map(|one| one["type"].as_str()).find(|kind| *kind == "string");
    if let Some(kind) = word("type").or_else(several).filter(|kind| *kind != "array" || of["items"].is_object()) {
        put(22, &text(1, kind));
    }
    if of["items"].is_object() {
        put(23, &field(1, &schema(&of["items"])));
    }
    if of["properties"].as_object().is_some_and(|fields| !fields.is_empty()) {
        put(25, &named(&of["properties"]));
    }
    if !of[KINDS].is_null() {
        put(31, &[text(1, KINDS), field(2, &text(2, &of[KINDS].to_string()))].concat());
    }
    made
}

/// The operation: its parameters and the kind it is about.
fn patch() -> Vec<u8> {
    let parameter = |name: &str| field(8, &field(1, &field(2, &field(3, &text(4, name)))));
    let kind = text(2, "group: \"\"\nkind: Namespace\nversion: v1\n");
    let about = [text(1, KINDS), field(2, &kind)].concat();
    [parameter("dryRun"), parameter("fieldValidation"), field(13, &about)].concat()
}

fn text(number: usize, content: &str) -> Vec<u8> {
    field(number, content.as_bytes())
}

/// A field that has a length.
fn field(number: usize, content: &[u8]) -> Vec<u8> {
    let mut made = Vec::with_capacity(content.len() + 8);
    varint(&mut made, (number << 3) | 2);
    varint(&mut made, content.len());
    made.extend_from_slice(content);
    made
}

/// A number goes out in parts of seven bits, the lowest first.
fn varint(made: &mut Vec<u8>, mut number: usize) {
    while number > 127 {
        made.push(128 | (number % 128) as u8);
        number /= 128;
    }
    made.push(number as u8);
}
