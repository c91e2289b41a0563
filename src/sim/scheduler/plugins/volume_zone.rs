//! VolumeZone: a volume that is labelled with a zone is used in that zone only.
//! Source: `pkg/scheduler/framework/plugins/volumezone`.

use super::{Plugin, Prepared, Unfit};
use crate::object::meta;
use crate::sim::scheduler::claims;
use crate::sim::scheduler::cycle::Cycle;
use crate::sim::scheduler::happened::{CLAIM, CLASS, NODE_ADDED, NODE_LABELS, VOLUME};

pub const PLUGIN: Plugin = Plugin {
    name: "VolumeZone",
    prepare: Some(prepare),
    score: None,
    wakes: CLAIM | VOLUME | CLASS | NODE_ADDED | NODE_LABELS,
    hint: claims::may_be_of,
};

const LABELS: [&str; 4] = [
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
];

fn prepare<'c>(cycle: &'c Cycle<'c>) -> Result<Prepared<'c>, Unfit> {
    let client = cycle.cache.client();
    let mut places: Vec<(&'static str, Vec<String>)> = Vec::new();
    for claim in claims::of(client, &cycle.pod.object).unwrap_or_default() {
        let Some(volume) = claims::volume(client, meta::text(&claim, "/spec/volumeName")) else { continue };
        for key in LABELS {
            let Some(zones) = meta::label(&volume, key) else { continue };
            places.push((key, zones.split("__").map(str::to_owned).collect()));
        }
    }
    if places.is_empty() {
        return Ok(Prepared::Skip);
    }
    Ok(Prepared::Ask(Box::new(move |node| {
        let elsewhere = |(key, zones): &(&'static str, Vec<String>)| {
            let modern = key.replace("failure-domain.beta", "topology");
            let zone = node.label(key).or_else(|| node.label(&modern));
            !zone.is_some_and(|zone| zones.iter().any(|known| known == zone))
        };
        if LABELS.iter().any(|key| node.label(key).is_some()) && places.iter().any(elsewhere) {
            return Err(Unfit::unresolvable("node(s) had no available volume zone"));
        }
        Ok(())
    })))
}
