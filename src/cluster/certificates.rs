//! Certificates in files of nodes, for steps and checks: what one says, and one signed anew that ends when a task wants it to.
//! Which file, and what is to hold of it, is the scenario's.

use jiff::{SignedDuration, Timestamp};

use super::nodes::{NodeFile, Nodes};
use super::objects::AskError;
pub use crate::sim::apiserver::pki::Inspected;
use crate::sim::apiserver::pki::{self, Authority, Issue};

/// The authorities of a kubeadm node, without the endings of their files.
const AUTHORITIES: [&str; 3] =
    ["/etc/kubernetes/pki/ca", "/etc/kubernetes/pki/etcd/ca", "/etc/kubernetes/pki/front-proxy-ca"];
/// How long before its end a certificate began, at least.
const BEFORE: SignedDuration = SignedDuration::from_hours(24);

/// Why a certificate could not be signed anew.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error("{0}")]
    Told(String),
}

fn text(file: &NodeFile) -> String {
    String::from_utf8_lossy(&file.bytes).into_owned()
}

/// The certificate in a file: a PEM file, or a kubeconfig.
pub fn inspect(file: &NodeFile) -> Option<Inspected> {
    pki::inspect(&pki::certificate_in(&text(file))?).ok()
}

/// Signs the certificate in a file of a node anew: the same subject, names and uses by the same authority, but its end is `end`.
/// The key beside it, or in the kubeconfig, is another then.
pub async fn sign_anew(
    nodes: &dyn Nodes,
    (node, path): (&str, &str),
    now: Timestamp,
    end: Timestamp,
) -> Result<(), CertificateError> {
    let told = |why: String| CertificateError::Told(why);
    let file = nodes.read(node, path).await?.ok_or_else(|| told(format!("the file {path} is not there on {node}")))?;
    let old = inspect(&file).ok_or_else(|| told(format!("{path} on {node} holds no certificate")))?;
    let authority = authority_of(nodes, node, &old).await?;
    let authority = authority.ok_or_else(|| told(format!("no authority of {node} has signed {path}")))?;
    let not_before = old.not_before.min(now - BEFORE).min(end - BEFORE);
    let issue = Issue { subject: old.subject, names: old.names, usages: old.usages, not_before, not_after: end };
    let issued = authority.issue(&issue).map_err(|error| told(error.to_string()))?;
    let (certificate, key) = (issued.certificate_pem(), issued.key.to_pem());
    let write = |path: String, text: String, mode| async move {
        nodes.write(node, &path, Some(&NodeFile { bytes: text.into_bytes(), mode })).await
    };
    match path.strip_suffix(".crt") {
        Some(stem) => {
            write(format!("{stem}.key"), key, 0o600).await?;
            write(path.to_owned(), certificate, 0o644).await?;
        }
        None => {
            write(path.to_owned(), pki::embed(&text(&file), (&certificate, &key)), 0o600).await?;
        }
    }
    Ok(())
}

/// The node's authority that signed a certificate, with its key.
async fn authority_of(nodes: &dyn Nodes, node: &str, of: &Inspected) -> Result<Option<Authority>, AskError> {
    for stem in AUTHORITIES {
        let certificate = nodes.read(node, &format!("{stem}.crt")).await?.as_ref().map(text);
        let Some(certificate) = certificate.filter(|pem| of.issued_by(pem)) else { continue };
        let key = nodes.read(node, &format!("{stem}.key")).await?.as_ref().map(text).unwrap_or_default();
        return Ok(Authority::from_pem(&certificate, &key).ok());
    }
    Ok(None)
}
