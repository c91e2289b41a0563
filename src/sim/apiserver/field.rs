//! Errors about fields, in the words validation uses.
//! Source: `k8s.io/apimachinery/pkg/util/validation/field/errors.go`.

use serde_json::{Value, json};

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    Required,
    Invalid,
    NotSupported,
    Forbidden,
    Duplicate,
    NotFound,
    TooLong,
    TooMany,
    TypeInvalid,
}

impl ErrorType {
    fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::Duplicate => "FieldValueDuplicate",
            Self::NotFound => "FieldValueNotFound",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::TypeInvalid => "FieldValueTypeInvalid",
        }
    }
}

/// One error of one field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    pub kind: ErrorType,
    pub field: String,
    pub message: String,
}

/// All errors of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorList(pub Vec<FieldError>);

/// A value as messages show it: strings quoted, the rest as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}

impl ErrorList {
    fn push(&mut self, kind: ErrorType, field: impl Into<String>, message: String) {
        self.0.push(FieldError { kind, field: field.into(), message });
    }

    /// `field: Required value: detail`.
    pub fn required(&mut self, field: impl Into<String>, detail: &str) {
        let message = if detail.is_empty() { "Required value".to_owned() } else { format!("Required value: {detail}") };
        self.push(ErrorType::Required, field, message);
    }

    /// `field: Invalid value: "x": detail`.
    pub fn invalid(&mut self, field: impl Into<String>, value: impl Into<Value>, detail: impl AsRef<str>) {
        let value = shown(&value.into());
        let detail = detail.as_ref();
        let message = if detail.is_empty() {
            format!("Invalid value: {value}")
        } else {
            format!("Invalid value: {value}: {detail}")
        };
        self.push(ErrorType::Invalid, field, message);
    }

    /// `field: Invalid value: detail`, where the value is not shown.
    pub fn invalid_because(&mut self, field: &str, detail: &str) {
        self.push(ErrorType::Invalid, field, format!("Invalid value: {detail}"));
    }

    /// `field: Invalid value: …: field is immutable`.
    pub fn immutable(&mut self, field: impl Into<String>, value: impl Into<Value>) {
        self.invalid(field, value, "field is immutable");
    }

    /// `field: Unsupported value: "x": supported values: "A", "B"`, in the order given.
    pub fn not_supported(&mut self, field: impl Into<String>, value: impl Into<Value>, supported: &[&str]) {
        let names: Vec<String> = supported.iter().map(|name| format!("{name:?}")).collect();
        let value = shown(&value.into());
        let message = format!("Unsupported value: {value}: supported values: {}", names.join(", "));
        self.push(ErrorType::NotSupported, field, message);
    }

    /// `field: Forbidden: detail`.
    pub fn forbidden(&mut self, field: impl Into<String>, detail: impl AsRef<str>) {
        self.push(ErrorType::Forbidden, field, format!("Forbidden: {}", detail.as_ref()));
    }

    /// `field: Duplicate value: "x"`.
    pub fn duplicate(&mut self, field: impl Into<String>, value: impl Into<Value>) {
        let message = format!("Duplicate value: {}", shown(&value.into()));
        self.push(ErrorType::Duplicate, field, message);
    }

    /// `field: Not found: "x"`.
    pub fn not_found(&mut self, field: impl Into<String>, value: impl Into<Value>) {
        let message = format!("Not found: {}", shown(&value.into()));
        self.push(ErrorType::NotFound, field, message);
    }

    /// `field: Not found: "x": detail`.
    pub fn not_found_because(&mut self, field: impl Into<String>, value: impl Into<Value>, detail: &str) {
        let message = format!("Not found: {}: {detail}", shown(&value.into()));
        self.push(ErrorType::NotFound, field, message);
    }

    /// `field: Duplicate value: "x": detail`.
    pub fn duplicate_because(&mut self, field: impl Into<String>, value: impl Into<Value>, detail: &str) {
        let message = format!("Duplicate value: {}: {detail}", shown(&value.into()));
        self.push(ErrorType::Duplicate, field, message);
    }

    /// `field: Too long: may not be more than N bytes`.
    pub fn too_long(&mut self, field: impl Into<String>, limit: usize) {
        self.push(ErrorType::TooLong, field, format!("Too long: may not be more than {limit} bytes"));
    }

    /// `field: Invalid value: "x": detail`, of a value of the wrong type.
    pub fn type_invalid(&mut self, field: impl Into<String>, value: impl Into<Value>, detail: &str) {
        let value = shown(&value.into());
        self.push(ErrorType::TypeInvalid, field, format!("Invalid value: {value}: {detail}"));
    }

    /// `field: Too many: N: must have at most M items`.
    pub fn too_many(&mut self, field: impl Into<String>, count: usize, most: usize) {
        self.push(ErrorType::TooMany, field, format!("Too many: {count}: must have at most {most} items"));
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what another found.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// All in one sentence, as the message of the Status has them.
    pub fn sentence(&self) -> String {
        let mut each: Vec<String> = Vec::new();
        for error in &self.0 {
            let said = format!("{}: {}", error.field, error.message);
            if !each.contains(&said) {
                each.push(said);
            }
        }
        if each.len() == 1 { each.remove(0) } else { format!("[{}]", each.join(", ")) }
    }

    /// The causes of the Status.
    pub fn causes(&self) -> Value {
        self.0
            .iter()
            .map(|error| json!({ "reason": error.kind.reason(), "message": error.message, "field": error.field }))
            .collect()
    }
}
