//! Who asks: names and groups, and those that Kubernetes itself gives.
//! How they prove it is authentication's. Source: `k8s.io/apiserver/pkg/authentication/user` and `.../serviceaccount/util.go`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Whoever proved who they are.
pub const AUTHENTICATED: &str = "system:authenticated";
/// Whoever did not.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The name of whoever did not.
pub const ANONYMOUS: &str = "system:anonymous";
/// The group that may do everything without being asked.
pub const MASTERS: &str = "system:masters";
/// The group of every ServiceAccount.
pub const SERVICE_ACCOUNTS: &str = "system:serviceaccounts";
/// Where a user's extra says which credential was used.
pub const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

const SERVICE_ACCOUNT_PREFIX: &str = "system:serviceaccount:";

/// A user as the API server knows one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The name RBAC looks at.
    pub name: String,
    /// Tells apart users of one name at different times; often empty.
    pub uid: String,
    /// Every group, those that Kubernetes adds included.
    pub groups: Vec<String>,
    /// What the credential said besides.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// A user of exactly these groups.
    pub fn new(name: impl Into<String>, groups: &[&str]) -> Self {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Self { name: name.into(), groups, ..Self::default() }
    }

    /// Whoever shows no credential.
    pub fn anonymous() -> Self {
        Self::new(ANONYMOUS, &[UNAUTHENTICATED])
    }

    /// A part of the cluster itself, which may do everything.
    pub fn privileged(name: &str) -> Self {
        Self::new(name, &[MASTERS, AUTHENTICATED])
    }

    /// A ServiceAccount with its groups, [`AUTHENTICATED`] not among them.
    pub fn service_account(namespace: &str, name: &str, uid: &str) -> Self {
        let groups = service_account_groups(namespace);
        Self { name: service_account_name(namespace, name), uid: uid.to_owned(), groups, ..Self::default() }
    }

    /// Whether the user is of that group.
    pub fn in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|own| own == group)
    }

    /// The user with [`AUTHENTICATED`], unless it is anonymous or says already which of the two it is.
    pub fn authenticated(mut self) -> Self {
        let said = self.in_group(AUTHENTICATED) || self.in_group(UNAUTHENTICATED);
        if self.name != ANONYMOUS && !said {
            self.groups.push(AUTHENTICATED.to_owned());
        }
        self
    }

    /// The user as `userInfo` of reviews shows it.
    pub fn to_value(&self) -> Value {
        let mut info = Map::new();
        let mut put = |key: &str, value: Value, empty: bool| {
            if !empty {
                info.insert(key.to_owned(), value);
            }
        };
        put("username", json!(self.name), self.name.is_empty());
        put("uid", json!(self.uid), self.uid.is_empty());
        put("groups", json!(self.groups), self.groups.is_empty());
        put("extra", json!(self.extra), self.extra.is_empty());
        Value::Object(info)
    }

    /// The user that the `spec` of a SubjectAccessReview asks about.
    pub fn of_review(spec: &Value) -> Self {
        let text = |key: &str| spec.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let extra = spec.get("extra").and_then(Value::as_object).into_iter().flatten();
        Self {
            name: text("user"),
            uid: text("uid"),
            groups: spec.get("groups").map(texts).unwrap_or_default(),
            extra: extra.map(|(key, values)| (key.to_lowercase(), texts(values))).collect(),
        }
    }
}

/// The user name of a ServiceAccount.
pub fn service_account_name(namespace: &str, name: &str) -> String {
    format!("{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}")
}

/// The groups of the ServiceAccounts of a namespace.
pub fn service_account_groups(namespace: &str) -> Vec<String> {
    vec![SERVICE_ACCOUNTS.to_owned(), format!("{SERVICE_ACCOUNTS}:{namespace}")]
}

/// Namespace and name of the ServiceAccount that a user name stands for, if it could be one.
pub fn split_service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix(SERVICE_ACCOUNT_PREFIX)?.split_once(':')?;
    let word = |text: &str, dots: bool| {
        let inner = |one: u8| one.is_ascii_lowercase() || one.is_ascii_digit();
        let bytes = text.as_bytes();
        let ends = bytes.first().is_some_and(|one| inner(*one)) && bytes.last().is_some_and(|one| inner(*one));
        ends && bytes.iter().all(|one| inner(*one) || *one == b'-' || (dots && *one == b'.'))
    };
    (word(namespace, false) && word(name, true)).then_some((namespace, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_service_accounts_are_told_from_names_like_them() {
        assert_eq!(split_service_account("system:serviceaccount:ns:app.v1"), Some(("ns", "app.v1")));
        for other in ["jane", "system:serviceaccount:ns", "system:serviceaccount:Bad:sa", "system:serviceaccount:a:b:c"]
        {
            assert_eq!(split_service_account(other), None, "{other}");
        }
    }

    #[test]
    fn everybody_else_is_authenticated_once() {
        assert_eq!(User::new("jane", &["dev"]).authenticated().authenticated().groups, ["dev", AUTHENTICATED]);
        assert_eq!(User::anonymous().authenticated(), User::anonymous());
    }
}
