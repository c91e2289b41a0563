//! The kinds and resources Kubernetes is known to have, so that a slip in a pack is told from a custom resource.
//! The facts come from `object::schema`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::nearest::nearest;
use crate::object::schema::{self, Type};

/// What is known of a kind.
pub enum Known {
    /// Built in, with this type.
    Type(Type),
    /// No kind of Kubernetes' own groups: a slip, and perhaps what was meant.
    Unknown(Option<String>),
    /// A kind of somebody else's group.
    Custom,
}

/// Looks a kind up.
pub fn kind(api_version: &str, kind: &str) -> Known {
    if let Some(found) = schema::of(api_version, kind) {
        return Known::Type(found);
    }
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    if !is_own_group(group) {
        return Known::Custom;
    }
    let elsewhere = schema::kinds().find(|(_, name, _)| *name == kind);
    let meant = elsewhere.map(|(version, ..)| format!("`{kind}` is in apiVersion {version}"));
    let here = || {
        let names = schema::kinds().filter(|(version, ..)| *version == api_version).map(|(_, name, _)| name);
        nearest(kind, names).map(|near| format!("did you mean `{near}`?"))
    };
    Known::Unknown(meant.or_else(here))
}

/// Whether a resource exists, as far as can be known; `Err` with what was probably meant where it does not.
pub fn resource(group: &str, resource: &str) -> Result<(), Option<String>> {
    if resource == "*" || group == "*" || !is_own_group(group) {
        return Ok(());
    }
    let known = resources();
    if known.get(resource).is_some_and(|groups| groups.contains(&group)) {
        return Ok(());
    }
    let shown = |resource: &str, group: &str| {
        if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
    };
    let elsewhere = known.get(resource).and_then(|groups| groups.first()).map(|group| shown(resource, group));
    let near = || {
        let near = nearest(resource, known.keys().map(String::as_str))?;
        known.get(near)?.first().map(|group| shown(near, group))
    };
    Err(elsewhere.or_else(near))
}

/// The verbs an access review can be asked about.
pub const VERBS: &[&str] = &[
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "*",
    "bind",
    "escalate",
    "impersonate",
    "use",
    "approve",
    "sign",
];

/// Verbs that are asked about other things than resources with objects.
pub fn is_virtual(verb: &str) -> bool {
    ["impersonate", "use", "approve", "sign"].contains(&verb)
}

fn is_own_group(group: &str) -> bool {
    !group.contains('.') || group.ends_with(".k8s.io")
}

/// Plural names of all resources with the groups that have them.
fn resources() -> &'static BTreeMap<String, Vec<&'static str>> {
    static RESOURCES: OnceLock<BTreeMap<String, Vec<&'static str>>> = OnceLock::new();
    RESOURCES.get_or_init(|| {
        let mut resources: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
        for (api_version, kind, _) in schema::kinds() {
            let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
            let groups = resources.entry(plural(kind)).or_default();
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        resources
    })
}

/// How Kubernetes names a kind's resource.
fn plural(kind: &str) -> String {
    let name = kind.to_lowercase();
    match name.as_bytes() {
        _ if name == "endpoints" => name,
        [.., b's'] => name + "es",
        [start @ .., before, b'y'] if !b"aeiou".contains(before) => {
            let _ = start;
            name[..name.len() - 1].to_owned() + "ies"
        }
        _ => name + "s",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_known_by_group() {
        for (group, name) in [
            ("", "pods"),
            ("", "endpoints"),
            ("apps", "deployments"),
            ("networking.k8s.io", "networkpolicies"),
            ("networking.k8s.io", "ingresses"),
            ("storage.k8s.io", "storageclasses"),
            ("stable.example.com", "crontabs"),
            ("*", "pods"),
        ] {
            assert_eq!(resource(group, name), Ok(()), "{name}.{group}");
        }
        assert_eq!(resource("", "deployments"), Err(Some("deployments.apps".to_owned())));
        assert_eq!(resource("", "pod"), Err(Some("pods".to_owned())));
        assert_eq!(resource("", "widgets"), Err(None));
    }
}
