//! What a certificate says of itself, for those who list and renew certificates.
//! Whether anybody believes it stands in `identity`.

use jiff::Timestamp;
use x509_cert::der::Encode;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, SubjectAltName};

use super::authority::certificate_der;
use super::identity::{read, timestamp};
use super::{AlternativeNames, PkiError, Subject, Usages, signature};

/// A certificate, read.
#[derive(Clone, Debug)]
pub struct Inspected {
    der: Vec<u8>,
    /// Whom it names.
    pub subject: Subject,
    /// The other names it has.
    pub names: AlternativeNames,
    /// What it is for.
    pub usages: Usages,
    /// First moment of its validity.
    pub not_before: Timestamp,
    /// Last moment of its validity.
    pub not_after: Timestamp,
}

/// Reads a PEM certificate.
pub fn inspect(pem: &str) -> Result<Inspected, PkiError> {
    let der = certificate_der(pem)?;
    let certificate = read(&der)?;
    let inner = certificate.tbs_certificate();
    let names = inner.get_extension::<SubjectAltName>().ok().flatten();
    let key = inner.get_extension::<KeyUsage>().ok().flatten().map(|(_, usage)| usage.0);
    let extended = inner.get_extension::<ExtendedKeyUsage>().ok().flatten().map(|(_, usage)| usage.0);
    Ok(Inspected {
        usages: Usages { key, extended: extended.unwrap_or_default() },
        subject: Subject::from_name(inner.subject()),
        names: names.map(|(_, names)| AlternativeNames::from_extension(&names)).unwrap_or_default(),
        not_before: timestamp(inner.validity().not_before)?,
        not_after: timestamp(inner.validity().not_after)?,
        der,
    })
}

/// The SHA-256 of a certificate's public key in hexadecimal, as `--discovery-token-ca-cert-hash` has it after `sha256:`.
pub fn public_key_hash(pem: &str) -> Result<String, PkiError> {
    let certificate = read(&certificate_der(pem)?)?;
    let key = certificate.tbs_certificate().subject_public_key_info().to_der();
    let key = key.map_err(|error| PkiError::malformed("certificate", error))?;
    let digest = ring::digest::digest(&ring::digest::SHA256, &key);
    Ok(digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Inspected {
    /// Whether the authority whose PEM certificate this is signed it.
    pub fn issued_by(&self, authority: &str) -> bool {
        let signed = || -> Result<(), PkiError> {
            let (certificate, authority) = (read(&self.der)?, read(&certificate_der(authority)?)?);
            signature::verify(
                authority.tbs_certificate().subject_public_key_info(),
                certificate.signature_algorithm(),
                super::identity::signed_part(&self.der)?,
                certificate.signature().raw_bytes(),
            )
        };
        signed().is_ok()
    }
}
