//! `can`: somebody may do something, as the cluster's own access review says.
//! Also who, what and where, which `cannot` shares.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Statement;
use crate::scenario::form::schema_of_form;
use crate::scenario::inspect::Inspect;
use crate::scenario::known;
use crate::scenario::nearest::nearest;

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
        self.0.inspect(inspect);
        for part in self.0.user.strip_prefix("system:serviceaccount:").unwrap_or(&self.0.user).split(':') {
            inspect.name(&["as"], part);
        }
        for group in self.0.groups.iter().filter(|group| !group.starts_with("system:")) {
            inspect.name(&["groups"], group);
        }
        for (key, name) in [("namespace", &self.0.namespace), ("name", &self.0.name)] {
            if let Some(name) = name {
                inspect.name(&[key], name);
            }
        }
    }
}

impl Access {
    /// Tells which words of it Kubernetes does not know.
    pub(super) fn inspect(&self, inspect: &mut Inspect<'_>) {
        if !known::VERBS.contains(&self.verb.as_str()) {
            let near =
                nearest(&self.verb, known::VERBS.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
            let message = format!("Kubernetes knows no verb `{}`{}", self.verb, near.unwrap_or_default());
            inspect.error(&["verb"], "bad-value", message);
        }
        let ResourceName { resource, group, .. } = &self.resource;
        if let (Err(near), false) = (known::resource(group, resource), known::is_virtual(&self.verb)) {
            let place = if group.is_empty() { "the core group".to_owned() } else { format!("the group {group}") };
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            let message = format!("there is no resource `{resource}` in {place}{near}");
            inspect.error(&["resource"], "unknown-resource", message);
        }
    }
}
