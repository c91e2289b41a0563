//! Tokens of ServiceAccounts: signing them, and checking a signature.
//! What a token must say to be believed stands in `claims.rs`.
//! They are ES256, not kubeadm's usual RS256: `ring` makes no RSA keys, and a real API server takes either.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jiff::{SignedDuration, Timestamp};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, UnparsedPublicKey};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::user::service_account_name;
use crate::sim::apiserver::pki::{KeyPair, PkiError};

/// Who issues tokens, and for whom by default (`--service-account-issuer`, as kubeadm sets it).
pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
/// Who issues the tokens that lie in Secrets.
pub const LEGACY_ISSUER: &str = "kubernetes/serviceaccount";

/// The key that signs tokens: `sa.key`.
#[derive(Debug)]
pub struct TokenKey {
    pair: EcdsaKeyPair,
    point: Vec<u8>,
    id: String,
}

/// What a token is to say.
#[derive(Clone, Debug, Default)]
pub struct TokenClaims<'a> {
    /// The ServiceAccount's namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its UID.
    pub uid: &'a str,
    /// Whom the token is for; [`ISSUER`] when empty.
    pub audiences: &'a [String],
    /// Kind (`Pod`, `Secret` or `Node`), name and UID of what it lives and dies with.
    pub bound: Option<(&'a str, &'a str, &'a str)>,
    /// Name and UID of the node of the Pod it is bound to.
    pub node: Option<(&'a str, &'a str)>,
}

impl TokenKey {
    /// Signs with this key from now on.
    pub fn new(key: &KeyPair) -> Result<Self, PkiError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.pkcs8(), &SystemRandom::new());
        let pair = pair.map_err(|error| PkiError::Malformed { what: "token key", why: error.to_string() })?;
        let id = BASE64URL.encode(Sha256::digest(key.public_der()));
        Ok(Self { pair, point: key.public_point().to_vec(), id })
    }

    /// A token that lasts `seconds` from `now`, and when it ends: `status` of a TokenRequest.
    /// `id` is its `jti`, a UUID.
    pub fn issue(
        &self,
        claims: &TokenClaims<'_>,
        seconds: i64,
        now: Timestamp,
        id: &str,
    ) -> Result<(String, Timestamp), PkiError> {
        let until = now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
        let mut inner = Map::from_iter([("namespace".to_owned(), json!(claims.namespace))]);
        if let Some((node, uid)) = claims.node {
            inner.insert("node".to_owned(), reference(node, uid));
        }
        if let Some((kind, name, uid)) = claims.bound {
            inner.insert(kind.to_lowercase(), reference(name, uid));
        }
        inner.insert("serviceaccount".to_owned(), reference(claims.name, claims.uid));
        let own = [ISSUER.to_owned()];
        let audiences = if claims.audiences.is_empty() { &own } else { claims.audiences };
        let payload = json!({
            "aud": audiences,
            "exp": until.as_second(),
            "iat": now.as_second(),
            "iss": ISSUER,
            "jti": id,
            "kubernetes.io": inner,
            "nbf": now.as_second(),
            "sub": service_account_name(claims.namespace, claims.name),
        });
        Ok((self.sign(&payload)?, until))
    }

    /// The token of a Secret of type `kubernetes.io/service-account-token`; it never ends.
    pub fn issue_legacy(&self, claims: &TokenClaims<'_>, secret: &str) -> Result<String, PkiError> {
        self.sign(&json!({
            "iss": LEGACY_ISSUER,
            "kubernetes.io/serviceaccount/namespace": claims.namespace,
            "kubernetes.io/serviceaccount/secret.name": secret,
            "kubernetes.io/serviceaccount/service-account.name": claims.name,
            "kubernetes.io/serviceaccount/service-account.uid": claims.uid,
            "sub": service_account_name(claims.namespace, claims.name),
        }))
    }

    fn sign(&self, payload: &Value) -> Result<String, PkiError> {
        let header = json!({ "alg": "ES256", "kid": self.id });
        let encode = |part: &Value| BASE64URL.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(payload));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = signature.map_err(|error| PkiError::Unmade { what: "a token", why: error.to_string() })?;
        Ok(format!("{signed}.{}", BASE64URL.encode(signature)))
    }

    /// What a token of ours says, its signature checked and nothing else.
    /// The error is what a TokenReview adds to `invalid bearer token`; empty where the text is no token of ours at all.
    pub(super) fn open(&self, token: &str) -> Result<Value, String> {
        let (signed, signature) = token.rsplit_once('.').ok_or_else(String::new)?;
        let (header, payload) = signed.split_once('.').ok_or_else(String::new)?;
        let (header, payload) = (part(header)?, part(payload)?);
        let issuer = payload.get("iss").and_then(Value::as_str).unwrap_or_default();
        if ![ISSUER, LEGACY_ISSUER].contains(&issuer) {
            return Err(String::new());
        }
        if header.get("kid").and_then(Value::as_str).is_some_and(|kid| kid != self.id) {
            return Err("invalid signature, no keys found".to_owned());
        }
        let broken = || "go-jose/go-jose: error in cryptographic primitive".to_owned();
        let signature = BASE64URL.decode(signature).map_err(|_| broken())?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.point);
        key.verify(signed.as_bytes(), &signature).map_err(|_| broken())?;
        Ok(payload)
    }

    /// The public keys as `/openid/v1/jwks` shows them.
    pub fn jwks(&self) -> Value {
        let half = |from: usize| BASE64URL.encode(self.point.get(from..from + 32).unwrap_or_default());
        let key = json!({
            "use": "sig",
            "kty": "EC",
            "kid": self.id,
            "crv": "P-256",
            "alg": "ES256",
            "x": half(1),
            "y": half(33),
        });
        json!({ "keys": [key] })
    }

    /// What `/.well-known/openid-configuration` says; `server` is the API server's own URL.
    pub fn openid_configuration(server: &str) -> Value {
        json!({
            "issuer": ISSUER,
            "jwks_uri": format!("{server}/openid/v1/jwks"),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
    }
}

fn reference(name: &str, uid: &str) -> Value {
    if uid.is_empty() { json!({ "name": name }) } else { json!({ "name": name, "uid": uid }) }
}

fn part(text: &str) -> Result<Value, String> {
    let bytes = BASE64URL.decode(text).map_err(|_| String::new())?;
    serde_json::from_slice(&bytes).map_err(|_| String::new())
}
