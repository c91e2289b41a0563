//! What is asked of the authorizer, and the words in which it is refused.
//! How it is decided stands in `rbac.rs`. Source: `k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go`.

use serde_json::Value;

use super::User;
use crate::sim::apiserver::status::Status;

/// Who wants to do what to what.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// Who.
    pub user: &'a User,
    /// What: `get`, `list`, `create`, … or, of a path, the HTTP method in lower case.
    pub verb: &'a str,
    /// To what.
    pub target: Target<'a>,
}

/// What a request is about.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// Objects.
    Resource(ResourceAttributes<'a>),
    /// Something else that is served, such as `/metrics`.
    Path(&'a str),
}

/// Which objects; empty where a part does not apply.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResourceAttributes<'a> {
    /// API group; empty for the core group.
    pub group: &'a str,
    /// API version; RBAC does not look at it.
    pub version: &'a str,
    /// Plural.
    pub resource: &'a str,
    /// Such as `log` or `scale`.
    pub subresource: &'a str,
    /// Empty at the cluster's scope and over all namespaces.
    pub namespace: &'a str,
    /// Empty for lists and most creations.
    pub name: &'a str,
}

impl<'a> Attributes<'a> {
    /// What the `spec` of an access review asks, of `user`; `None` when it names neither objects nor a path.
    pub fn of_review(user: &'a User, spec: &'a Value) -> Option<Self> {
        let text = |value: &'a Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        if let Some(asked) = spec.get("resourceAttributes").filter(|asked| asked.is_object()) {
            let target = Target::Resource(ResourceAttributes {
                group: text(asked, "group"),
                version: text(asked, "version"),
                resource: text(asked, "resource"),
                subresource: text(asked, "subresource"),
                namespace: text(asked, "namespace"),
                name: text(asked, "name"),
            });
            return Some(Self { user, verb: text(asked, "verb"), target });
        }
        let asked = spec.get("nonResourceAttributes").filter(|asked| asked.is_object())?;
        Some(Self { user, verb: text(asked, "verb"), target: Target::Path(text(asked, "path")) })
    }

    /// 403; `reason` is the authorizer's, often empty.
    pub fn forbidden(&self, reason: &str) -> Status {
        let mut why = harmless(&self.complaint());
        if !reason.is_empty() {
            why = format!("{why}: {reason}");
        }
        match self.target {
            Target::Path(_) => Status::forbidden_message(format!("forbidden: {why}")),
            Target::Resource(asked) => Status::forbidden(asked.group, asked.resource, asked.name, &why),
        }
    }

    fn complaint(&self) -> String {
        let (user, verb) = (&self.user.name, self.verb);
        match self.target {
            Target::Path(path) => format!("User {user:?} cannot {verb} path {path:?}"),
            Target::Resource(asked) => {
                let slash = if asked.subresource.is_empty() { "" } else { "/" };
                let resource = format!("{}{slash}{}", asked.resource, asked.subresource);
                let place = match asked.namespace {
                    "" => "at the cluster scope".to_owned(),
                    namespace => format!("in the namespace {namespace:?}"),
                };
                format!("User {user:?} cannot {verb} resource {resource:?} in API group {:?} {place}", asked.group)
            }
        }
    }
}

/// The text with nothing in it that a browser would take for HTML.
fn harmless(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_in_the_servers_words() {
        let jane = User::new("jane", &[]);
        let logs = ResourceAttributes {
            resource: "pods",
            subresource: "log",
            namespace: "x",
            name: "y",
            ..ResourceAttributes::default()
        };
        let get = |target| Attributes { user: &jane, verb: "get", target }.forbidden("").to_value();
        let refused = get(Target::Resource(logs));
        let said =
            r#"pods "y" is forbidden: User "jane" cannot get resource "pods/log" in API group "" in the namespace "x""#;
        assert_eq!(refused["message"], said);
        assert_eq!(refused["details"], serde_json::json!({"name": "y", "kind": "pods"}));
        let refused = get(Target::Path("/metrics"));
        assert_eq!(refused["message"], r#"forbidden: User "jane" cannot get path "/metrics""#);
        assert_eq!(refused["details"], serde_json::json!({}));
        let nodes = ResourceAttributes { resource: "nodes", ..ResourceAttributes::default() };
        let listing = Attributes { user: &jane, verb: "list", target: Target::Resource(nodes) };
        let said = r#"nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope: RBAC: no"#;
        assert_eq!(listing.forbidden("RBAC: no").message, said);
    }
}
