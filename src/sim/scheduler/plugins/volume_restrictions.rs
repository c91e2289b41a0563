//! VolumeRestrictions: a claim that only one Pod may use is not given to a second one.
//! Disks of cloud providers are not simulated. Source: `pkg/scheduler/framework/plugins/volumerestrictions`.

use super::{Plugin, Prepared, Unfit};
use crate::object::{claim, meta};
use crate::sim::apiserver::registry::kinds::persistentvolumeclaim::PERSISTENTVOLUMECLAIM;
use crate::sim::scheduler::claims;
use crate::sim::scheduler::cycle::Cycle;
use crate::sim::scheduler::happened::{CLAIM, NODE_ADDED, POD_GONE};
use crate::sim::scheduler::pod::PodInfo;

pub const PLUGIN: Plugin = Plugin {
    name: "VolumeRestrictions",
    prepare: Some(prepare),
    score: None,
    wakes: CLAIM | NODE_ADDED | POD_GONE,
    hint: |pod, happened| claims::may_be_of(pod, happened) && happened.pod_is(|gone| share(pod, gone)),
};

const IN_USE: &str =
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod";

fn share(one: &PodInfo, other: &PodInfo) -> bool {
    let (names, others) = (claim::names(&one.object), claim::names(&other.object));
    one.namespace() == other.namespace() && names.iter().any(|name| others.contains(name))
}

fn prepare<'c>(cycle: &'c Cycle<'c>) -> Result<Prepared<'c>, Unfit> {
    let (client, namespace) = (cycle.cache.client(), cycle.pod.namespace());
    let mut alone = Vec::new();
    for (name, ephemeral) in claim::names(&cycle.pod.object) {
        let Some(claim) = client.find(&PERSISTENTVOLUMECLAIM, namespace, &name) else {
            if ephemeral {
                continue;
            }
            return Err(Unfit::unresolvable(format!("persistentvolumeclaim {name:?} not found")));
        };
        if meta::list(&claim, "/spec/accessModes").iter().any(|mode| mode == "ReadWriteOncePod") {
            alone.push(name);
        }
    }
    let uses = |pod: &&PodInfo| {
        pod.namespace() == namespace && claim::names(&pod.object).iter().any(|(name, _)| alone.contains(name))
    };
    if alone.is_empty() || !cycle.nodes.iter().flat_map(|node| &node.pods).any(|pod| uses(&pod)) {
        return Ok(Prepared::Skip);
    }
    Ok(Prepared::Ask(Box::new(|_| Err(Unfit::resolvable(IN_USE)))))
}
