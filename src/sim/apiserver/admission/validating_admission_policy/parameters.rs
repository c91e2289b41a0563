//! The objects a binding gives its policy as `params`.
//! Source: `k8s.io/apiserver/pkg/admission/plugin/policy/generic/policy_dispatcher.go`, CollectParams.

use serde_json::Value;

use crate::object::meta;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::admission::Attributes;
use crate::sim::apiserver::registry;

/// The parameters to judge with, one after another: `null` where the policy wants none. An error is a binding that is set up wrong.
pub(super) fn collect(policy: &Value, binding: &Value, attributes: &Attributes) -> Result<Vec<Value>, String> {
    let kind = policy.pointer("/spec/paramKind").filter(|kind| kind.is_object());
    let reference = binding.pointer("/spec/paramRef").filter(|reference| reference.is_object());
    let (Some(kind), Some(reference)) = (kind, reference) else { return Ok(vec![Value::Null]) };
    let (version, kind) = (meta::text(kind, "/apiVersion"), meta::text(kind, "/kind"));
    let resource =
        registry::of_kind(version, kind).ok_or_else(|| format!("paramKind kind `{version}, Kind={kind}` not known"))?;
    let given = meta::text(reference, "/namespace");
    let namespace = match (resource.namespaced, given, attributes.namespace) {
        (false, "", _) => "",
        (false, ..) => {
            return Err("paramRef.namespace must not be provided for a cluster-scoped `paramKind`".to_owned());
        }
        (true, "", "") => {
            let why = "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources";
            return Err(why.to_owned());
        }
        (true, "", own) => own,
        (true, given, _) => given,
    };
    let plural = resource.storage().group_resource();
    let found: Vec<Value> = match meta::text(reference, "/name") {
        "" => {
            let selector = LabelSelector::from_object(reference.get("selector")).map_err(|error| error.to_string())?;
            let (all, _) = attributes.storage.list(&plural, Some(namespace).filter(|_| resource.namespaced));
            all.iter().filter(|object| selector.selects(object)).map(|object| (**object).clone()).collect()
        }
        name => attributes.storage.get(&plural, namespace, name).iter().map(|object| (**object).clone()).collect(),
    };
    if found.is_empty() && meta::text(reference, "/parameterNotFoundAction") == "Deny" {
        return Err("no params found for policy binding with `Deny` parameterNotFoundAction".to_owned());
    }
    Ok(found)
}
