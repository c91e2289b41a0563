//! Keys and certificates of one cluster: its authority, what it signs, what it believes.
//! Who a certificate is to Kubernetes stands in `auth`; what is approved and when is a controller's.
//! `x509-cert` and `ring`, not `rcgen`: that one keeps only the last `O=` of a subject, which is a lost group.

mod authority;
pub mod chain;
mod embedded;
mod identity;
mod inspect;
mod key;
mod kubeconfig;
mod request;
mod signature;
mod signer;
mod usage;

pub use authority::{Authority, Issue, Issued, certificate_der};
pub use embedded::{certificate_in, embed};
pub use identity::{AlternativeNames, Purpose, Subject, Verified, verify};
pub use inspect::{Inspected, inspect, public_key_hash};
pub use key::KeyPair;
pub use kubeconfig::Kubeconfig;
pub use request::{Request, request_for, request_pem};
pub use signature::{handshake_schemes, verify_handshake};
pub use signer::{Signer, sign_request};
pub use usage::Usages;

/// Why a key, certificate or request could not be read, made or believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PkiError {
    /// The text holds no PEM block, or one of another kind.
    #[error("{0}")]
    Pem(String),
    /// The bytes are not what they should be.
    #[error("malformed {what}: {why}")]
    Malformed {
        /// What was read.
        what: &'static str,
        /// What the reader said.
        why: String,
    },
    /// A kind of key or signature that is not checked here.
    #[error("{0}")]
    Unsupported(String),
    /// A signature that does not fit.
    #[error("{0}")]
    BadSignature(String),
    /// A certificate that is not valid now or not for this use.
    #[error("{0}")]
    Unacceptable(String),
    /// No key or certificate came out.
    #[error("cannot make {what}: {why}")]
    Unmade {
        /// What was to be made.
        what: &'static str,
        /// What the maker said.
        why: String,
    },
}

impl PkiError {
    fn malformed(what: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Malformed { what, why: why.to_string() }
    }

    fn unmade(what: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Unmade { what, why: why.to_string() }
    }
}
