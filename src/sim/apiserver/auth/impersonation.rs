//! Requests on behalf of others (`kubectl --as`): what the headers ask for, whether the sender may, and who it becomes.
//! Constrained impersonation (alpha in 1.35) is off, as in a real cluster.
//! Source: `k8s.io/apiserver/pkg/endpoints/filters/impersonation/impersonation.go`.

use axum::http::HeaderMap;
use percent_encoding::percent_decode_str;

use super::user::{
    ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, service_account_groups, service_account_name, split_service_account,
};
use super::{Attributes, Policy, ResourceAttributes, Target, User};
use crate::sim::apiserver::status::Status;

const USER: &str = "impersonate-user";
const GROUP: &str = "impersonate-group";
const UID: &str = "impersonate-uid";
const EXTRA: &str = "impersonate-extra-";
const AUTHENTICATION: &str = "authentication.k8s.io";

/// One thing a request asks to be.
enum Wish {
    User(String),
    ServiceAccount { namespace: String, name: String },
    Group(String),
    Extra { key: String, value: String },
    Uid(String),
}

impl Wish {
    /// What the authorizer is asked for this wish.
    fn target(&self) -> ResourceAttributes<'_> {
        let core = |resource, namespace, name| ResourceAttributes { resource, namespace, name, ..Default::default() };
        let authentication = |resource, subresource, name| ResourceAttributes {
            group: AUTHENTICATION,
            version: "v1",
            resource,
            subresource,
            name,
            namespace: "",
        };
        match self {
            Self::User(name) => core("users", "", name),
            Self::ServiceAccount { namespace, name } => core("serviceaccounts", namespace, name),
            Self::Group(name) => core("groups", "", name),
            Self::Extra { key, value } => authentication("userextras", key, value),
            Self::Uid(uid) => authentication("uids", "", uid),
        }
    }

    /// The wish as Go prints its `ObjectReference`.
    fn print(&self) -> String {
        match self {
            Self::User(name) => format!("{{User  {name}    }}"),
            Self::ServiceAccount { namespace, name } => format!("{{ServiceAccount {namespace} {name}    }}"),
            Self::Group(name) => format!("{{Group  {name}    }}"),
            Self::Extra { key, value } => format!("{{UserExtra  {value}  {AUTHENTICATION}/v1  {key}}}"),
            Self::Uid(uid) => format!("{{UID  {uid}  {AUTHENTICATION}/v1  }}"),
        }
    }
}

/// Whether a request asks to be somebody else.
pub fn is_asked(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| [USER, GROUP, UID].contains(&name.as_str()) || name.as_str().starts_with(EXTRA))
}

/// Whom the request is from, once its impersonation headers are heeded; `None` when it has none.
/// 403 when `sender` may not, 400 when the headers ask for groups and name no user.
pub fn impersonate(headers: &HeaderMap, sender: &User, policy: &Policy) -> Result<Option<User>, Status> {
    if !is_asked(headers) {
        return Ok(None);
    }
    let wishes = wishes(headers)?;
    for wish in &wishes {
        let asked = Attributes { user: sender, verb: "impersonate", target: Target::Resource(wish.target()) };
        let decision = policy.authorize(&asked);
        if !decision.allowed {
            return Err(asked.forbidden(&decision.reason));
        }
    }
    Ok((!wishes.is_empty()).then(|| become_of(wishes)))
}

fn wishes(headers: &HeaderMap) -> Result<Vec<Wish>, Status> {
    let texts = |name: &str| -> Vec<String> {
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
    };
    let first = |name: &str| texts(name).into_iter().next().filter(|text| !text.is_empty());
    let user = first(USER).map(|user| match split_service_account(&user) {
        Some((namespace, name)) => Wish::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() },
        None => Wish::User(user),
    });
    let named = user.is_some();
    let mut wishes: Vec<Wish> = user.into_iter().collect();
    wishes.extend(texts(GROUP).into_iter().map(Wish::Group));
    for name in headers.keys() {
        let Some(key) = name.as_str().strip_prefix(EXTRA) else { continue };
        let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
        wishes.extend(texts(name.as_str()).into_iter().map(|value| Wish::Extra { key: key.clone(), value }));
    }
    wishes.extend(first(UID).map(Wish::Uid));
    if !named && !wishes.is_empty() {
        let told: Vec<String> = wishes.iter().map(Wish::print).collect();
        let why = format!("requested [{}] without impersonating a user", told.join(" "));
        return Err(Status::bad_request(why));
    }
    Ok(wishes)
}

fn become_of(wishes: Vec<Wish>) -> User {
    let mut user = User::default();
    let mut implied = Vec::new();
    for wish in wishes {
        match wish {
            Wish::User(name) => user.name = name,
            Wish::ServiceAccount { namespace, name } => {
                user.name = service_account_name(&namespace, &name);
                implied = service_account_groups(&namespace);
            }
            Wish::Group(group) => user.groups.push(group),
            Wish::Extra { key, value } => user.extra.entry(key).or_default().push(value),
            Wish::Uid(uid) => user.uid = uid,
        }
    }
    if user.groups.is_empty() {
        user.groups = implied;
    }
    if user.name == ANONYMOUS {
        if !user.in_group(UNAUTHENTICATED) {
            user.groups.push(UNAUTHENTICATED.to_owned());
        }
    } else if !user.in_group(AUTHENTICATED) && !user.in_group(UNAUTHENTICATED) {
        user.groups.push(AUTHENTICATED.to_owned());
    }
    user
}
