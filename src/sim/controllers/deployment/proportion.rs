//! Sharing out a change of size between the ReplicaSets of a rollout under way, by their sizes.
//! Source: `scale` in `pkg/controller/deployment/sync.go` and `GetReplicaSetProportion` in its util package.

use std::cmp::Reverse;

use serde_json::Value;

use super::revision::MAX;
use super::rollout::{Rollout, counted, replicas};
use crate::object::meta;
use crate::sim::apiserver::storage::Object;

/// Each of the active ReplicaSets with its new size.
pub fn shares(rollout: &Rollout, mut active: Vec<Object>) -> Vec<(Object, i64)> {
    let wanted = rollout.wanted();
    let allowed = if wanted > 0 { wanted + rollout.max_surge() } else { 0 };
    let to_add = allowed - active.iter().map(|set| replicas(set)).sum::<i64>();
    // The larger first; of equals the newer grow first and the older shrink first.
    active.sort_by_key(|set| Reverse(age(set)));
    if to_add < 0 {
        active.reverse();
    }
    active.sort_by_key(|set| Reverse(replicas(set)));
    let mut added = 0;
    let mut sizes: Vec<i64> = Vec::new();
    for set in &active {
        let share = if to_add == 0 { 0 } else { share(rollout, set, to_add, added) };
        added += share;
        sizes.push(replicas(set) + share);
    }
    if let Some(first) = sizes.first_mut() {
        *first = (*first + to_add - added).max(0);
    }
    active.into_iter().zip(sizes).collect()
}

fn age(set: &Value) -> (String, String) {
    (meta::text(set, "/metadata/creationTimestamp").to_owned(), meta::name(set).to_owned())
}

fn share(rollout: &Rollout, set: &Value, to_add: i64, added: i64) -> i64 {
    if replicas(set) == 0 || to_add == added {
        return 0;
    }
    let fraction = fraction(rollout, set);
    if to_add > 0 { fraction.min(to_add - added) } else { fraction.max(to_add - added) }
}

/// How much a ReplicaSet changes when it keeps its part of the whole.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "replicas are small numbers")]
fn fraction(rollout: &Rollout, set: &Value) -> i64 {
    let size = replicas(set);
    if rollout.wanted() == 0 {
        return -size;
    }
    let before = meta::annotation(set, MAX).and_then(|most| most.parse::<i64>().ok()).filter(|most| *most > 0);
    let before = before.unwrap_or_else(|| counted(&rollout.deployment, "replicas"));
    if before == 0 {
        return 0;
    }
    let scaled = (size * (rollout.wanted() + rollout.max_surge())) as f64 / before as f64;
    scaled.round() as i64 - size
}
