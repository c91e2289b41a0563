//! What a certificate is for: the usage words of the certificates API and their X.509 extensions.
//! Which usages a signer accepts stands in `signer.rs`. Source: `pkg/controller/certificates/authority/policies.go`.

use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::flagset::FlagSet;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, KeyUsages};

use super::PkiError;

/// Key usages and extended key usages of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usages {
    pub(super) key: Option<FlagSet<KeyUsages>>,
    pub(super) extended: Vec<ObjectIdentifier>,
}

pub(super) const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
pub(super) const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
pub(super) const ANY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// Extended usages in the order in which Go writes them.
const EXTENDED: [(&str, ObjectIdentifier); 13] = [
    ("any", ANY),
    ("server auth", SERVER_AUTH),
    ("client auth", CLIENT_AUTH),
    ("code signing", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3")),
    ("email protection", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4")),
    ("s/mime", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4")),
    ("ipsec end system", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.5")),
    ("ipsec tunnel", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.6")),
    ("ipsec user", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.7")),
    ("timestamping", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8")),
    ("ocsp signing", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9")),
    ("microsoft sgc", ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.3")),
    ("netscape sgc", ObjectIdentifier::new_unwrap("2.16.840.1.113730.4.1")),
];

fn key_usage(word: &str) -> Option<KeyUsages> {
    Some(match word {
        "signing" | "digital signature" => KeyUsages::DigitalSignature,
        "content commitment" => KeyUsages::NonRepudiation,
        "key encipherment" => KeyUsages::KeyEncipherment,
        "key agreement" => KeyUsages::KeyAgreement,
        "data encipherment" => KeyUsages::DataEncipherment,
        "cert sign" => KeyUsages::KeyCertSign,
        "crl sign" => KeyUsages::CRLSign,
        "encipher only" => KeyUsages::EncipherOnly,
        "decipher only" => KeyUsages::DecipherOnly,
        _ => return None,
    })
}

impl Usages {
    /// Usages of a client: `digital signature`, `key encipherment`, `client auth`.
    pub fn client() -> Self {
        Self::of(KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment, vec![CLIENT_AUTH])
    }

    /// Usages of a server: `digital signature`, `key encipherment`, `server auth`.
    pub fn server() -> Self {
        Self::of(KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment, vec![SERVER_AUTH])
    }

    /// Usages of a peer that is both, as etcd members are.
    pub fn peer() -> Self {
        Self::of(KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment, vec![SERVER_AUTH, CLIENT_AUTH])
    }

    pub(super) fn authority() -> Self {
        let key = KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment | KeyUsages::KeyCertSign;
        Self::of(key, Vec::new())
    }

    fn of(key: impl Into<FlagSet<KeyUsages>>, extended: Vec<ObjectIdentifier>) -> Self {
        Self { key: Some(key.into()), extended }
    }

    /// Usages from the words of `spec.usages` of a CertificateSigningRequest.
    pub fn from_words(words: &[impl AsRef<str>]) -> Result<Self, PkiError> {
        let mut usages = Self::default();
        let mut unknown = Vec::new();
        for word in words.iter().map(AsRef::as_ref) {
            if let Some(flag) = key_usage(word) {
                usages.key = Some(usages.key.unwrap_or_default() | flag);
            } else if !EXTENDED.iter().any(|(known, _)| *known == word) {
                unknown.push(format!("{word:?}"));
            }
        }
        if !unknown.is_empty() {
            return Err(PkiError::Unsupported(format!("unrecognized usage values: [{}]", unknown.join(" "))));
        }
        for (known, oid) in EXTENDED {
            if words.iter().any(|word| word.as_ref() == known) && !usages.extended.contains(&oid) {
                usages.extended.push(oid);
            }
        }
        Ok(usages)
    }

    pub(super) fn key_extension(&self) -> Option<KeyUsage> {
        self.key.map(KeyUsage)
    }

    pub(super) fn extended_extension(&self) -> Option<ExtendedKeyUsage> {
        (!self.extended.is_empty()).then(|| ExtendedKeyUsage(self.extended.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_usages() -> Result<(), PkiError> {
        assert_eq!(Usages::from_words(&["client auth", "key encipherment", "digital signature"])?, Usages::client());
        let unknown = Usages::from_words(&["client auth", "guessing", "more"]).map_err(|error| error.to_string());
        assert_eq!(unknown, Err("unrecognized usage values: [\"guessing\" \"more\"]".to_owned()));
        Ok(())
    }
}
