//! CertificateApproval: who approves or denies a request must be allowed to `approve` for its signer.
//! Source: `plugin/pkg/admission/certificates/approval` and `pkg/certauthorization`.

use serde_json::Value;

use super::{Attributes, Operation, Plugin};
use crate::object::meta;
use crate::sim::apiserver::auth::{self, ResourceAttributes, Target};
use crate::sim::apiserver::status::Result;

pub const PLUGIN: Plugin = Plugin { name: "CertificateApproval", validate, ..Plugin::NOTHING };

fn validate(attributes: &Attributes, _: &Value) -> Result<()> {
    if attributes.resource.plural != "certificatesigningrequests" || attributes.subresource != "approval" {
        return Ok(());
    }
    match (attributes.operation, attributes.old) {
        (Operation::Update, Some(old)) if !may(attributes, "approve", old) => {
            let signer = meta::text(old, "/spec/signerName");
            let why = format!("user not permitted to approve requests with signerName {signer:?}");
            Err(attributes.forbidden(old, &why))
        }
        _ => Ok(()),
    }
}

/// Whether the user may do this with requests for the signer, or for all of the signer's domain.
pub(super) fn may(attributes: &Attributes, verb: &str, request: &Value) -> bool {
    let signer = meta::text(request, "/spec/signerName");
    let domain = format!("{}/*", signer.split('/').next().unwrap_or_default());
    let policy = attributes.policy();
    [signer, domain.as_str()].into_iter().any(|name| {
        let object = ResourceAttributes {
            group: "certificates.k8s.io",
            version: "*",
            resource: "signers",
            name,
            ..ResourceAttributes::default()
        };
        policy.allows(&auth::Attributes { user: attributes.user, verb, target: Target::Resource(object) })
    })
}
