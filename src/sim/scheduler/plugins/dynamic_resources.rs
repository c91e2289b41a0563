//! DynamicResources: a Pod that claims devices goes nowhere until its claims are allocated. No node here offers any.
//! Source: `pkg/scheduler/framework/plugins/dynamicresources/dynamicresources.go`.

use super::{Plugin, Prepared, Unfit, always};
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::resourceclaim::RESOURCECLAIM;
use crate::sim::scheduler::cycle::Cycle;
use crate::sim::scheduler::happened::{NODE_ADDED, NODE_LABELS};

pub const PLUGIN: Plugin = Plugin {
    name: "DynamicResources",
    prepare: Some(prepare),
    score: None,
    wakes: NODE_ADDED | NODE_LABELS,
    hint: always,
};

fn prepare<'c>(cycle: &'c Cycle<'c>) -> Result<Prepared<'c>, Unfit> {
    let pod = &cycle.pod.object;
    let claims = meta::list(pod, "/spec/resourceClaims");
    if claims.is_empty() {
        return Ok(Prepared::Skip);
    }
    let client = cycle.cache.client();
    for claim in claims {
        let name = match meta::text(claim, "/resourceClaimName") {
            "" => generated(pod, meta::text(claim, "/name")),
            name => Some(name.to_owned()),
        };
        let Some(name) = name else {
            let (namespace, pod) = (meta::namespace(pod), meta::name(pod));
            let why = format!("pod {:?}: ResourceClaim not created yet", format!("{namespace}/{pod}"));
            return Err(Unfit::unresolvable(why));
        };
        match client.find(&RESOURCECLAIM, meta::namespace(pod), &name) {
            None => return Err(Unfit::unresolvable(format!("resourceclaim.resource.k8s.io {name:?} not found"))),
            Some(found) if found.pointer("/status/allocation").is_none() => {
                return Ok(Prepared::Ask(Box::new(|_| Err(Unfit::unresolvable("cannot allocate all claims")))));
            }
            Some(_) => {}
        }
    }
    Ok(Prepared::Skip)
}

/// The claim that was made for the Pod from a template.
fn generated(pod: &serde_json::Value, name: &str) -> Option<String> {
    let statuses = meta::list(pod, "/status/resourceClaimStatuses");
    let found = statuses.iter().find(|status| meta::text(status, "/name") == name)?;
    Some(meta::text(found, "/resourceClaimName").to_owned()).filter(|name| !name.is_empty())
}
