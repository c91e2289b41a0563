//! One place where an object is not as expected.
//! How it is found is the walk's, how it is shown `diff`'s.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One reason why an object does not match: what was expected where, and what is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Where: `spec.template.spec.containers[web].image`. `[*]` at the end stands for an element that no list element comes near.
    pub path: String,
    /// What the author asked for; `null` when nothing should be there.
    pub expected: Value,
    /// What is there; absent when nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Value>,
}

/// One line: `spec.replicas: expected 3, found 2`.
impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let say = |value: &Value| match value {
            Value::Null => "nothing".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let found = self.found.as_ref().map_or_else(|| "nothing".to_owned(), say);
        write!(out, "{}: expected {}, found {found}", self.path, say(&self.expected))
    }
}
