//! Who sends a request: by client certificate, by bearer token, or nobody in particular.
//! As whom they may go on stands in `impersonation.rs`.
//! Source: `k8s.io/apiserver/pkg/authentication/request/{x509,bearertoken,anonymous,union}`.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::claims::{self, TokenError, TokenObjects, TokenReviewed};
use super::token::TokenKey;
use super::user::{CREDENTIAL_ID, User};
use crate::sim::apiserver::pki::{self, PkiError, Verified};
use crate::sim::apiserver::status::Status;

/// The certificate a client showed on its connection, a request's extension. Believed by nobody yet: TLS has checked only
/// that the client holds its key. Clones share the check of the signature, so it is made once a connection.
#[derive(Clone, Debug)]
pub struct PeerCertificate(Arc<Peer>);

#[derive(Debug)]
struct Peer {
    der: Vec<u8>,
    verified: OnceLock<Result<Verified, PkiError>>,
}

impl PeerCertificate {
    /// A certificate as it came, DER.
    pub fn new(der: Vec<u8>) -> Self {
        Self(Arc::new(Peer { der, verified: OnceLock::new() }))
    }

    /// The certificate, DER.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    fn verified(&self, check: impl FnOnce(&[u8]) -> Result<Verified, PkiError>) -> Result<&Verified, PkiError> {
        self.0.verified.get_or_init(|| check(&self.0.der)).as_ref().map_err(Clone::clone)
    }
}

/// What the API server believes: an authority for certificates and a key for tokens.
#[derive(Debug)]
pub struct Authenticator {
    authority: Vec<u8>,
    /// The certificate of a further authority, DER.
    further: RwLock<Option<Vec<u8>>>,
    tokens: TokenKey,
}

impl Authenticator {
    /// Believes certificates signed by `authority` (its certificate, DER) and tokens signed by `tokens`.
    pub fn new(authority: &[u8], tokens: TokenKey) -> Self {
        Self { authority: authority.to_vec(), further: RwLock::default(), tokens }
    }

    /// From now on believes certificates signed by a further authority, too; the one before it counts no more.
    pub fn believe(&self, further: Option<Vec<u8>>) {
        *self.further.write().unwrap_or_else(PoisonError::into_inner) = further;
    }

    fn verify(&self, certificate: &[u8]) -> Result<Verified, PkiError> {
        let further = self.further.read().unwrap_or_else(PoisonError::into_inner);
        let own = pki::verify(certificate, &self.authority);
        match &*further {
            Some(further) => own.or_else(|_| pki::verify(certificate, further)),
            None => own,
        }
    }

    /// The key that signs tokens.
    pub fn tokens(&self) -> &TokenKey {
        &self.tokens
    }

    /// Who sends a request at `now`. 401 when a credential was shown and none is believed; anonymous when none was shown.
    pub fn authenticate(
        &self,
        peer: Option<&PeerCertificate>,
        headers: &HeaderMap,
        now: Timestamp,
        objects: &dyn TokenObjects,
    ) -> Result<User, Status> {
        let by_certificate = peer.map(|peer| self.by_certificate(peer, now));
        if let Some(Ok(Some(user))) = by_certificate {
            return Ok(user.authenticated());
        }
        if let Some(token) = bearer_token(headers) {
            let reviewed = self.review_token(token, &[], now, objects);
            return reviewed.map(|reviewed| reviewed.user).map_err(|_| Status::unauthorized());
        }
        match by_certificate {
            Some(Err(_)) => Err(Status::unauthorized()),
            Some(Ok(_)) | None => Ok(User::anonymous()),
        }
    }

    /// Whom a token stands for, as a TokenReview asks.
    pub fn review_token(
        &self,
        token: &str,
        audiences: &[String],
        now: Timestamp,
        objects: &dyn TokenObjects,
    ) -> Result<TokenReviewed, TokenError> {
        claims::review(&self.tokens, token, audiences, now, objects)
    }

    /// The user a certificate names; none when it has no common name.
    fn by_certificate(&self, peer: &PeerCertificate, now: Timestamp) -> Result<Option<User>, PkiError> {
        let verified = peer.verified(|certificate| self.verify(certificate))?;
        verified.check_time(now)?;
        let subject = &verified.subject;
        if subject.common_name.is_empty() {
            return Ok(None);
        }
        let print: String = Sha256::digest(peer.der()).iter().map(|byte| format!("{byte:02x}")).collect();
        let extra = [(CREDENTIAL_ID.to_owned(), vec![format!("X509SHA256={print}")])].into();
        let (name, uid, groups) = (subject.common_name.clone(), subject.uid.clone(), subject.organizations.clone());
        Ok(Some(User { name, uid, groups, extra }))
    }
}

/// The bearer token of a request, if it has one that is not empty.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?.trim();
    let (scheme, rest) = value.split_once(' ')?;
    let token = rest.split(' ').next().filter(|token| !token.is_empty())?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}
