//! `patch`: an object changes.
//! How patches work stands in `object::patch`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::scenario::query::Target;

/// Changes an object.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Patch {
    /// Such as `v1` or `apps/v1`.
    pub api_version: String,
    /// Such as `Deployment`.
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// The object's namespace; leave it out for kinds that have none, or for `default`.
    #[serde(default)]
    pub namespace: Option<String>,
    /// How the change is written.
    #[serde(default, rename = "type")]
    pub patch_type: PatchType,
    /// The change.
    pub patch: Value,
}

/// How a change is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PatchType {
    /// Merged field by field; lists by their merge key. As `kubectl patch` does.
    #[default]
    Strategic,
    /// Merged field by field; lists as a whole (RFC 7396).
    Merge,
    /// A list of operations (RFC 6902).
    Json,
}

impl Patch {
    /// The object that changes.
    pub fn target(&self) -> Target {
        Target {
            api_version: self.api_version.clone(),
            kind: self.kind.clone(),
            name: self.name.clone(),
            namespace: self.namespace.clone(),
        }
    }
}
