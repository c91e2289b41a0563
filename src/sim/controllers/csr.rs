//! What the controllers of certificate requests ask of one.
//! Which signer accepts what stands in `pki`. Source: `pkg/controller/certificates/certificate_controller_utils.go`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::object::meta;
use crate::sim::apiserver::pki::{PkiError, Request};

/// Whether a condition of this type is True.
pub fn holds(request: &Value, kind: &str) -> bool {
    meta::list(request, "/status/conditions")
        .iter()
        .any(|condition| meta::text(condition, "/type") == kind && meta::text(condition, "/status") == "True")
}

/// Whether it has its certificate.
pub fn is_issued(request: &Value) -> bool {
    !meta::text(request, "/status/certificate").is_empty()
}

/// The usages asked for.
pub fn usages(request: &Value) -> Vec<&str> {
    meta::list(request, "/spec/usages").iter().filter_map(Value::as_str).collect()
}

/// What was sent to be signed.
pub fn read(request: &Value) -> Result<Request, PkiError> {
    Request::from_pem(&STANDARD.decode(meta::text(request, "/spec/request")).unwrap_or_default())
}
