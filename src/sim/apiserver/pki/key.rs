//! A private key: P-256, because it is made in a fraction of a millisecond, and as PKCS#8 PEM it is read by every client.
//! Keys of learners come in requests and are never held here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use x509_cert::der::{Decode, Document};
use x509_cert::spki::{
    self, AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier, EncodePublicKey, ObjectIdentifier,
    SubjectPublicKeyInfoOwned,
};

use super::PkiError;

/// `SubjectPublicKeyInfo` of P-256 up to the point itself (RFC 5480).
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// `ecdsa-with-SHA256` (RFC 5758).
pub(super) const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

const PRIVATE_LABEL: &str = "PRIVATE KEY";

/// A P-256 key pair.
#[derive(Debug)]
pub struct KeyPair {
    pair: EcdsaKeyPair,
    pkcs8: Vec<u8>,
}

impl KeyPair {
    /// A new key.
    pub fn generate() -> Result<Self, PkiError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
            .map_err(|error| PkiError::unmade("a key", error))?;
        Self::from_pkcs8(document.as_ref())
    }

    /// A key from PKCS#8 DER.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, PkiError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der, &SystemRandom::new())
            .map_err(|error| PkiError::malformed("private key", error))?;
        Ok(Self { pair, pkcs8: der.to_vec() })
    }

    /// A key from a PEM block `PRIVATE KEY`, as [`KeyPair::to_pem`] writes it.
    pub fn from_pem(text: &str) -> Result<Self, PkiError> {
        Self::from_pkcs8(&from_pem(PRIVATE_LABEL, text.as_bytes())?)
    }

    /// The private key as PEM.
    pub fn to_pem(&self) -> String {
        to_pem(PRIVATE_LABEL, &self.pkcs8)
    }

    /// The public key as PEM, as in `sa.pub`.
    pub fn public_pem(&self) -> String {
        to_pem("PUBLIC KEY", &self.public_der())
    }

    /// The private key as PKCS#8 DER.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public key as `SubjectPublicKeyInfo` DER.
    pub fn public_der(&self) -> Vec<u8> {
        [&P256_PREFIX[..], self.pair.public_key().as_ref()].concat()
    }

    /// The point of the public key, uncompressed.
    pub fn public_point(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    pub(super) fn public_info(&self) -> Result<SubjectPublicKeyInfoOwned, PkiError> {
        SubjectPublicKeyInfoOwned::from_der(&self.public_der())
            .map_err(|error| PkiError::malformed("public key", error))
    }

    /// An ECDSA signature over SHA-256 of `message`, in ASN.1.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, PkiError> {
        let signature = self.pair.sign(&SystemRandom::new(), message);
        signature.map(|made| made.as_ref().to_vec()).map_err(|error| PkiError::unmade("a signature", error))
    }
}

/// The public half, as the certificate builder wants it.
#[derive(Clone)]
pub struct PublicKey(Vec<u8>);

impl EncodePublicKey for PublicKey {
    fn to_public_key_der(&self) -> spki::Result<Document> {
        Ok(Document::try_from(self.0.as_slice())?)
    }
}

impl signature::Keypair for KeyPair {
    type VerifyingKey = PublicKey;

    fn verifying_key(&self) -> PublicKey {
        PublicKey(self.public_der())
    }
}

impl DynSignatureAlgorithmIdentifier for KeyPair {
    fn signature_algorithm_identifier(&self) -> spki::Result<AlgorithmIdentifierOwned> {
        Ok(AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA256, parameters: None })
    }
}

/// Bytes nobody can guess.
pub(super) fn random<const N: usize>() -> Result<[u8; N], PkiError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|error| PkiError::unmade("random bytes", error))?;
    Ok(bytes)
}

/// One PEM block with lines of 64 characters, as Go and OpenSSL write it.
pub(super) fn to_pem(label: &str, der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.extend(line.iter().map(|byte| char::from(*byte)));
        pem.push('\n');
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

/// The bytes of the first PEM block, which must be a `label`; what stands before and after is passed over, as in Go.
pub(super) fn from_pem(label: &str, text: &[u8]) -> Result<Vec<u8>, PkiError> {
    let wrong = || PkiError::Pem(format!("PEM block type must be {label}"));
    let text = std::str::from_utf8(text).map_err(|_| wrong())?;
    let (_, block) = text.split_once("-----BEGIN ").ok_or_else(wrong)?;
    let (found, rest) = block.split_once("-----").ok_or_else(wrong)?;
    let (body, _) = rest.split_once("-----END ").ok_or_else(wrong)?;
    if found != label {
        return Err(wrong());
    }
    let body: String = body.split_ascii_whitespace().collect();
    BASE64.decode(body).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_pem() -> Result<(), PkiError> {
        let key = KeyPair::generate()?;
        let again = KeyPair::from_pem(&key.to_pem())?;
        assert_eq!(key.public_der(), again.public_der());
        assert!(KeyPair::from_pem(&key.public_pem()).is_err());
        Ok(())
    }
}
