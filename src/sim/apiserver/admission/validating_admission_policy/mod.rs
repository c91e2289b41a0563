//! ValidatingAdmissionPolicy: rules in CEL about writes, where bindings put them to work.
//! Which writes a rule is about stands in `matching` beside this folder, what its expressions come to in `judging`, what they are given in `parameters`, whom
//! they can ask in `asking`.
//! Source: `k8s.io/apiserver/pkg/admission/plugin/policy/validating/{dispatcher.go,validator.go}`.

mod asking;
pub(super) mod judging;
mod parameters;

use serde_json::{Value, json};

use super::matching::{self, Write};
use super::{Attributes, Plugin};
use crate::object::meta;
use crate::sim::apiserver::registry::scale;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;
use judging::Denial;

pub const PLUGIN: Plugin = Plugin { name: "ValidatingAdmissionPolicy", validate, ..Plugin::NOTHING };

const GROUP: &str = "admissionregistration.k8s.io";
const POLICIES: &str = "validatingadmissionpolicies.admissionregistration.k8s.io";
const BINDINGS: &str = "validatingadmissionpolicybindings.admissionregistration.k8s.io";

fn validate(attributes: &Attributes, object: &Value) -> Result<()> {
    let storage = attributes.storage;
    let registration = attributes.resource.group == GROUP;
    if registration || storage.count(POLICIES) == 0 || storage.count(BINDINGS) == 0 {
        return Ok(());
    }
    if attributes.subresource == "scale" {
        let of = |object: &Value| scale::of(attributes.resource, object);
        return ask(attributes, &of(object), attributes.old.map(of).as_ref());
    }
    ask(attributes, object, attributes.old)
}

/// Asks all policies about a write, which is of these two objects.
fn ask(attributes: &Attributes, object: &Value, old: Option<&Value>) -> Result<()> {
    let storage = attributes.storage;
    let write = Write::of(attributes, (object, old));
    let (bindings, _) = storage.list(BINDINGS, None);
    for policy in storage.list(POLICIES, None).0 {
        if !matching::matches(policy.pointer("/spec/matchConstraints"), &write) {
            continue;
        }
        let of = |binding: &&Object| meta::text(binding, "/spec/policyName") == meta::name(&policy);
        for binding in bindings.iter().filter(of) {
            let narrowed = binding.pointer("/spec/matchResources");
            if narrowed.is_none_or(|resources| matching::matches(Some(resources), &write)) {
                enforce(&policy, binding, &write)?;
            }
        }
    }
    Ok(())
}

/// Does what a binding says with what its policy finds wrong.
fn enforce(policy: &Value, binding: &Value, write: &Write) -> Result<()> {
    let attributes = write.attributes;
    let (name, bound) = (meta::name(policy), meta::name(binding));
    let fails = meta::text(policy, "/spec/failurePolicy") != "Ignore";
    let parameters = match parameters::collect(policy, binding, attributes) {
        Ok(parameters) => parameters,
        Err(_) if !fails => return Ok(()),
        Err(why) => {
            let denial = Denial { message: format!("failed to configure binding: {why}"), reason: String::new() };
            return Err(refusal(attributes, write, (name, bound), &denial));
        }
    };
    let actions = meta::list(binding, "/spec/validationActions");
    for parameter in &parameters {
        for denial in judging::judge(policy, parameter, write) {
            if actions.iter().any(|action| action == "Warn") {
                let told = &denial.message;
                attributes.warn(format!(
                    "Validation failed for ValidatingAdmissionPolicy '{name}' with binding '{bound}': {told}"
                ));
            }
            if actions.iter().any(|action| action == "Deny") {
                return Err(refusal(attributes, write, (name, bound), &denial));
            }
        }
    }
    Ok(())
}

fn refusal(attributes: &Attributes, write: &Write, (policy, binding): (&str, &str), denial: &Denial) -> Status {
    let message =
        format!("ValidatingAdmissionPolicy '{policy}' with binding '{binding}' denied request: {}", denial.message);
    let object = write.object.or(write.old).unwrap_or(&Value::Null);
    let mut status = attributes.forbidden(object, &message);
    (status.code, status.reason) = match denial.reason.as_str() {
        "Forbidden" => (403, "Forbidden"),
        "Unauthorized" => (401, "Unauthorized"),
        "RequestEntityTooLarge" => (413, "RequestEntityTooLarge"),
        _ => (422, "Invalid"),
    };
    if let Some(details) = &mut status.details {
        details["causes"] = json!([{ "message": message }]);
    }
    status
}
