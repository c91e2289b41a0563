//! VolumeBinding: a Pod goes where its volumes are, or where they can be made.
//! What is done once a node is chosen is `binding.rs`. Source: `pkg/scheduler/framework/plugins/volumebinding`.

use std::sync::Arc;

use serde_json::Value;

use super::{Plugin, Prepared, Unfit};
use crate::object::meta;
use crate::object::quantity::Quantity;
use crate::sim::apiserver::storage::Object;
use crate::sim::scheduler::claims::{self, SELECTED_NODE};
use crate::sim::scheduler::cycle::Cycle;
use crate::sim::scheduler::happened::{CLAIM, CLASS, NODE_ADDED, NODE_LABELS, VOLUME};
use crate::sim::scheduler::node::NodeInfo;

pub const PLUGIN: Plugin = Plugin {
    name: "VolumeBinding",
    prepare: Some(prepare),
    score: None,
    wakes: CLAIM | VOLUME | CLASS | NODE_ADDED | NODE_LABELS,
    hint: claims::may_be_of,
};

/// What has to be done for a claim once the Pod has its node.
#[derive(Clone, Debug)]
pub enum Plan {
    /// Give it this volume.
    Take { claim: Object, volume: Object },
    /// Have one made.
    Make { claim: Object },
}

struct Volumes {
    bound: Vec<(Object, Option<Object>)>,
    unbound: Vec<Object>,
    volumes: Vec<Object>,
}

fn prepare<'c>(cycle: &'c Cycle<'c>) -> Result<Prepared<'c>, Unfit> {
    let client = cycle.cache.client();
    let Some(volumes) = read(cycle)? else { return Ok(Prepared::Skip) };
    Ok(Prepared::Ask(Box::new(move |node| {
        let plan = plan(&volumes, node, |claim| claims::class(client, claim));
        plan.map(drop).map_err(|reasons| Unfit {
            reasons: reasons.iter().map(|reason| (*reason).into()).collect(),
            resolvable: false,
        })
    })))
}

fn read(cycle: &Cycle<'_>) -> Result<Option<Volumes>, Unfit> {
    let client = cycle.cache.client();
    let found = claims::of(client, &cycle.pod.object).map_err(Unfit::unresolvable)?;
    if found.is_empty() {
        return Ok(None);
    }
    let (bound, mut unbound): (Vec<_>, Vec<_>) = found.into_iter().partition(|claim| claims::is_bound(claim));
    let immediate = |claim: &Object| !meta::text(claim, "/spec/volumeName").is_empty() || !claims::waits(client, claim);
    if unbound.iter().any(immediate) {
        return Err(Unfit::unresolvable("pod has unbound immediate PersistentVolumeClaims"));
    }
    let size =
        |claim: &Object| claim.pointer("/spec/resources/requests/storage").and_then(|size| Quantity::of(size).ok());
    unbound.sort_by_key(size);
    let with_volume = |claim: Object| {
        let volume = claims::volume(client, meta::text(&claim, "/spec/volumeName"));
        (claim, volume)
    };
    let bound = bound.into_iter().map(with_volume).collect();
    let volumes = if unbound.is_empty() { Vec::new() } else { claims::volumes(client) };
    Ok(Some(Volumes { bound, unbound, volumes }))
}

/// What has to be done for the Pod's claims to have it on a node; empty when all are bound.
pub fn plan_for(cycle: &Cycle<'_>, node: &NodeInfo) -> Vec<Plan> {
    let client = cycle.cache.client();
    let volumes = read(cycle).ok().flatten();
    volumes.and_then(|volumes| plan(&volumes, node, |claim| claims::class(client, claim)).ok()).unwrap_or_default()
}

const ELSEWHERE: &str = "node(s) didn't match PersistentVolume's node affinity";
const NONE: &str = "node(s) didn't find available persistent volumes to bind";
const GONE: &str = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)";

fn plan(
    volumes: &Volumes,
    node: &NodeInfo,
    class: impl Fn(&Value) -> Option<Arc<Value>>,
) -> Result<Vec<Plan>, Vec<&'static str>> {
    let mut reasons = Vec::new();
    for (_, volume) in &volumes.bound {
        match volume {
            None => {
                reasons.push(GONE);
                break;
            }
            Some(volume) if !claims::reaches(volume, node) => {
                reasons.push(ELSEWHERE);
                break;
            }
            Some(_) => {}
        }
    }
    let mut plans = Vec::new();
    let mut taken: Vec<&str> = Vec::new();
    let mut to_make = Vec::new();
    for claim in &volumes.unbound {
        match meta::annotation(claim, SELECTED_NODE) {
            Some(selected) if selected != node.name() => {
                reasons.insert(reasons.len().min(1), NONE);
                return Err(reasons);
            }
            Some(_) => to_make.push(claim),
            None => match claims::matching(claim, &volumes.volumes, node, &taken) {
                Some(volume) => {
                    taken.push(meta::name(volume));
                    plans.push(Plan::Take { claim: claim.clone(), volume: volume.clone() });
                }
                None => to_make.push(claim),
            },
        }
    }
    for claim in to_make {
        let found = class(claim);
        let can = found.is_some_and(|class| {
            let provisioner = meta::text(&class, "/provisioner");
            !matches!(provisioner, "" | "kubernetes.io/no-provisioner") && allows(&class, node)
        });
        if !can {
            reasons.push(NONE);
            break;
        }
        plans.push(Plan::Make { claim: claim.clone() });
    }
    if reasons.is_empty() { Ok(plans) } else { Err(reasons) }
}

/// Whether a class makes volumes for such a node.
fn allows(class: &Value, node: &NodeInfo) -> bool {
    let terms = meta::list(class, "/allowedTopologies");
    let meets = |expression: &Value| {
        let label = node.label(meta::text(expression, "/key"));
        meta::list(expression, "/values").iter().any(|value| value.as_str() == label)
    };
    terms.is_empty() || terms.iter().any(|term| meta::list(term, "/matchLabelExpressions").iter().all(meets))
}
