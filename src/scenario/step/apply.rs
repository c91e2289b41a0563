//! `apply`: manifests from a file of the scenario's folder, or written in place.
//! Reading them stands in `scenario::manifest`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::scenario::form::schema_of_form;

/// Applies manifests.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "ManifestText")]
pub struct Apply {
    /// Where the manifests stand.
    pub text: ManifestText,
    /// The manifests' objects, in order; lists are taken apart. Empty until the variant is drawn.
    pub objects: Vec<Value>,
}

/// The path of a file in the scenario's folder, or the manifests themselves as YAML text of one or more documents.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ManifestText(pub String);

schema_of_form!(Apply, ManifestText);

impl From<ManifestText> for Apply {
    fn from(text: ManifestText) -> Self {
        Self { text, objects: Vec::new() }
    }
}

impl ManifestText {
    /// The path, where this is one.
    pub fn path(&self) -> Option<&str> {
        let text = self.0.trim();
        (!text.contains('\n') && !text.contains(": ")).then_some(text)
    }
}
