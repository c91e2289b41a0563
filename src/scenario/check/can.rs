//! `can`: somebody may do something, as the cluster's own access review says.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Statement;
use crate::scenario::json_schema::schema_of_form;
use crate::scenario::lint::inspect::Inspect;

/// Somebody may do something.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Can(pub Access);

/// Who, what, and where.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// The user, such as `jane` or `system:serviceaccount:shop:deployer`.
    #[serde(rename = "as")]
    pub user: String,
    /// The user's groups. A ServiceAccount's own groups need not be given.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Such as `create`, `get`, `list`; `*` for all.
    pub verb: String,
    /// The resource with its group, such as `pods`, `deployments.apps`, `pods/log` or `deployments.apps/scale`.
    pub resource: ResourceName,
    /// The namespace; leave it out to ask about the whole cluster.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The name of one object; leave it out to ask about all.
    #[serde(default)]
    pub name: Option<String>,
}

/// A resource by its plural name, with its group and subresource.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct ResourceName {
    /// Such as `deployments`.
    pub resource: String,
    /// Such as `apps`; empty for the core group.
    pub group: String,
    /// Such as `scale`; empty for the resource itself.
    pub subresource: String,
}

schema_of_form!(ResourceName, String);

impl TryFrom<String> for ResourceName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (named, subresource) = text.split_once('/').unwrap_or((&text, ""));
        let (resource, group) = named.split_once('.').unwrap_or((named, ""));
        let plain =
            |part: &str| part.chars().all(|letter| letter.is_ascii_lowercase() || "-.*0123456789".contains(letter));
        if resource.is_empty() || ![resource, group, subresource].into_iter().all(plain) {
            return Err(format!("`{text}` is not a resource such as pods, deployments.apps or pods/log"));
        }
        Ok(Self { resource: resource.to_owned(), group: group.to_owned(), subresource: subresource.to_owned() })
    }
}

impl std::fmt::Display for ResourceName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.resource)?;
        if !self.group.is_empty() {
            write!(formatter, ".{}", self.group)?;
        }
        if !self.subresource.is_empty() {
            write!(formatter, "/{}", self.subresource)?;
        }
        Ok(())
    }
}

impl Statement for Can {
    fn inspect(&self, inspect: &mut Inspect<'_>) {
        inspect.access(&self.0);
    }
}
