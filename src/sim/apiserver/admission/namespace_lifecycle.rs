//! NamespaceLifecycle: nothing is created where there is no namespace or where it is going; some namespaces stay.
//! Emptying a namespace is a controller's. Source: `k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle`.

use serde_json::Value;

use super::{Attributes, Operation, Plugin};
use crate::object::meta;
use crate::sim::apiserver::status::{Result, Status};

pub const PLUGIN: Plugin =
    Plugin { name: "NamespaceLifecycle", mutate: |attributes, object| admit(attributes, object), validate };

const IMMORTAL: [&str; 3] = ["default", "kube-public", "kube-system"];

fn validate(attributes: &Attributes, object: &Value) -> Result<()> {
    let is_namespace = attributes.resource.group.is_empty() && attributes.resource.plural == "namespaces";
    if attributes.operation == Operation::Delete && is_namespace && IMMORTAL.contains(&attributes.name) {
        return Err(attributes.forbidden(object, "this namespace may not be deleted"));
    }
    Ok(())
}

fn admit(attributes: &Attributes, object: &Value) -> Result<()> {
    let reviews = attributes.resource.plural == "localsubjectaccessreviews";
    if attributes.namespace.is_empty() || attributes.operation == Operation::Delete || reviews {
        return Ok(());
    }
    let namespace = attributes.namespace;
    let found = attributes.namespace_object().ok_or_else(|| Status::not_found("", "namespaces", namespace))?;
    if attributes.operation != Operation::Create || meta::text(&found, "/status/phase") != "Terminating" {
        return Ok(());
    }
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    let told = format!("namespace {namespace} is being terminated");
    let refused = attributes.forbidden_early(object, &why);
    Err(refused.with_cause("NamespaceTerminating", &told, "metadata.namespace"))
}
