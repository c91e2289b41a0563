//! The signers of `kubernetes.io`: what each accepts, how long it signs for, and the signing of an approved request.
//! Watching requests and approving them is the certificates controller's. Source: `pkg/controller/certificates/signer`
//! and `pkg/apis/certificates/helpers.go`.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::authority::{Issue, backdated, certificate_pem};
use super::identity::as_signed;
use super::{AlternativeNames, Authority, PkiError, Request, Subject, Usages};

/// A signer that the controller manager runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// `kubernetes.io/kube-apiserver-client`: people and programs; never approved by itself.
    ApiServerClient,
    /// `kubernetes.io/kube-apiserver-client-kubelet`: nodes towards the API server.
    ApiServerClientKubelet,
    /// `kubernetes.io/kubelet-serving`: nodes as servers.
    KubeletServing,
    /// `kubernetes.io/legacy-unknown`.
    LegacyUnknown,
}

/// Longest validity the controller manager gives (`--cluster-signing-duration`).
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// Shortest validity, whatever is asked for.
const SHORTEST: Duration = Duration::from_secs(10 * 60);
/// Certificates shorter than this end when they were asked to; longer ones a little before.
const SHORT: Duration = Duration::from_secs(8 * 60 * 60);
const BACKDATE: Duration = Duration::from_secs(5 * 60);

impl Signer {
    /// The signer of that `spec.signerName`, or `None` when nobody here signs for it.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "kubernetes.io/kube-apiserver-client" => Self::ApiServerClient,
            "kubernetes.io/kube-apiserver-client-kubelet" => Self::ApiServerClientKubelet,
            "kubernetes.io/kubelet-serving" => Self::KubeletServing,
            "kubernetes.io/legacy-unknown" => Self::LegacyUnknown,
            _ => return None,
        })
    }

    /// Whether the signer accepts the request; the error is the message of condition `Failed`, reason `SignerValidationFailure`.
    pub fn accept(self, request: &Request, usages: &[impl AsRef<str>]) -> Result<(), PkiError> {
        let usages: BTreeSet<&str> = usages.iter().map(AsRef::as_ref).collect();
        let complaint = match self {
            Self::ApiServerClient => complaint_client(&usages),
            Self::ApiServerClientKubelet => {
                complaint_kubelet(&request.subject(), &request.names(), &usages, "client auth")
            }
            Self::KubeletServing => complaint_kubelet(&request.subject(), &request.names(), &usages, "server auth"),
            Self::LegacyUnknown => None,
        };
        complaint.map_or(Ok(()), |why| Err(PkiError::Unacceptable(why)))
    }
}

fn complaint_client(usages: &BTreeSet<&str>) -> Option<String> {
    const OPTIONAL: [&str; 3] = ["digital signature", "key encipherment", "client auth"];
    if let Some(other) = usages.iter().find(|usage| !OPTIONAL.contains(usage)) {
        return Some(format!("invalid usage for client certificate: {other}"));
    }
    let missing = !usages.contains("client auth");
    missing.then(|| "missing required usage for client certificate: client auth".to_owned())
}

fn complaint_kubelet(
    subject: &Subject,
    names: &AlternativeNames,
    usages: &BTreeSet<&str>,
    purpose: &'static str,
) -> Option<String> {
    let serving = purpose == "server auth";
    let full: BTreeSet<&str> = ["digital signature", "key encipherment", purpose].into();
    let without_rsa: BTreeSet<&str> = ["digital signature", purpose].into();
    let complaint = if subject.organizations != ["system:nodes"] {
        "subject organization is not system:nodes"
    } else if serving && names.dns.is_empty() && names.ips.is_empty() {
        "DNS or IP subjectAltName is required"
    } else if !serving && !names.dns.is_empty() {
        "DNS subjectAltNames are not allowed"
    } else if !names.emails.is_empty() {
        "Email subjectAltNames are not allowed"
    } else if !serving && !names.ips.is_empty() {
        "IP subjectAltNames are not allowed"
    } else if !names.uris.is_empty() {
        "URI subjectAltNames are not allowed"
    } else if !subject.common_name.starts_with("system:node:") {
        "subject common name does not begin with system:node:"
    } else if *usages != full && *usages != without_rsa {
        let words: Vec<&str> = full.into_iter().collect();
        return Some(format!("usages did not match [{}]", words.join(" ")));
    } else {
        return None;
    };
    Some(complaint.to_owned())
}

/// Signs an approved request and gives the certificate as PEM for `status.certificate`.
///
/// `expiration` is `spec.expirationSeconds`; without it, or beyond a year, the certificate is valid a year.
pub fn sign_request(
    authority: &Authority,
    request: &Request,
    usages: &[impl AsRef<str>],
    expiration: Option<i64>,
    now: Timestamp,
) -> Result<String, PkiError> {
    request.verify()?;
    let asked = expiration.map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
    let lasting = asked.map_or(LONGEST, |asked| asked.clamp(SHORTEST, LONGEST));
    let issue = Issue {
        subject: Subject::default(),
        names: request.names(),
        usages: Usages::from_words(usages)?,
        not_before: backdated(now),
        not_after: if lasting < SHORT { now + lasting } else { now + lasting - BACKDATE },
    };
    if now >= authority.not_after() {
        let until = authority.not_after();
        return Err(PkiError::Unacceptable(format!("the signer has expired: NotAfter={until}")));
    }
    Ok(certificate_pem(&authority.sign(as_signed(&request.name())?, &issue, request.public_key())?))
}
