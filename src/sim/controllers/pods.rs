//! What controllers ask of a Pod's status: is it active, ready, and for long enough.
//! Who makes the status is the kubelet's. Source: `pkg/api/v1/pod/util.go` and `pkg/controller/controller_utils.go`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::object::meta;

/// The condition of a type in `status.conditions`.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    meta::list(object, "/status/conditions").iter().find(|condition| meta::text(condition, "/type") == kind)
}

/// Whether a condition of this type is True.
pub fn holds(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| meta::text(condition, "/status") == "True")
}

/// A time at a JSON pointer.
pub fn time(object: &Value, pointer: &str) -> Option<Timestamp> {
    meta::text(object, pointer).parse().ok()
}

/// Whether it ended, well or not.
pub fn is_finished(pod: &Value) -> bool {
    matches!(meta::text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Whether it counts as a replica: neither ended nor asked to end.
pub fn is_active(pod: &Value) -> bool {
    !is_finished(pod) && !meta::is_terminating(pod)
}

/// Whether it is asked to end and has not yet.
pub fn is_ending(pod: &Value) -> bool {
    !is_finished(pod) && meta::is_terminating(pod)
}

/// Whether its Ready condition holds.
pub fn is_ready(pod: &Value) -> bool {
    holds(pod, "Ready")
}

/// Since when it is ready.
pub fn ready_since(pod: &Value) -> Option<Timestamp> {
    let ready = condition(pod, "Ready").filter(|ready| meta::text(ready, "/status") == "True")?;
    time(ready, "/lastTransitionTime")
}

/// Whether it has been ready for `min_ready` seconds.
pub fn is_available(pod: &Value, min_ready: i64, now: Timestamp) -> bool {
    is_ready(pod) && (min_ready == 0 || available_at(pod, min_ready).is_some_and(|then| then <= now))
}

fn available_at(pod: &Value, min_ready: i64) -> Option<Timestamp> {
    ready_since(pod)?.checked_add(SignedDuration::from_secs(min_ready)).ok()
}

/// How long until the next of these Pods has been ready for `min_ready` seconds; `None` when none is on its way there.
pub fn next_available<'a>(
    pods: impl IntoIterator<Item = &'a Value>,
    min_ready: i64,
    now: Timestamp,
) -> Option<Duration> {
    let next =
        pods.into_iter().filter_map(|pod| available_at(pod, min_ready)).filter(|then| min_ready > 0 && *then > now);
    next.min().map(|then| until(then, now))
}

/// The time from `now` to `then`; nothing when that is past.
pub fn until(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_ready_pod_is_available_only_after_its_seconds() {
        let ready = json!({"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let pod = json!({"status": {"phase": "Running", "conditions": [ready]}});
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!(is_available(&pod, 0, at("2026-01-01T00:00:00Z")));
        assert!(!is_available(&pod, 10, at("2026-01-01T00:00:09Z")));
        assert_eq!(next_available([&pod], 10, at("2026-01-01T00:00:04Z")), Some(Duration::from_secs(6)));
        assert!(is_available(&pod, 10, at("2026-01-01T00:00:10Z")));
        assert_eq!(next_available([&pod], 10, at("2026-01-01T00:00:10Z")), None);
    }
}
