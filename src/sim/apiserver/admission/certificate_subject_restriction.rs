//! CertificateSubjectRestriction: nobody asks for a client certificate of `system:masters`.
//! Source: `plugin/pkg/admission/certificates/subjectrestriction`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{Attributes, Plugin};
use crate::object::meta;
use crate::sim::apiserver::auth::user::MASTERS;
use crate::sim::apiserver::pki::Request;
use crate::sim::apiserver::status::Result;

pub const PLUGIN: Plugin = Plugin { name: "CertificateSubjectRestriction", validate, ..Plugin::NOTHING };

const SIGNER: &str = "kubernetes.io/kube-apiserver-client";

fn validate(attributes: &Attributes, request: &Value) -> Result<()> {
    let concerns = attributes.creates("certificates.k8s.io", "certificatesigningrequests");
    if !concerns || meta::text(request, "/spec/signerName") != SIGNER {
        return Ok(());
    }
    let pem = STANDARD.decode(meta::text(request, "/spec/request")).unwrap_or_default();
    let asked = Request::from_pem(&pem)
        .map_err(|error| attributes.forbidden(request, &format!("failed to parse CSR: {error}")))?;
    if asked.subject().organizations.iter().any(|group| group == MASTERS) {
        let why = format!("use of {SIGNER} signer with system:masters group is not allowed");
        return Err(attributes.forbidden(request, &why));
    }
    Ok(())
}
