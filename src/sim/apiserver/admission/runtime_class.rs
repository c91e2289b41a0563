//! RuntimeClass: a Pod that names a class takes over its overhead, node selector and tolerations; a class must be there.
//! Source: `plugin/pkg/admission/runtimeclass/admission.go`.

use serde_json::Value;

use super::{Attributes, Plugin};
use crate::object::meta;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;

pub const PLUGIN: Plugin = Plugin { name: "RuntimeClass", mutate, validate };

/// The class a new Pod names.
fn class(attributes: &Attributes, pod: &Value) -> Result<Option<Object>> {
    let name = meta::text(pod, "/spec/runtimeClassName");
    if !attributes.creates("", "pods") || name.is_empty() {
        return Ok(None);
    }
    let found = attributes.storage.get("runtimeclasses.node.k8s.io", "", name);
    let missing = || attributes.forbidden_early(pod, &format!("pod rejected: RuntimeClass {name:?} not found"));
    found.map(Some).ok_or_else(missing)
}

fn mutate(attributes: &Attributes, pod: &mut Value) -> Result<()> {
    let Some(class) = class(attributes, pod)? else { return Ok(()) };
    if let Some(overhead) = class.pointer("/overhead/podFixed") {
        let given = pod.pointer("/spec/overhead").filter(|given| *given != overhead);
        if given.is_some() {
            let why = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
            return Err(attributes.forbidden_early(pod, why));
        }
        meta::child(pod, "spec")["overhead"] = overhead.clone();
    }
    for (key, value) in meta::map(&class, "/scheduling/nodeSelector").into_iter().flatten() {
        let own = meta::text(pod, &format!("/spec/nodeSelector/{}", key.replace('~', "~0").replace('/', "~1")));
        if !own.is_empty() && value != own {
            let why = format!(
                "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {}; pod.spec.nodeSelector[{key}] = {own}",
                value.as_str().unwrap_or_default()
            );
            return Err(attributes.forbidden_early(pod, &why));
        }
        meta::child(meta::child(pod, "spec"), "nodeSelector")[key] = value.clone();
    }
    let tolerations = meta::list(&class, "/scheduling/tolerations");
    if !tolerations.is_empty() {
        meta::edit_list(meta::child(pod, "spec"), "tolerations", |own| {
            own.extend(tolerations.iter().filter(|toleration| !own.contains(toleration)).cloned().collect::<Vec<_>>());
        });
    }
    Ok(())
}

fn validate(attributes: &Attributes, pod: &Value) -> Result<()> {
    if !attributes.creates("", "pods") || pod.pointer("/spec/overhead").is_none() {
        return Ok(());
    }
    match class(attributes, pod)? {
        Some(class) if class.pointer("/overhead/podFixed").is_some() => Ok(()),
        _ => Err(attributes
            .forbidden(pod, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")),
    }
}
