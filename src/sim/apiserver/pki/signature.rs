//! Checks signatures of certificates, requests and TLS handshakes against a public key.
//! RSA of 2048 bits and more, P-256, P-384 and Ed25519; what else there is (P-521, short RSA) is refused by name.

use tokio_rustls::rustls::SignatureScheme;
use tokio_rustls::rustls::crypto::{WebPkiSupportedAlgorithms, ring as provider};
use x509_cert::der::{Decode, Encode};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::{PkiError, identity};

fn algorithms() -> WebPkiSupportedAlgorithms {
    provider::default_provider().signature_verification_algorithms
}

/// An algorithm identifier as ring's table has it: without its outer header.
fn contents(algorithm: &AlgorithmIdentifierOwned) -> Result<Vec<u8>, PkiError> {
    let der = algorithm.to_der().map_err(|error| PkiError::malformed("algorithm", error))?;
    let any = x509_cert::der::asn1::AnyRef::from_der(&der).map_err(|error| PkiError::malformed("algorithm", error))?;
    Ok(any.value().to_vec())
}

/// Whether `signature` over `message` was made by the holder of `key`.
pub(super) fn verify(
    key: &SubjectPublicKeyInfoOwned,
    algorithm: &AlgorithmIdentifierOwned,
    message: &[u8],
    signature: &[u8],
) -> Result<(), PkiError> {
    let (key_id, signature_id) = (contents(&key.algorithm)?, contents(algorithm)?);
    let supported = algorithms();
    let fitting = supported.all.iter().find(|one| {
        one.public_key_alg_id().as_ref() == key_id.as_slice()
            && one.signature_alg_id().as_ref() == signature_id.as_slice()
    });
    let Some(fitting) = fitting else {
        let what = format!("cannot verify signature: algorithm {} is not simulated", algorithm.oid);
        return Err(PkiError::Unsupported(what));
    };
    let point = key.subject_public_key.raw_bytes();
    fitting.verify_signature(point, message, signature).map_err(|_| {
        PkiError::BadSignature("x509: the signature does not fit the public key (RSA keys need 2048 bits)".to_owned())
    })
}

/// Whether the holder of the certificate's key signed the handshake `message` under `scheme`.
///
/// rustls would ask webpki, which reads no certificate of version 1.
pub fn verify_handshake(
    certificate: &[u8],
    scheme: SignatureScheme,
    message: &[u8],
    signature: &[u8],
) -> Result<(), PkiError> {
    let certificate = identity::read(certificate)?;
    let key = certificate.tbs_certificate().subject_public_key_info();
    let key_id = contents(&key.algorithm)?;
    let supported = algorithms();
    let candidates = supported.mapping.iter().find(|(known, _)| *known == scheme).map_or(&[][..], |(_, all)| *all);
    let fits = candidates
        .iter()
        .filter(|one| one.public_key_alg_id().as_ref() == key_id.as_slice())
        .any(|one| one.verify_signature(key.subject_public_key.raw_bytes(), message, signature).is_ok());
    if fits {
        Ok(())
    } else {
        Err(PkiError::BadSignature("the handshake is not signed by the certificate's key".to_owned()))
    }
}

/// The handshake signatures understood, in order of preference.
pub fn handshake_schemes() -> Vec<SignatureScheme> {
    algorithms().supported_schemes()
}
