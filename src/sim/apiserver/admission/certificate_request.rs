//! Who asks for a certificate is written into the request, and conditions get the times they lack.
//! Upstream this is the strategy's, which knows the user: `pkg/registry/certificates/certificates/strategy.go`.

use serde_json::{Value, json};

use super::{Attributes, Operation, Plugin};
use crate::object::meta;
use crate::sim::apiserver::status::Result;

pub const PLUGIN: Plugin = Plugin { name: "CertificateRequest", mutate, ..Plugin::NOTHING };

fn mutate(attributes: &Attributes, request: &mut Value) -> Result<()> {
    if attributes.resource.plural != "certificatesigningrequests" {
        return Ok(());
    }
    match (attributes.operation, attributes.old) {
        (Operation::Create, _) => sign_in(attributes, meta::child(request, "spec")),
        (_, Some(old)) if !attributes.subresource.is_empty() => date(attributes, request, old),
        _ => {}
    }
    Ok(())
}

fn sign_in(attributes: &Attributes, spec: &mut Value) {
    for key in ["username", "uid", "groups", "extra"] {
        meta::remove(spec, key);
    }
    let user = attributes.user;
    spec["username"] = json!(user.name);
    if !user.uid.is_empty() {
        spec["uid"] = json!(user.uid);
    }
    if !user.groups.is_empty() {
        spec["groups"] = json!(user.groups);
    }
    if !user.extra.is_empty() {
        spec["extra"] = json!(user.extra);
    }
}

fn date(attributes: &Attributes, request: &mut Value, old: &Value) {
    let now = json!(attributes.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let conditions = request.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        let before = meta::list(old, "/status/conditions").iter().find(|before| before["type"] == condition["type"]);
        let since = before.filter(|before| before["status"] == condition["status"]);
        let since = since.and_then(|before| before.get("lastTransitionTime")).filter(|time| time.is_string());
        meta::set_default(condition, "lastUpdateTime", now.clone());
        meta::set_default(condition, "lastTransitionTime", since.unwrap_or(&now).clone());
    }
}
