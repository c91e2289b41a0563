//! csrapproving: approves the client certificates of kubelets whose requester may have them. All others wait for a person.
//! Source: `pkg/controller/certificates/approver/sarapprove.go`.

use serde_json::{Value, json};

use super::{Controller, csr};
use crate::object::meta;
use crate::sim::apiserver::auth::{Attributes, ResourceAttributes, Target, User};
use crate::sim::apiserver::pki::{Request, Signer};
use crate::sim::apiserver::registry::kinds::certificatesigningrequest::CERTIFICATESIGNINGREQUEST;
use crate::sim::apiserver::status::Result;
use crate::sim::reconciler::{Context, Key, Next, Watched, own};

/// The controller; its keys are requests.
pub static CSR_APPROVING_CONTROLLER: Controller = Controller {
    name: "csrapproving",
    watches: &[Watched { resource: &CERTIFICATESIGNINGREQUEST, keys: own }],
    reconcile,
};

fn reconcile(context: &Context, (_, name): &Key) -> Result<Next> {
    let Some(found) = context.client.find(&CERTIFICATESIGNINGREQUEST, "", name) else { return Ok(Next::Done) };
    let settled = csr::is_issued(&found) || csr::holds(&found, "Approved") || csr::holds(&found, "Denied");
    let signer = Signer::of(meta::text(&found, "/spec/signerName"));
    if settled || signer != Some(Signer::ApiServerClientKubelet) {
        return Ok(Next::Done);
    }
    let Ok(request) = csr::read(&found) else { return Ok(Next::Done) };
    if Signer::ApiServerClientKubelet.accept(&request, &csr::usages(&found)).is_err() {
        return Ok(Next::Done);
    }
    match message(context, &found, &request) {
        Some(message) => approve(context, &found, message),
        None => Ok(Next::Done),
    }
}

/// Why it is approved, if the requester may have it.
fn message(context: &Context, found: &Value, request: &Request) -> Option<&'static str> {
    let requester = User::of_review(&json!({
        "user": found["spec"]["username"],
        "uid": found["spec"]["uid"],
        "groups": found["spec"]["groups"],
        "extra": found["spec"]["extra"],
    }));
    let policy = context.client.server().policy();
    let may = |subresource| {
        let object = ResourceAttributes {
            group: "certificates.k8s.io",
            version: "*",
            resource: "certificatesigningrequests",
            subresource,
            ..ResourceAttributes::default()
        };
        policy.allows(&Attributes { user: &requester, verb: "create", target: Target::Resource(object) })
    };
    if request.subject().common_name == requester.name && may("selfnodeclient") {
        return Some("Auto approving self kubelet client certificate after SubjectAccessReview.");
    }
    may("nodeclient").then_some("Auto approving kubelet client certificate after SubjectAccessReview.")
}

fn approve(context: &Context, found: &Value, message: &str) -> Result<Next> {
    let mut approved = found.clone();
    let condition = json!({ "type": "Approved", "status": "True", "reason": "AutoApproved", "message": message });
    let conditions = [meta::list(found, "/status/conditions"), &[condition]].concat();
    meta::child(&mut approved, "status")["conditions"] = Value::Array(conditions);
    match context.client.update_part(&CERTIFICATESIGNINGREQUEST, approved, "approval") {
        Err(status) if !status.is_not_found() => Err(status),
        _ => Ok(Next::Done),
    }
}
