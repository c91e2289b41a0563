//! Eviction of Pods whose volumes hold more than they may.
//! That a node runs short of something does not happen here. Source: `pkg/kubelet/eviction/eviction_manager.go`, localStorageEviction.

use jiff::SignedDuration;
use serde_json::json;

use super::container::time;
use super::kubelet::{Kubelets, Sync};
use super::static_pods::is_mirror;
use super::{admission, conditions, stop};
use crate::base::clock::later;
use crate::object::meta;
use crate::object::quantity::Quantity;

/// How often a kubelet looks (`pkg/kubelet/kubelet.go`, evictionMonitoringPeriod).
const PERIOD: SignedDuration = SignedDuration::from_secs(10);
/// How many seconds a Pod has to end (`immediateEvictionGracePeriodSeconds`).
const GRACE: i64 = 1;

/// Ends a Pod that takes more than it may; whether it does.
pub fn evicts(kubelets: &Kubelets, sync: &mut Sync) -> bool {
    if sync.memory.evicted.is_none() {
        let Some(message) = excess(kubelets, sync) else { return false };
        sync.events.warning(sync.pod, conditions::EVICTED, &message);
        sync.memory.evicted = Some((message, later(sync.now, GRACE)));
    }
    let Some((message, deadline)) = sync.memory.evicted.clone() else { return false };
    if stop::end_all(kubelets, sync, deadline) {
        sync.status["reason"] = json!(conditions::EVICTED);
        sync.status["message"] = json!(message);
    }
    conditions::update(sync);
    true
}

/// What a Pod takes too much of, in the kubelet's words.
fn excess(kubelets: &Kubelets, sync: &mut Sync) -> Option<String> {
    let volumes = meta::list(sync.pod, "/spec/volumes").iter().filter_map(|volume| {
        let limit = Quantity::of(volume.pointer("/emptyDir/sizeLimit")?).ok()?;
        // In memory there is no more room than that.
        let counts = limit > Quantity::ZERO && meta::text(volume, "/emptyDir/medium") != "Memory";
        counts.then_some((meta::text(volume, "/name"), limit))
    });
    let limited: Vec<(&str, Quantity)> = volumes.collect();
    if limited.is_empty() || is_mirror(sync.pod) || admission::is_critical(sync.pod) {
        return None;
    }
    let first = time(&sync.status, "/startTime")? + PERIOD;
    if sync.now < first {
        sync.wake_at(first);
        return None;
    }
    sync.wake_at(sync.now + PERIOD);
    limited.into_iter().find_map(|(name, limit)| {
        let used = kubelets.runtime.used(&format!("{}/{name}", meta::uid(sync.pod)));
        let too_much = i64::try_from(used).unwrap_or(i64::MAX) > limit.value();
        too_much.then(|| format!("Usage of EmptyDir volume {name:?} exceeds the limit \"{limit}\". "))
    })
}
