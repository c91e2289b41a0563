//! Who a certificate names, and whether the authority vouches for it at a given time.
//! What such a name may do is `auth`'s; how it is written into a new certificate, `authority.rs`'s.

use std::net::IpAddr;

use jiff::Timestamp;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::certificate::{CertificateInner, Rfc5280};
use x509_cert::der::asn1::{Any, Ia5String, Ia5StringRef, ObjectIdentifier, OctetString, Utf8StringRef};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::name::{DirectoryString, GeneralName};
use x509_cert::ext::pkix::{ExtendedKeyUsage, SubjectAltName};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::time::Time;

use super::usage::{ANY, CLIENT_AUTH, SERVER_AUTH};
use super::{PkiError, signature};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
/// Where a certificate carries the UID of its user (`k8s.io/apiserver` `asn1.X509UID`).
const KUBERNETES_UID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57683.2");

/// The part of a distinguished name that Kubernetes reads: `CN` is the user, every `O` a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// `CN`; empty when there is none.
    pub common_name: String,
    /// Every `O`, in the order written.
    pub organizations: Vec<String>,
    /// The user's UID; empty when there is none.
    pub uid: String,
}

impl Subject {
    /// A subject of a user and groups.
    pub fn new(common_name: &str, organizations: &[&str]) -> Self {
        let organizations = organizations.iter().map(|one| (*one).to_owned()).collect();
        Self { common_name: common_name.to_owned(), organizations, uid: String::new() }
    }

    /// Reads a distinguished name; of several `CN`s the last counts, as in Go.
    pub(super) fn from_name(name: &Name) -> Self {
        let mut subject = Self::default();
        for attribute in name.iter() {
            let Some(text) = text_of(&attribute.value) else { continue };
            match attribute.oid {
                COMMON_NAME => subject.common_name = text,
                ORGANIZATION => subject.organizations.push(text),
                KUBERNETES_UID => subject.uid = text,
                _ => {}
            }
        }
        subject
    }

    /// The distinguished name, each group in a part of its own.
    pub(super) fn to_name(&self) -> Result<Name, PkiError> {
        let organizations = self.organizations.iter().map(|one| (ORGANIZATION, one));
        let uid = (!self.uid.is_empty()).then_some((KUBERNETES_UID, &self.uid));
        let common = (!self.common_name.is_empty()).then_some((COMMON_NAME, &self.common_name));
        let mut parts = RdnSequence::default();
        for (oid, text) in organizations.chain(uid).chain(common) {
            parts.push(part(oid, text).map_err(|error| PkiError::unmade("a subject", error))?);
        }
        let der = parts.to_der().map_err(|error| PkiError::unmade("a subject", error))?;
        Name::from_der(&der).map_err(|error| PkiError::unmade("a subject", error))
    }
}

/// The order in which Go writes the parts of a name into a certificate it signs (`crypto/x509/pkix`, Name.ToRDNSequence).
const WRITTEN: [&str; 9] =
    ["2.5.4.6", "2.5.4.10", "2.5.4.11", "2.5.4.7", "2.5.4.8", "2.5.4.9", "2.5.4.17", "2.5.4.3", "2.5.4.5"];

/// The name as a signer writes it: its known parts in Go's order, those of one type together.
pub(super) fn as_signed(name: &Name) -> Result<Name, PkiError> {
    let unmade = |error| PkiError::unmade("a subject", error);
    let mut parts = RdnSequence::default();
    for oid in WRITTEN {
        let same: Vec<_> = name.iter().filter(|one| one.oid.to_string() == oid).cloned().collect();
        // Of several common names Go keeps the last.
        let same = if oid == "2.5.4.3" { same.into_iter().last().into_iter().collect() } else { same };
        if !same.is_empty() {
            parts.push(RelativeDistinguishedName::try_from(same).map_err(unmade)?);
        }
    }
    Name::from_der(&parts.to_der().map_err(unmade)?).map_err(unmade)
}

fn part(oid: ObjectIdentifier, text: &str) -> x509_cert::der::Result<RelativeDistinguishedName> {
    let value = Any::from(Utf8StringRef::new(text)?);
    RelativeDistinguishedName::try_from(vec![AttributeTypeAndValue { oid, value }])
}

fn text_of(value: &Any) -> Option<String> {
    if let Ok(text) = DirectoryString::try_from(value) {
        return Some(text.value().into_owned());
    }
    value.decode_as::<Ia5StringRef<'_>>().ok().map(|text| text.as_str().to_owned())
}

/// Subject alternative names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlternativeNames {
    /// DNS names.
    pub dns: Vec<String>,
    /// IP addresses.
    pub ips: Vec<IpAddr>,
    /// Mail addresses.
    pub emails: Vec<String>,
    /// URIs.
    pub uris: Vec<String>,
}

impl AlternativeNames {
    /// Reads the extension.
    pub(super) fn from_extension(extension: &SubjectAltName) -> Self {
        let mut names = Self::default();
        for name in &extension.0 {
            match name {
                GeneralName::DnsName(dns) => names.dns.push(dns.as_str().to_owned()),
                GeneralName::Rfc822Name(mail) => names.emails.push(mail.as_str().to_owned()),
                GeneralName::UniformResourceIdentifier(uri) => names.uris.push(uri.as_str().to_owned()),
                GeneralName::IpAddress(bytes) => names.ips.extend(ip_of(bytes)),
                _ => {}
            }
        }
        names
    }

    /// The extension, unless there is no name.
    pub(super) fn to_extension(&self) -> Result<Option<SubjectAltName>, PkiError> {
        let ia5 = |text: &String| Ia5String::new(text).map_err(|error| PkiError::unmade("a name", error));
        let mut names = Vec::new();
        for dns in &self.dns {
            names.push(GeneralName::DnsName(ia5(dns)?));
        }
        for mail in &self.emails {
            names.push(GeneralName::Rfc822Name(ia5(mail)?));
        }
        names.extend(self.ips.iter().map(|ip| GeneralName::from(*ip)));
        for uri in &self.uris {
            names.push(GeneralName::UniformResourceIdentifier(ia5(uri)?));
        }
        Ok((!names.is_empty()).then_some(SubjectAltName(names)))
    }
}

fn ip_of(bytes: &OctetString) -> Option<IpAddr> {
    let bytes = bytes.as_bytes();
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(four.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

/// A certificate whose signature and usage were found good; its time is for the asker to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whom it names.
    pub subject: Subject,
    /// First moment of its validity.
    pub not_before: Timestamp,
    /// Last moment of its validity.
    pub not_after: Timestamp,
}

impl Verified {
    /// Whether the certificate is valid at `now`; the error in Go's words.
    pub fn check_time(&self, now: Timestamp) -> Result<(), PkiError> {
        let rule = if now < self.not_before {
            format!("current time {now} is before {}", self.not_before)
        } else if now > self.not_after {
            format!("current time {now} is after {}", self.not_after)
        } else {
            return Ok(());
        };
        Err(PkiError::Unacceptable(format!("x509: certificate has expired or is not yet valid: {rule}")))
    }
}

/// What a certificate is shown for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Client,
    Server,
}

/// Whether the authority whose certificate is `authority` signed the client certificate `der`, and for clients.
///
/// Certificates of version 1, as `openssl x509 -req` writes them, count: Go believes them too.
pub fn verify(der: &[u8], authority: &[u8]) -> Result<Verified, PkiError> {
    verify_for(der, authority, Purpose::Client)
}

/// The same for either side.
pub fn verify_for(der: &[u8], authority: &[u8], purpose: Purpose) -> Result<Verified, PkiError> {
    let certificate = read(der)?;
    let authority = read(authority)?;
    let inner = certificate.tbs_certificate();
    let vouching = authority.tbs_certificate();
    if inner.issuer() != vouching.subject() {
        return Err(PkiError::Unacceptable("x509: certificate signed by unknown authority".to_owned()));
    }
    let signed = signed_part(der)?;
    signature::verify(
        vouching.subject_public_key_info(),
        certificate.signature_algorithm(),
        signed,
        certificate.signature().raw_bytes(),
    )?;
    let wanted = if purpose == Purpose::Client { CLIENT_AUTH } else { SERVER_AUTH };
    let usage = inner.get_extension::<ExtendedKeyUsage>();
    if let Some((_, usage)) = usage.map_err(|error| PkiError::malformed("certificate", error))?
        && !usage.0.iter().any(|oid| [wanted, ANY].contains(oid))
    {
        let why = "x509: certificate specifies an incompatible key usage";
        return Err(PkiError::Unacceptable(why.to_owned()));
    }
    Ok(Verified {
        subject: Subject::from_name(inner.subject()),
        not_before: timestamp(inner.validity().not_before)?,
        not_after: timestamp(inner.validity().not_after)?,
    })
}

/// The public key of a certificate, as `SubjectPublicKeyInfo` DER.
pub(super) fn public_key(der: &[u8]) -> Result<Vec<u8>, PkiError> {
    let certificate = read(der)?;
    let key = certificate.tbs_certificate().subject_public_key_info().to_der();
    key.map_err(|error| PkiError::malformed("certificate", error))
}

pub(super) fn read(der: &[u8]) -> Result<CertificateInner<Rfc5280>, PkiError> {
    CertificateInner::from_der(der).map_err(|error| PkiError::malformed("certificate", error))
}

/// The bytes that a certificate's signature is over, as they came.
pub(super) fn signed_part(der: &[u8]) -> Result<&[u8], PkiError> {
    let outer =
        x509_cert::der::asn1::AnyRef::from_der(der).map_err(|error| PkiError::malformed("certificate", error))?;
    let mut reader =
        x509_cert::der::SliceReader::new(outer.value()).map_err(|error| PkiError::malformed("certificate", error))?;
    x509_cert::der::Reader::tlv_bytes(&mut reader).map_err(|error| PkiError::malformed("certificate", error))
}

pub(super) fn timestamp(time: Time) -> Result<Timestamp, PkiError> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs());
    let seconds = seconds.map_err(|error| PkiError::malformed("certificate", error))?;
    Timestamp::from_second(seconds).map_err(|error| PkiError::malformed("certificate", error))
}
