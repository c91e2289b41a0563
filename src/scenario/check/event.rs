//! `event`: something was said about an object.
//! Events go after an hour on a real cluster: ask only for what the task itself makes happen.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Statement;
use crate::scenario::inspect::Inspect;

/// Something was said about an object.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// The kind of the object it is about, such as `Pod`.
    pub kind: String,
    /// The name of the object it is about.
    pub name: String,
    /// The object's namespace; leave it out for kinds that have none, or for `default`.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The event's reason, such as `FailedScheduling`.
    #[serde(default)]
    pub reason: Option<String>,
    /// `Normal` or `Warning`.
    #[serde(default, rename = "type")]
    pub kind_of_event: Option<EventType>,
    /// A part of the event's message.
    #[serde(default)]
    pub message: Option<String>,
}

/// The type of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum EventType {
    /// All is well.
    Normal,
    /// Something is not.
    Warning,
}

impl EventType {
    /// The word in the event's `type`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

impl Statement for Event {
    fn inspect(&self, inspect: &mut Inspect<'_>) {
        inspect.name(&["name"], &self.name);
        if let Some(namespace) = &self.namespace {
            inspect.name(&["namespace"], namespace);
        }
    }
}
