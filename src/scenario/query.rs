//! Which objects a check or a step means: one by name, or those with some labels.
//! Asking a cluster for them is grading's and the lab's.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::form::schema_of_form;

/// One object by its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Target {
    /// Such as `v1` or `apps/v1`.
    pub api_version: String,
    /// Such as `Deployment`.
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// The object's namespace; leave it out for kinds that have none, or for `default`.
    #[serde(default)]
    pub namespace: Option<String>,
}

/// Objects of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "QueryForm")]
pub struct Query {
    /// Such as `v1` or `apps/v1`.
    pub api_version: String,
    /// Such as `Deployment`.
    pub kind: String,
    /// The namespace; `None` for kinds that have none, for `default` by name, for all namespaces otherwise.
    pub namespace: Option<String>,
    /// Which of them.
    pub which: Which,
}

/// Which objects of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one with this name.
    Name(String),
    /// All that have these labels; all, where there are none.
    Labels(BTreeMap<String, String>),
}

/// Objects of a kind: the one called `name`, or all with `labels`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename = "Query", deny_unknown_fields, rename_all = "camelCase")]
struct QueryForm {
    /// Such as `v1` or `apps/v1`.
    api_version: String,
    /// Such as `Deployment`.
    kind: String,
    /// The namespace; leave it out for kinds that have none, or to look in all with `labels`.
    #[serde(default)]
    namespace: Option<String>,
    /// The name of the one object that is meant.
    #[serde(default)]
    name: Option<String>,
    /// Labels that every object meant has.
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

schema_of_form!(Query, QueryForm);

impl TryFrom<QueryForm> for Query {
    type Error = &'static str;

    fn try_from(form: QueryForm) -> Result<Self, &'static str> {
        let which = match (form.name, form.labels) {
            (Some(name), None) => Which::Name(name),
            (None, labels) => Which::Labels(labels.unwrap_or_default()),
            (Some(_), Some(_)) => return Err("give a name or labels, not both"),
        };
        Ok(Self { api_version: form.api_version, kind: form.kind, namespace: form.namespace, which })
    }
}

/// An object of which only some fields are given: the kind and the name always, the rest as far as it matters.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "serde_json::Value")]
pub struct Partial {
    /// The fields as they are written.
    pub fields: serde_json::Value,
    /// Which object they are expected of.
    pub target: Target,
}

impl TryFrom<serde_json::Value> for Partial {
    type Error = String;

    fn try_from(fields: serde_json::Value) -> Result<Self, String> {
        let text = |pointer: &str| fields.pointer(pointer).and_then(|value| value.as_str()).map(str::to_owned);
        let needed = |pointer: &str, name: &str| text(pointer).ok_or(format!("an object needs `{name}` here, as text"));
        let target = Target {
            api_version: needed("/apiVersion", "apiVersion")?,
            kind: needed("/kind", "kind")?,
            name: needed("/metadata/name", "metadata.name")?,
            namespace: text("/metadata/namespace"),
        };
        Ok(Self { fields, target })
    }
}

/// An object of which only some fields are given.
#[derive(JsonSchema)]
#[schemars(rename = "Partial", rename_all = "camelCase")]
#[allow(dead_code, reason = "only its schema is used")]
struct PartialForm {
    /// Such as `v1` or `apps/v1`.
    api_version: String,
    /// Such as `Deployment`.
    kind: String,
    metadata: PartialMetadata,
}

/// What is expected of the object's metadata.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is used")]
struct PartialMetadata {
    /// The object's name.
    name: String,
    /// The object's namespace.
    namespace: Option<String>,
}

schema_of_form!(Partial, PartialForm);
