//! The rules in CEL of a CustomResourceDefinition's schema: that they read, name what there is, and ask for fields the schema has.
//! Which types operators take, and what a rule costs, is not looked at. What rules say of objects is `registry::custom`'s.
//! Source: `k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go` and `pkg/apiserver/schema/cel/compilation.go`.

use serde_json::Value;

use super::admission_rules::faults;
use super::at::At;
use crate::expr::{Step, line_and_column, pointed_at, undefined};
use crate::sim::apiserver::field::{ErrorList, ErrorType, FieldError};

const REASONS: [&str; 4] = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
/// A rule's fields as the server's own type names them.
const FIELDS: [(&str, &str); 6] = [
    ("Rule", "rule"),
    ("Message", "message"),
    ("MessageExpression", "messageExpression"),
    ("Reason", "reason"),
    ("FieldPath", "fieldPath"),
    ("OptionalOldSelf", "optionalOldSelf"),
];

/// Checks what rules say besides their expressions, in a schema and below it.
pub fn words(schema: At<'_, '_>, errors: &mut ErrorList) {
    below(schema, &mut |schema| {
        for rule in schema.key("x-kubernetes-validations").items() {
            let (text, message) = (rule.key("rule"), rule.key("message"));
            if text.text().trim().is_empty() {
                text.required_because("rule is not specified", errors);
            } else if !message.is_empty() && message.text().trim().is_empty() {
                message.invalid("must be non-empty if specified", errors);
            } else if message.text().trim().contains('\n') {
                message.invalid("must not contain line breaks", errors);
            } else if text.text().trim().contains('\n') && message.is_empty() {
                message.required_because("message must be specified if rule contains line breaks", errors);
            }
            rule.key("reason").one_of_if_set(&REASONS, errors);
        }
    });
}

/// Checks the expressions of rules in a schema that is sound otherwise.
pub fn expressions(schema: At<'_, '_>, errors: &mut ErrorList) {
    let root = schema.value();
    below(schema, &mut |schema| {
        for rule in schema.key("x-kubernetes-validations").items() {
            for (key, before) in [("rule", ""), ("messageExpression", "messageExpression ")] {
                let expression = rule.key(key);
                for why in wrong(expression.text(), Of { schema: schema.value(), root }) {
                    let message = format!("Invalid value: {}: {before}compilation failed: {why}", shown(rule.value()));
                    errors.0.push(FieldError { kind: ErrorType::Invalid, field: expression.path(), message });
                }
            }
        }
    });
}

/// Calls for a schema and every one below it that objects have values of.
fn below(schema: At<'_, '_>, each: &mut dyn FnMut(At<'_, '_>)) {
    each(schema);
    for key in ["items", "additionalProperties"] {
        if schema.key(key).value().is_object() {
            below(schema.key(key), each);
        }
    }
    schema.key("properties").entries().for_each(|(_, property)| below(property, each));
}

/// A rule as Go writes it, in whose JSON some signs are escaped.
fn shown(rule: &Value) -> String {
    let value = |key: &str| match (rule.get(key), key) {
        (Some(value), _) => value.to_string(),
        (None, "reason" | "optionalOldSelf") => "null".to_owned(),
        (None, _) => "\"\"".to_owned(),
    };
    let fields: Vec<String> = FIELDS.iter().map(|(name, key)| format!("\"{name}\":{}", value(key))).collect();
    let whole = format!("{{{}}}", fields.join(","));
    whole.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// A schema, and the one it is part of.
#[derive(Clone, Copy)]
struct Of<'s> {
    schema: &'s Value,
    root: &'s Value,
}

/// Why an expression about values of this schema does not compile.
fn wrong(text: &str, of: Of<'_>) -> Vec<String> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let found = faults(text, &["self", "oldSelf"]);
    if !found.is_empty() {
        return found;
    }
    let undefined = ["self", "oldSelf"].iter().filter_map(|name| undefined(text, name, of, Of::step)).min();
    undefined.map(|(place, why)| pointed_at(text, line_and_column(text, place), &why)).into_iter().collect()
}

impl<'s> Of<'s> {
    fn step(self, field: &str) -> Step<Self> {
        let schema = self.schema;
        let free = schema["x-kubernetes-int-or-string"] == true;
        let plain = match schema["type"].as_str().unwrap_or_default() {
            _ if free => return Step::Open,
            "object" => return self.property(field),
            "string" if !schema["format"].is_string() => "string",
            "integer" => "int",
            "number" => "double",
            "boolean" => "bool",
            _ => return Step::Open,
        };
        Step::Wrong(format!("type '{plain}' does not support field selection"))
    }

    fn property(self, field: &str) -> Step<Self> {
        let (schema, root) = (self.schema, self.root);
        let of_object = std::ptr::eq(schema, root) || schema["x-kubernetes-embedded-resource"] == true;
        // Names that are no words of CEL are written in another way.
        if field.contains("__") || of_object && matches!(field, "apiVersion" | "kind" | "metadata") {
            return Step::Open;
        }
        match (schema["properties"].get(field), &schema["additionalProperties"]) {
            (Some(schema), _) | (None, schema @ Value::Object(_)) => Step::Into(Self { schema, root }),
            (None, Value::Bool(true)) => Step::Open,
            _ => Step::Wrong(format!("undefined field '{field}'")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(rule: Value) -> String {
        let schema = json!({ "type": "object", "properties": { "spec": {
            "type": "object",
            "properties": {
                "x": { "type": "integer" },
                "names": { "type": "array", "items": { "type": "string" } },
                "labels": { "type": "object", "additionalProperties": { "type": "string" } },
                "port": { "x-kubernetes-int-or-string": true },
            },
            "x-kubernetes-validations": [rule],
        } } });
        let mut errors = ErrorList::default();
        words(At::root(&schema), &mut errors);
        if errors.is_empty() {
            expressions(At::root(&schema), &mut errors);
        }
        errors.sentence()
    }

    #[test]
    fn rules_ask_for_fields_of_the_schema_only() {
        for sound in [
            "self.x > 1 && self.names.all(n, n != 'self.z')",
            "has(self.labels.any) || self.labels['a'] == 'b'",
            "self.x >= oldSelf.x && self.port.nope == 1",
        ] {
            assert_eq!(said(json!({ "rule": sound })), "[]", "{sound}");
        }
        assert_eq!(
            said(json!({ "rule": "self.x > 0 && self.z == 100" })),
            "properties[spec].x-kubernetes-validations[0].rule: Invalid value: \
             {\"Rule\":\"self.x \\u003e 0 \\u0026\\u0026 self.z == 100\",\"Message\":\"\",\"MessageExpression\":\"\",\"Reason\":null,\"FieldPath\":\"\",\"OptionalOldSelf\":null}: \
             compilation failed: ERROR: <input>:1:19: undefined field 'z'\n | self.x > 0 && self.z == 100\n | ..................^"
        );
        for (rule, why) in [
            ("has(self.z)", "compilation failed: ERROR: <input>:1:4: undefined field 'z'"),
            ("oldSelf.z == 1", "<input>:1:8: undefined field 'z'"),
            ("self.x.y == 1", "<input>:1:7: type 'int' does not support field selection"),
            ("foo == 1", "<input>:1:1: undeclared reference to 'foo' (in container '')"),
            ("self = 42", "Syntax error"),
        ] {
            assert!(said(json!({ "rule": rule })).contains(why), "{}", said(json!({ "rule": rule })));
        }
    }

    #[test]
    fn rules_say_what_they_have_to() {
        let rule = "properties[spec].x-kubernetes-validations[0]";
        assert_eq!(said(json!({ "rule": " " })), format!("{rule}.rule: Required value: rule is not specified"));
        let lines = said(json!({ "rule": "self.x == 1 ||\n self.x == 2" }));
        assert_eq!(
            lines,
            format!("{rule}.message: Required value: message must be specified if rule contains line breaks")
        );
        assert!(said(json!({ "rule": "true", "reason": "Nope" })).contains("Unsupported value: \"Nope\""));
        let message = said(json!({ "rule": "true", "messageExpression": "self.z" }));
        assert!(message.contains("messageExpression compilation failed: ERROR: <input>:1:5: undefined field 'z'"));
    }
}
