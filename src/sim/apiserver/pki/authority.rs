//! The cluster's certificate authority: made at boot, kept as PEM, and signing what it is told to.
//! Whether a request deserves a signature is decided before (`signer.rs`, the certificates controller).

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{self, Builder, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::asn1::{BitString, OctetString};
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{DateTime, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, SubjectKeyIdentifier};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use x509_cert::time::{Time, Validity};

use super::key::{from_pem, random, to_pem};
use super::{AlternativeNames, KeyPair, PkiError, Subject, Usages, identity};
use crate::base::clock::Clock;

const CERTIFICATE_LABEL: &str = "CERTIFICATE";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long kubeadm's authorities are valid (`kubeadm` `CACertificateValidityPeriod`).
const AUTHORITY_VALIDITY: Duration = Duration::from_secs(10 * 365 * DAY.as_secs());
/// How long the certificates are valid that kubeadm signs (`CertificateValidityPeriod`).
const CERTIFICATE_VALIDITY: Duration = Duration::from_secs(365 * DAY.as_secs());
/// How far certificates are dated back, against clocks that differ.
const BACKDATE: Duration = Duration::from_secs(5 * 60);

/// A certificate authority with its key.
#[derive(Debug)]
pub struct Authority {
    key: KeyPair,
    certificate: Vec<u8>,
    name: Name,
    not_after: Timestamp,
}

/// What to sign: whom for, for what, how long.
#[derive(Clone, Debug)]
pub struct Issue {
    /// Whom the certificate names.
    pub subject: Subject,
    /// Names a server answers to.
    pub names: AlternativeNames,
    /// What it may be used for.
    pub usages: Usages,
    /// First moment of its validity.
    pub not_before: Timestamp,
    /// Last moment; never beyond the authority's own.
    pub not_after: Timestamp,
}

/// Where a validity begins: a little before now. Whoever reads the certificate may go by the wall's clock, from which a fast one runs away.
pub(super) fn backdated(now: Timestamp) -> Timestamp {
    now.min(Clock::system().now()) - BACKDATE
}

impl Issue {
    /// A certificate as kubeadm signs it: valid a year from `now`.
    pub fn for_a_year(subject: Subject, usages: Usages, now: Timestamp) -> Self {
        let names = AlternativeNames::default();
        let (not_before, not_after) = (backdated(now), now + CERTIFICATE_VALIDITY);
        Self { subject, names, usages, not_before, not_after }
    }
}

/// A certificate with the key it was made for.
#[derive(Debug)]
pub struct Issued {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// Its key.
    pub key: KeyPair,
}

impl Issued {
    /// The certificate as PEM.
    pub fn certificate_pem(&self) -> String {
        to_pem(CERTIFICATE_LABEL, &self.certificate)
    }
}

impl Authority {
    /// A new authority that signs itself, as `kubeadm init` makes it. `common_name` is `kubernetes` for the cluster's own.
    pub fn generate(common_name: &str, now: Timestamp) -> Result<Self, PkiError> {
        let key = KeyPair::generate()?;
        let name = Subject::new(common_name, &[]).to_name()?;
        let issue = Issue {
            subject: Subject::default(),
            names: AlternativeNames { dns: vec![common_name.to_owned()], ..AlternativeNames::default() },
            usages: Usages::authority(),
            not_before: backdated(now),
            not_after: now + AUTHORITY_VALIDITY,
        };
        let public = key.public_info()?;
        let identifier = key_identifier(&public);
        let mut extensions = extensions(&issue, true, false)?;
        let own = SubjectKeyIdentifier(OctetString::new(identifier).map_err(unmade)?);
        extensions.push(extension(false, &own)?);
        let profile = Profile { issuer: name.clone(), subject: name, extensions };
        Self::from_der(sign(&key, profile, &issue, public)?, key)
    }

    /// An authority from what [`Authority::certificate_pem`] and [`Authority::key_pem`] wrote.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, PkiError> {
        Self::from_der(certificate_der(certificate)?, KeyPair::from_pem(key)?)
    }

    fn from_der(certificate: Vec<u8>, key: KeyPair) -> Result<Self, PkiError> {
        let read = identity::read(&certificate)?;
        let inner = read.tbs_certificate();
        let public = inner.subject_public_key_info().to_der().map_err(unmade)?;
        if public != key.public_der() {
            return Err(PkiError::Unacceptable("the authority's key is not that of its certificate".to_owned()));
        }
        let seconds = inner.validity().not_after.to_unix_duration().as_secs();
        let not_after = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let name = inner.subject().clone();
        Ok(Self { key, name, not_after: not_after.unwrap_or(Timestamp::MAX), certificate })
    }

    /// The authority's certificate, DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The authority's certificate as PEM: `ca.crt`.
    pub fn certificate_pem(&self) -> String {
        to_pem(CERTIFICATE_LABEL, &self.certificate)
    }

    /// The authority's key as PEM: `ca.key`.
    pub fn key_pem(&self) -> String {
        self.key.to_pem()
    }

    /// The last moment of the authority's own validity.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The authority's distinguished name, DER, as servers hint it to clients.
    pub fn name_der(&self) -> Result<Vec<u8>, PkiError> {
        self.name.to_der().map_err(unmade)
    }

    /// A new key with a certificate.
    pub fn issue(&self, issue: &Issue) -> Result<Issued, PkiError> {
        let key = KeyPair::generate()?;
        let subject = issue.subject.to_name()?;
        let certificate = self.sign(subject, issue, key.public_info()?)?;
        Ok(Issued { certificate, key })
    }

    /// The certificate of a server on `dns` names and `ips`, valid a year.
    pub fn issue_serving(
        &self,
        common_name: &str,
        names: AlternativeNames,
        now: Timestamp,
    ) -> Result<Issued, PkiError> {
        let issue = Issue::for_a_year(Subject::new(common_name, &[]), Usages::server(), now);
        self.issue(&Issue { names, ..issue })
    }

    /// The certificate of a user of `groups`, valid a year.
    pub fn issue_client(&self, user: &str, groups: &[&str], now: Timestamp) -> Result<Issued, PkiError> {
        self.issue(&Issue::for_a_year(Subject::new(user, groups), Usages::client(), now))
    }

    /// Signs a certificate for the holder of `key`; of `issue` the subject is not read.
    pub(super) fn sign(
        &self,
        subject: Name,
        issue: &Issue,
        key: SubjectPublicKeyInfoOwned,
    ) -> Result<Vec<u8>, PkiError> {
        let mut extensions = extensions(issue, false, subject.is_empty())?;
        let identifier = OctetString::new(key_identifier(&self.key.public_info()?)).map_err(unmade)?;
        let authority = AuthorityKeyIdentifier { key_identifier: Some(identifier), ..Default::default() };
        extensions.push(extension(false, &authority)?);
        let profile = Profile { issuer: self.name.clone(), subject, extensions };
        let issue = Issue { not_after: issue.not_after.min(self.not_after), ..issue.clone() };
        sign(&self.key, profile, &issue, key)
    }
}

/// The bytes of a PEM certificate.
pub fn certificate_der(pem: &str) -> Result<Vec<u8>, PkiError> {
    from_pem(CERTIFICATE_LABEL, pem.as_bytes())
}

/// A certificate as PEM.
pub(super) fn certificate_pem(der: &[u8]) -> String {
    to_pem(CERTIFICATE_LABEL, der)
}

fn unmade(error: impl std::fmt::Display) -> PkiError {
    PkiError::unmade("a certificate", error)
}

/// What a builder asks about a certificate; every answer was found before.
struct Profile {
    issuer: Name,
    subject: Name,
    extensions: Vec<Extension>,
}

impl BuilderProfile for Profile {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        _key: SubjectPublicKeyInfoRef<'_>,
        _issuer_key: SubjectPublicKeyInfoRef<'_>,
        _certificate: &TbsCertificate,
    ) -> builder::Result<Vec<Extension>> {
        Ok(self.extensions.clone())
    }
}

fn sign(
    signer: &KeyPair,
    profile: Profile,
    issue: &Issue,
    key: SubjectPublicKeyInfoOwned,
) -> Result<Vec<u8>, PkiError> {
    let mut serial = random::<16>()?;
    // A first byte of 0x01 to 0x7f: positive and never shortened.
    serial[0] = (serial[0] & 0x7f) | 0x01;
    let serial = SerialNumber::new(&serial).map_err(unmade)?;
    let validity = Validity::new(time(issue.not_before)?, time(issue.not_after)?);
    let mut builder = CertificateBuilder::new(profile, serial, validity, key).map_err(unmade)?;
    let unsigned = builder.finalize(signer).map_err(unmade)?;
    let signature = BitString::from_bytes(&signer.sign(&unsigned)?).map_err(unmade)?;
    builder.assemble(signature, signer).map_err(unmade)?.to_der().map_err(unmade)
}

/// The extensions in Go's order and with its criticality, the key identifiers aside.
fn extensions(issue: &Issue, authority: bool, nameless: bool) -> Result<Vec<Extension>, PkiError> {
    let mut made = Vec::new();
    if let Some(usage) = issue.usages.key_extension() {
        made.push(extension(true, &usage)?);
    }
    if let Some(usage) = issue.usages.extended_extension() {
        made.push(extension(false, &usage)?);
    }
    made.push(extension(true, &BasicConstraints { ca: authority, path_len_constraint: None })?);
    if let Some(names) = issue.names.to_extension()? {
        made.push(extension(nameless, &names)?);
    }
    Ok(made)
}

fn extension<T: AssociatedOid + Encode>(critical: bool, value: &T) -> Result<Extension, PkiError> {
    let extn_value = OctetString::new(value.to_der().map_err(unmade)?).map_err(unmade)?;
    Ok(Extension { extn_id: T::OID, critical, extn_value })
}

fn key_identifier(key: &SubjectPublicKeyInfoOwned) -> Vec<u8> {
    Sha256::digest(key.subject_public_key.raw_bytes())[..20].to_vec()
}

fn time(moment: Timestamp) -> Result<Time, PkiError> {
    let seconds = u64::try_from(moment.as_second()).map_err(unmade)?;
    Ok(Time::from(DateTime::from_unix_duration(Duration::from_secs(seconds)).map_err(unmade)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::apiserver::pki::verify;

    fn noon() -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap_or_default()
    }

    #[test]
    fn every_group_is_kept_and_the_time_is_the_clocks() -> Result<(), PkiError> {
        let authority = Authority::generate("kubernetes", noon())?;
        let client = authority.issue_client("jane", &["dev", "ops"], noon())?;
        let found = verify(&client.certificate, authority.certificate())?;
        assert_eq!(found.subject, Subject::new("jane", &["dev", "ops"]));
        assert_eq!(found.check_time(noon()), Ok(()));
        assert!(found.check_time(noon() + Duration::from_secs(366 * 24 * 3600)).is_err());
        assert!(found.check_time(noon() - Duration::from_secs(3600)).is_err());
        Ok(())
    }

    #[test]
    fn an_authority_survives_its_pem_and_another_of_the_same_name_is_not_believed() -> Result<(), PkiError> {
        let authority = Authority::generate("kubernetes", noon())?;
        let again = Authority::from_pem(&authority.certificate_pem(), &authority.key_pem())?;
        let client = again.issue_client("jane", &[], noon())?;
        assert!(verify(&client.certificate, authority.certificate()).is_ok());
        let other = Authority::generate("kubernetes", noon())?;
        assert!(matches!(verify(&client.certificate, other.certificate()), Err(PkiError::BadSignature(_))));
        assert!(Authority::from_pem(&authority.certificate_pem(), &other.key_pem()).is_err());
        Ok(())
    }

    #[test]
    fn a_server_certificate_is_no_client_certificate() -> Result<(), PkiError> {
        let authority = Authority::generate("kubernetes", noon())?;
        let serving = authority.issue_serving("kube-apiserver", AlternativeNames::default(), noon())?;
        assert!(matches!(verify(&serving.certificate, authority.certificate()), Err(PkiError::Unacceptable(_))));
        Ok(())
    }

    #[test]
    fn a_certificate_of_version_one_counts() -> Result<(), PkiError> {
        let authority = Authority::generate("kubernetes", noon())?;
        let key = KeyPair::generate()?;
        let subject = Subject::new("jane", &["dev"]).to_name()?;
        let profile = Profile { issuer: authority.name.clone(), subject, extensions: Vec::new() };
        let issue = Issue::for_a_year(Subject::default(), Usages::client(), noon());
        let certificate = sign(&authority.key, profile, &issue, key.public_info()?)?;
        assert_eq!(verify(&certificate, authority.certificate())?.subject.organizations, ["dev"]);
        Ok(())
    }
}
