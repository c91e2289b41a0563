//! The pause after failures: ten seconds, doubled with each failure in a row, ten minutes at most.
//! What it remembers is gone with a restart, as in the real controller. Source: `pkg/controller/job/backoff_utils.go`.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::object::meta;
use crate::sim::controllers::pods;

const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(600);

/// Failures of a Job's Pods since the last that succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    failures: u32,
    last: Option<Timestamp>,
}

/// The records of all Jobs, by uid.
#[derive(Default)]
pub struct Records(pub HashMap<String, Record>);

impl Record {
    /// The record after these Pods ended.
    pub fn after<'a>(
        self,
        succeeded: impl Iterator<Item = &'a Value>,
        failed: impl Iterator<Item = &'a Value>,
    ) -> Self {
        let last_success = succeeded.map(finished).max();
        let failures: Vec<Timestamp> =
            failed.map(finished).filter(|time| last_success.is_none_or(|success| *time > success)).collect();
        let before = if last_success.is_some() { Self::default() } else { self };
        match failures.iter().max() {
            None => before,
            Some(last) => {
                let count = u32::try_from(failures.len()).unwrap_or(u32::MAX);
                Self { failures: before.failures.saturating_add(count), last: Some(*last) }
            }
        }
    }

    /// How long to wait yet before trying again.
    pub fn remaining(self, now: Timestamp) -> Duration {
        self.last.map_or(Duration::ZERO, |last| remaining(self.failures, last, now))
    }
}

/// How long to wait yet after so many failures, the last of them then.
pub fn remaining(failures: u32, last: Timestamp, now: Timestamp) -> Duration {
    if failures == 0 {
        return Duration::ZERO;
    }
    let pause = FIRST.saturating_mul(1_u32.checked_shl(failures - 1).unwrap_or(u32::MAX)).min(LONGEST);
    let end = last.saturating_add(SignedDuration::try_from(pause).unwrap_or_default()).unwrap_or(now);
    pods::until(end, now)
}

/// When a Pod ended: as its containers say, or else its Ready condition, or when it was deleted.
pub fn finished(pod: &Value) -> Timestamp {
    let statuses = meta::list(pod, "/status/containerStatuses");
    let ends: Vec<Option<Timestamp>> =
        statuses.iter().map(|status| pods::time(status, "/state/terminated/finishedAt")).collect();
    let by_containers = if ends.iter().all(Option::is_some) { ends.into_iter().flatten().max() } else { None };
    let unready = pods::condition(pod, "Ready").filter(|ready| meta::text(ready, "/status") == "False");
    let deleted = || {
        let grace = meta::number(pod, "/metadata/deletionGracePeriodSeconds").unwrap_or_default();
        pods::time(pod, "/metadata/deletionTimestamp")?.checked_sub(SignedDuration::from_secs(grace)).ok()
    };
    by_containers
        .or_else(|| unready.and_then(|ready| pods::time(ready, "/lastTransitionTime")))
        .or_else(deleted)
        .or_else(|| pods::time(pod, "/metadata/creationTimestamp"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_failure_doubles_the_pause_and_a_success_ends_it() {
        let pod =
            |end: &str| json!({"status": {"containerStatuses": [{"state": {"terminated": {"finishedAt": end}}}]}});
        let (early, late) = (pod("2026-01-01T00:00:00Z"), pod("2026-01-01T00:01:00Z"));
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        let none = std::iter::empty;
        let one = Record::default().after(none(), [&late].into_iter());
        assert_eq!(one.remaining(now), Duration::from_secs(10));
        let three = one.after(none(), [&late, &early].into_iter());
        assert_eq!(three.remaining(now), Duration::from_secs(40));
        assert_eq!(three.after([&late].into_iter(), [&early].into_iter()).remaining(now), Duration::ZERO);
        assert_eq!(remaining(40, now, now), LONGEST);
    }
}
