//! csrsigning: signs approved requests for the signers of `kubernetes.io`, or tells why not.
//! What each signer accepts stands in `pki`. Source: `pkg/controller/certificates/signer/signer.go`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Controller, csr};
use crate::object::meta;
use crate::sim::apiserver::pki::{Signer, sign_request};
use crate::sim::apiserver::registry::kinds::certificatesigningrequest::CERTIFICATESIGNINGREQUEST;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::reconciler::{Context, Key, Next, Watched, own};

/// The controller; its keys are requests.
pub static CSR_SIGNING_CONTROLLER: Controller = Controller {
    name: "csrsigning",
    watches: &[Watched { resource: &CERTIFICATESIGNINGREQUEST, keys: own }],
    reconcile,
};

fn reconcile(context: &Context, (_, name): &Key) -> Result<Next> {
    let Some(found) = context.client.find(&CERTIFICATESIGNINGREQUEST, "", name) else { return Ok(Next::Done) };
    let approved = csr::holds(&found, "Approved") && !csr::holds(&found, "Denied");
    if !approved || csr::is_issued(&found) || csr::holds(&found, "Failed") {
        return Ok(Next::Done);
    }
    let Some(signer) = Signer::of(meta::text(&found, "/spec/signerName")) else { return Ok(Next::Done) };
    let request = csr::read(&found).map_err(Status::internal)?;
    let usages = csr::usages(&found);
    let mut signed = (*found).clone();
    let status = meta::child(&mut signed, "status");
    match signer.accept(&request, &usages) {
        Err(why) => {
            let failed = json!({ "type": "Failed", "status": "True", "reason": "SignerValidationFailure", "message": why.to_string() });
            status["conditions"] = Value::Array([meta::list(&found, "/status/conditions"), &[failed]].concat());
        }
        Ok(()) => {
            let seconds = meta::number(&found, "/spec/expirationSeconds");
            let now = context.client.clock().now();
            let pem = sign_request(&context.authority, &request, &usages, seconds, now).map_err(Status::internal)?;
            status["certificate"] = json!(STANDARD.encode(pem));
        }
    }
    match context.client.update_status(&CERTIFICATESIGNINGREQUEST, signed) {
        Err(status) if !status.is_not_found() => Err(status),
        _ => Ok(Next::Done),
    }
}
