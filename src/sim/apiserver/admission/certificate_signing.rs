//! CertificateSigning: who writes a certificate or a failure into a request must be allowed to `sign` for its signer.
//! Source: `plugin/pkg/admission/certificates/signing`.

use serde_json::Value;

use super::certificate_approval::may;
use super::{Attributes, Plugin};
use crate::object::meta;
use crate::sim::apiserver::status::Result;

pub const PLUGIN: Plugin = Plugin { name: "CertificateSigning", validate, ..Plugin::NOTHING };

fn validate(attributes: &Attributes, request: &Value) -> Result<()> {
    if attributes.resource.plural != "certificatesigningrequests" || attributes.subresource != "status" {
        return Ok(());
    }
    let Some(old) = attributes.old else { return Ok(()) };
    let same = |pointer: &str| request.pointer(pointer) == old.pointer(pointer);
    if (same("/status/certificate") && same("/status/conditions")) || may(attributes, "sign", old) {
        return Ok(());
    }
    let signer = meta::text(old, "/spec/signerName");
    Err(attributes.forbidden(old, &format!("user not permitted to sign requests with signerName {signer:?}")))
}
