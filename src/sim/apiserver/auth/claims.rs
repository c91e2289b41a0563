//! Whether what a token says is still true: its time, its audience, the ServiceAccount and what the token is bound to.
//! Signatures are `token.rs`'s. Source: `pkg/serviceaccount/claims.go`, `legacy.go` and `jwt.go`.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::User;
use super::token::{ISSUER, LEGACY_ISSUER, TokenKey};
use super::user::CREDENTIAL_ID;
use crate::object::meta;

/// How far clocks may differ (`jwt.DefaultLeeway`).
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// Where tokens look up what they are of and bound to: storage.
pub trait TokenObjects {
    /// An object of a kind (`ServiceAccount`, `Pod`, `Secret`; or `Node`, without a namespace), if it is there.
    fn object(&self, kind: &str, namespace: &str, name: &str) -> Option<Arc<Value>>;

    /// Notes in a Secret that its token was used at `now`.
    fn note_use(&self, secret: &Value, now: Timestamp);
}

/// Whom a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenReviewed {
    /// The ServiceAccount as a user.
    pub user: User,
    /// The audiences asked for that the token is for.
    pub audiences: Vec<String>,
}

/// Why a token is not believed, as the `status.error` of a TokenReview says it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", if self.0.is_empty() { "invalid bearer token".to_owned() } else { format!("[invalid bearer token, {}]", self.0) })]
pub struct TokenError(pub String);

impl TokenError {
    fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// The claims of a token and what they are checked against.
struct Claims<'a> {
    said: Value,
    now: Timestamp,
    objects: &'a dyn TokenObjects,
}

/// Whom a token stands for at `now`, for one of `audiences` (the API server itself when empty).
pub fn review(
    key: &TokenKey,
    token: &str,
    audiences: &[String],
    now: Timestamp,
    objects: &dyn TokenObjects,
) -> Result<TokenReviewed, TokenError> {
    let said = key.open(token).map_err(TokenError)?;
    let claims = Claims { said, now, objects };
    let own = [ISSUER.to_owned()];
    let wanted = if audiences.is_empty() { &own } else { audiences };
    let audiences = claims.audiences(wanted)?;
    let user = if claims.text("/iss") == LEGACY_ISSUER { claims.legacy(token)? } else { claims.bound()? };
    Ok(TokenReviewed { user: user.authenticated(), audiences })
}

impl Claims<'_> {
    fn text(&self, pointer: &str) -> &str {
        self.said.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn audiences(&self, wanted: &[String]) -> Result<Vec<String>, TokenError> {
        let own = match self.said.get("aud") {
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::String(one)) => vec![one.clone()],
            _ => vec![ISSUER.to_owned()],
        };
        let both: Vec<String> = own.iter().filter(|one| wanted.contains(one)).cloned().collect();
        if !both.is_empty() {
            return Ok(both);
        }
        let (own, wanted) = (super::rule::quoted(&own), super::rule::quoted(wanted));
        Err(TokenError::new(format!("token audiences {own} is invalid for the target audiences {wanted}")))
    }

    fn check_time(&self) -> Result<(), TokenError> {
        let moment =
            |key: &str| self.said.get(key).and_then(Value::as_i64).and_then(|at| Timestamp::from_second(at).ok());
        let (early, late) = (self.now - LEEWAY, self.now + LEEWAY);
        let fault = if moment("nbf").is_some_and(|from| late < from) {
            "service account token is not valid yet"
        } else if moment("exp").is_some_and(|until| early > until) {
            "service account token has expired"
        } else if moment("iat").is_some_and(|at| late < at) {
            "service account token is issued in the future"
        } else {
            return Ok(());
        };
        Err(TokenError::new(fault))
    }

    /// A token of the TokenRequest API.
    fn bound(&self) -> Result<User, TokenError> {
        self.check_time()?;
        let namespace = self.text("/kubernetes.io/namespace");
        let (name, uid) = self.reference("serviceaccount").unwrap_or_default();
        self.check_account(namespace, name, uid, "service account")?;
        let mut user = User::service_account(namespace, name, uid);
        let mut tell = |key: &str, value: &str| {
            user.extra.insert(format!("authentication.kubernetes.io/{key}"), vec![value.to_owned()]);
        };
        if let Some((secret, uid)) = self.reference("secret") {
            self.check_bound("Secret", secret, uid)?;
        }
        if let Some((pod, uid)) = self.reference("pod") {
            self.check_bound("Pod", pod, uid)?;
            tell("pod-name", pod);
            tell("pod-uid", uid);
        }
        if let Some((node, uid)) = self.reference("node") {
            if self.reference("pod").is_none() {
                self.check_bound("Node", node, uid)?;
            }
            tell("node-name", node);
            if !uid.is_empty() {
                tell("node-uid", uid);
            }
        }
        if let Some(id) = self.said.get("jti").and_then(Value::as_str) {
            user.extra.insert(CREDENTIAL_ID.to_owned(), vec![format!("JTI={id}")]);
        }
        Ok(user)
    }

    /// A token that lies in a Secret.
    fn legacy(&self, token: &str) -> Result<User, TokenError> {
        let claim = |key: &str| {
            self.said.get(format!("kubernetes.io/serviceaccount/{key}")).and_then(Value::as_str).unwrap_or_default()
        };
        let (namespace, name) = (claim("namespace"), claim("service-account.name"));
        let secret = self.objects.object("Secret", namespace, claim("secret.name"));
        let secret = secret.filter(|secret| !meta::is_terminating(secret));
        let secret = secret.ok_or_else(|| TokenError::new("Token has been invalidated"))?;
        if decoded(meta::text(&secret, "/data/token")) != token.as_bytes() {
            return Err(TokenError::new("Token does not match server's copy"));
        }
        let uid = claim("service-account.uid");
        self.check_account(namespace, name, uid, "ServiceAccount")?;
        self.objects.note_use(&secret, self.now);
        Ok(User::service_account(namespace, name, uid))
    }

    fn reference(&self, key: &str) -> Option<(&str, &str)> {
        let found = self.said.pointer(&format!("/kubernetes.io/{key}"))?;
        let text = |key: &str| found.get(key).and_then(Value::as_str).unwrap_or_default();
        Some((text("name"), text("uid")))
    }

    fn check_account(&self, namespace: &str, name: &str, uid: &str, word: &str) -> Result<(), TokenError> {
        let found = self.objects.object("ServiceAccount", namespace, name);
        let found = found.ok_or_else(|| TokenError::new(format!("serviceaccounts {name:?} not found")))?;
        let now = meta::uid(&found);
        if now != uid {
            return Err(TokenError::new(format!("{word} UID ({now}) does not match claim ({uid})")));
        }
        if self.is_deleted(&found) {
            return Err(TokenError::new(format!("{word} {namespace}/{name} has been deleted")));
        }
        Ok(())
    }

    fn check_bound(&self, kind: &str, name: &str, uid: &str) -> Result<(), TokenError> {
        let namespace = if kind == "Node" { "" } else { self.text("/kubernetes.io/namespace") };
        let gone = || TokenError::new("service account token has been invalidated");
        let found = self.objects.object(kind, namespace, name).ok_or_else(gone)?;
        let now = meta::uid(&found);
        if now != uid {
            let word = kind.to_lowercase();
            let why = format!("{word} UID ({now}) does not match service account {word} ref claim ({uid})");
            return Err(TokenError::new(why));
        }
        if self.is_deleted(&found) { Err(gone()) } else { Ok(()) }
    }

    /// Whether an object's deletion was due more than the leeway ago.
    fn is_deleted(&self, object: &Value) -> bool {
        let at: Option<Timestamp> = meta::text(object, "/metadata/deletionTimestamp").parse().ok();
        at.is_some_and(|at| at < self.now - LEEWAY)
    }
}

fn decoded(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default()
}
