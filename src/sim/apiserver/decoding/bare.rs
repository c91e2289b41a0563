//! A JSON schema that came as protobuf, without the fields that only say nothing: Go leaves those out of JSON.
//! Other objects are relieved of them by their types; what is inside a schema has none.

use serde_json::Value;

/// Fields that may be anything, or that mean something when they are false.
const KEPT: [&str; 6] =
    ["default", "example", "enum", "additionalProperties", "additionalItems", "x-kubernetes-preserve-unknown-fields"];

/// Takes empty texts and what is false away, all the way down.
pub(super) fn bare(schema: &mut Value) {
    let Value::Object(fields) = schema else { return };
    let says_nothing = |value: &Value| matches!(value, Value::Bool(false)) || value.as_str() == Some("");
    fields.retain(|name, value| KEPT.contains(&name.as_str()) || !says_nothing(value));
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("properties" | "patternProperties" | "definitions" | "dependencies", Value::Object(inner)) => {
                inner.values_mut().for_each(bare);
            }
            ("allOf" | "anyOf" | "oneOf" | "items", Value::Array(inner)) => inner.iter_mut().for_each(bare),
            ("items" | "not" | "additionalProperties" | "additionalItems", value) => bare(value),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::bare;

    #[test]
    fn a_schema_loses_what_says_nothing() {
        let mut schema = json!({
            "id": "", "nullable": false, "type": "object", "additionalProperties": false, "default": "",
            "properties": { "a": { "description": "", "items": { "title": "", "type": "string", "enum": [""] } } },
        });
        bare(&mut schema);
        let a = json!({ "items": { "type": "string", "enum": [""] } });
        let left = json!({ "type": "object", "additionalProperties": false, "default": "", "properties": { "a": a } });
        assert_eq!(schema, left);
    }
}
