//! Which Pods are deleted first when there are too many.
//! Source: `ActivePodsWithRanks` in `pkg/controller/controller_utils.go`.

use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::object::meta;
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::pods;

const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// What of a Pod decides; the smaller is deleted first.
struct Rank<'a> {
    coarse: (bool, u8, bool, i64, Reverse<usize>),
    ready_since: Option<Timestamp>,
    restarts: Reverse<(i64, i64)>,
    created: Option<Timestamp>,
    uid: &'a str,
}

/// Sorts Pods so that those to delete first come first. `beside` are the Pods whose company on a node counts against a Pod.
pub fn by_deletion(pods: &mut [Object], beside: &[Object], now: Timestamp) {
    let mut company: HashMap<&str, usize> = HashMap::new();
    for pod in beside {
        *company.entry(meta::text(pod, "/spec/nodeName")).or_default() += 1;
    }
    let rank = |pod: &Value| company.get(meta::text(pod, "/spec/nodeName")).copied().unwrap_or_default();
    pods.sort_by(|one, other| compare(&rank_of(one, rank(one)), &rank_of(other, rank(other)), now));
}

fn rank_of(pod: &Value, company: usize) -> Rank<'_> {
    let phase = match meta::text(pod, "/status/phase") {
        "Pending" => 0,
        "Unknown" => 1,
        _ => 2,
    };
    let cost = meta::annotation(pod, DELETION_COST).and_then(|cost| cost.parse().ok()).unwrap_or_default();
    let assigned = !meta::text(pod, "/spec/nodeName").is_empty();
    Rank {
        coarse: (assigned, phase, pods::is_ready(pod), cost, Reverse(company)),
        ready_since: pods::ready_since(pod),
        restarts: Reverse(restarts(pod)),
        created: pods::time(pod, "/metadata/creationTimestamp"),
        uid: meta::uid(pod),
    }
}

/// The most restarts of a container, and of a sidecar.
fn restarts(pod: &Value) -> (i64, i64) {
    let most = |pointer: &str, counts: &dyn Fn(&str) -> bool| {
        let statuses = meta::list(pod, pointer).iter().filter(|status| counts(meta::text(status, "/name")));
        statuses.filter_map(|status| meta::number(status, "/restartCount")).max().unwrap_or_default()
    };
    let is_sidecar = |name: &str| {
        let mut containers = meta::list(pod, "/spec/initContainers").iter();
        containers.any(|found| meta::text(found, "/name") == name && meta::text(found, "/restartPolicy") == "Always")
    };
    (most("/status/containerStatuses", &|_| true), most("/status/initContainerStatuses", &is_sidecar))
}

fn compare(one: &Rank, other: &Rank, now: Timestamp) -> Ordering {
    one.coarse
        .cmp(&other.coarse)
        .then_with(|| younger(one.ready_since, other.ready_since, now, one.uid.cmp(other.uid)))
        .then_with(|| one.restarts.cmp(&other.restarts))
        .then_with(|| younger(one.created, other.created, now, one.uid.cmp(other.uid)))
}

/// The younger first, on a scale of doubling ages; within one step by `tie`.
fn younger(one: Option<Timestamp>, other: Option<Timestamp>, now: Timestamp, tie: Ordering) -> Ordering {
    match (one, other) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(one), Some(other)) if one == other => Ordering::Equal,
        (Some(one), Some(other)) => doublings(one, now).cmp(&doublings(other, now)).then(tie),
    }
}

fn doublings(then: Timestamp, now: Timestamp) -> i64 {
    let age = now.duration_since(then).as_nanos();
    if age > 0 { i64::from(age.ilog2()) } else { -1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str, node: &str, ready: bool, cost: &str) -> Object {
        let ready = if ready { "True" } else { "False" };
        Object::new(json!({
            "metadata": {"name": name, "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z",
                         "annotations": {DELETION_COST: cost}},
            "spec": {"nodeName": node},
            "status": {"phase": if node.is_empty() { "Pending" } else { "Running" }, "conditions": [
                {"type": "Ready", "status": ready, "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
        }))
    }

    #[test]
    fn the_least_useful_goes_first() {
        let mut pods = vec![
            pod("dear", "a", true, "9"),
            pod("company", "b", true, "1"),
            pod("plain", "a", true, "1"),
            pod("unready", "a", false, "1"),
            pod("unplaced", "", false, "1"),
        ];
        let beside = vec![pod("x", "b", true, ""), pod("y", "b", true, ""), pod("z", "a", true, "")];
        by_deletion(&mut pods, &beside, "2026-01-01T01:00:00Z".parse().unwrap());
        let names: Vec<_> = pods.iter().map(|pod| meta::name(pod).to_owned()).collect();
        assert_eq!(names, ["unplaced", "unready", "company", "plain", "dear"]);
    }
}
