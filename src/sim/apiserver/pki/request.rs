//! Certificate requests (PKCS#10) as learners make them with `openssl req`.
//! Who may have one signed and with which usages stands in `signer.rs`.

use x509_cert::builder::{Builder, RequestBuilder};
use x509_cert::der::asn1::{AnyRef, BitString};
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::oid::db::rfc5912::ID_EXTENSION_REQ;
use x509_cert::der::{Decode, Encode, Reader, SliceReader};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::{Extension, Extensions};
use x509_cert::name::Name;
use x509_cert::request::CertReq;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::key::{from_pem, to_pem};
use super::{AlternativeNames, KeyPair, PkiError, Subject, signature};

/// A new request of a subject, signed by the key it is for, as PEM.
pub fn request_pem(key: &KeyPair, subject: &Subject) -> Result<String, PkiError> {
    request_for(key, subject, &AlternativeNames::default())
}

/// The same for further names.
pub fn request_for(key: &KeyPair, subject: &Subject, names: &AlternativeNames) -> Result<String, PkiError> {
    let mut builder = RequestBuilder::new(subject.to_name()?).map_err(unmade)?;
    if let Some(extension) = names.to_extension()? {
        builder.add_extension(&extension).map_err(unmade)?;
    }
    let unsigned = builder.finalize(key).map_err(unmade)?;
    let signature = BitString::from_bytes(&key.sign(&unsigned)?).map_err(unmade)?;
    let whole = builder.assemble(signature, key).map_err(unmade)?.to_der().map_err(unmade)?;
    Ok(to_pem("CERTIFICATE REQUEST", &whole))
}

fn unmade(error: impl std::fmt::Display) -> PkiError {
    PkiError::unmade("a certificate request", error)
}

/// A request for a certificate, read.
#[derive(Debug)]
pub struct Request {
    request: CertReq,
    signed: Vec<u8>,
}

impl Request {
    /// Reads a PEM block `CERTIFICATE REQUEST`; the error is what the API server says of `spec.request`.
    pub fn from_pem(pem: &[u8]) -> Result<Self, PkiError> {
        Self::from_der(&from_pem("CERTIFICATE REQUEST", pem)?)
    }

    fn from_der(der: &[u8]) -> Result<Self, PkiError> {
        let malformed = |error| PkiError::malformed("certificate request", error);
        let request = CertReq::from_der(der).map_err(malformed)?;
        let outer = AnyRef::from_der(der).map_err(malformed)?;
        let mut reader = SliceReader::new(outer.value()).map_err(malformed)?;
        let signed = reader.tlv_bytes().map_err(malformed)?.to_vec();
        Ok(Self { request, signed })
    }

    /// Whom the request names.
    pub fn subject(&self) -> Subject {
        Subject::from_name(&self.request.info.subject)
    }

    /// The alternative names it asks for.
    pub fn names(&self) -> AlternativeNames {
        let found = self.extensions().into_iter().find(|one| one.extn_id == SubjectAltName::OID);
        let names = found.and_then(|one| SubjectAltName::from_der(one.extn_value.as_bytes()).ok());
        names.map(|names| AlternativeNames::from_extension(&names)).unwrap_or_default()
    }

    fn extensions(&self) -> Vec<Extension> {
        let attributes = self.request.info.attributes.iter();
        let values = attributes.filter(|one| one.oid == ID_EXTENSION_REQ).flat_map(|one| one.values.iter());
        values.filter_map(|value| Extensions::from_der(&value.to_der().ok()?).ok()).flatten().collect()
    }

    /// Whether whoever made the request holds its key.
    pub fn verify(&self) -> Result<(), PkiError> {
        let CertReq { info, algorithm, signature } = &self.request;
        signature::verify(&info.public_key, algorithm, &self.signed, signature.raw_bytes())
    }

    pub(super) fn name(&self) -> Name {
        self.request.info.subject.clone()
    }

    pub(super) fn public_key(&self) -> SubjectPublicKeyInfoOwned {
        self.request.info.public_key.clone()
    }
}
