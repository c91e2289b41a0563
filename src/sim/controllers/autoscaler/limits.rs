//! How fast the number of Pods may change: bounds, rates, and the patience before it shrinks.
//! Source: `pkg/controller/podautoscaler/horizontal.go`, normalizeDesiredReplicas and normalizeDesiredReplicasWithBehaviors.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::object::meta;

/// How long a larger number is remembered before the Pods become fewer, in seconds.
const DOWNSCALE_WINDOW: i64 = 300;

/// What an autoscaler remembers: numbers it thought right, and how it changed the number, each with its time.
#[derive(Clone, Debug, Default)]
pub struct Past {
    pub thoughts: Vec<(Timestamp, i64)>,
    pub changes: Vec<(Timestamp, i64)>,
}

/// A number that may be had, and what the autoscaler says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub replicas: i64,
    /// Reason and message of `AbleToScale`.
    pub able: (&'static str, &'static str),
    /// Status, reason and message of `ScalingLimited`.
    pub limited: (bool, &'static str, &'static str),
}

/// The bounds of an autoscaler: least, most, and how many there are.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub least: i64,
    pub most: i64,
    pub current: i64,
}

/// What may be had of `wanted` Pods now. Remembers what was wanted.
pub fn judge(behavior: Option<&Value>, past: &mut Past, bounds: Bounds, wanted: i64, now: Timestamp) -> Verdict {
    let behavior = behavior.filter(|behavior| !behavior.is_null());
    let window = |way: &str, default| {
        let told = behavior.and_then(|found| found.pointer(&format!("/{way}/stabilizationWindowSeconds")));
        told.and_then(Value::as_i64).unwrap_or(default)
    };
    let (up, down) = (window("scaleUp", 0), window("scaleDown", DOWNSCALE_WINDOW));
    let age = |then: Timestamp| now.duration_since(then);
    past.thoughts.retain(|(then, _)| age(*then) < SignedDuration::from_secs(up.max(down).max(1)));
    let within = |seconds: i64| {
        past.thoughts
            .iter()
            .filter(move |(then, _)| age(*then) < SignedDuration::from_secs(seconds))
            .map(|found| found.1)
    };
    let floor = within(up).chain([wanted]).min().unwrap_or(wanted);
    let ceiling = within(down).chain([wanted]).max().unwrap_or(wanted);
    let steady = bounds.current.max(floor).min(ceiling);
    past.thoughts.push((now, wanted));
    let able = if steady == wanted {
        ("ReadyForNewScale", "recommended size matches current size")
    } else if wanted >= bounds.current {
        (
            "ScaleUpStabilized",
            "recent recommendations were lower than current one, applying the lowest recent recommendation",
        )
    } else {
        (
            "ScaleDownStabilized",
            "recent recommendations were higher than current one, applying the highest recent recommendation",
        )
    };
    let (replicas, reason, message) = bounded(behavior, past, bounds, steady, now);
    Verdict { replicas, able, limited: (replicas != steady, reason, message) }
}

fn bounded(
    behavior: Option<&Value>,
    past: &Past,
    bounds: Bounds,
    steady: i64,
    now: Timestamp,
) -> (i64, &'static str, &'static str) {
    let rate = rate(behavior, past, bounds.current, steady, now);
    let highest = if steady > bounds.current { rate.min(bounds.most) } else { bounds.most };
    let lowest = if steady < bounds.current { rate.max(bounds.least) } else { bounds.least };
    if steady > highest {
        return if highest < bounds.most {
            (highest, "ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
        } else {
            (highest, "TooManyReplicas", "the desired replica count is more than the maximum replica count")
        };
    }
    if steady < lowest {
        return if lowest > bounds.least {
            (lowest, "ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
        } else {
            (lowest, "TooFewReplicas", "the desired replica count is less than the minimum replica count")
        };
    }
    (steady, "DesiredWithinRange", "the desired count is within the acceptable range")
}

/// The number that may be reached on the way to `steady` now.
fn rate(behavior: Option<&Value>, past: &Past, current: i64, steady: i64, now: Timestamp) -> i64 {
    let grows = steady > current;
    let Some(behavior) = behavior else { return if grows { (2 * current).max(4) } else { 0 } };
    let rules = &behavior[if grows { "scaleUp" } else { "scaleDown" }];
    let choice = meta::text(rules, "/selectPolicy");
    if choice == "Disabled" {
        return current;
    }
    let policies = meta::list(rules, "/policies");
    if policies.is_empty() {
        return if grows { (2 * current).max(current + 4) } else { 0 };
    }
    let reach = policies.iter().map(|policy| {
        let period = SignedDuration::from_secs(meta::number(policy, "/periodSeconds").unwrap_or(15));
        let recent = past.changes.iter().filter(|(then, _)| now.duration_since(*then) < period);
        let start = current - recent.map(|(_, change)| change).sum::<i64>();
        let value = meta::number(policy, "/value").unwrap_or_default();
        match (meta::text(policy, "/type"), grows) {
            ("Pods", true) => start + value,
            ("Pods", false) => start - value,
            (_, true) => (start * (100 + value) + 99).div_euclid(100),
            (_, false) => (start * (100 - value)).div_euclid(100),
        }
    });
    let reached = if grows == (choice != "Min") { reach.max() } else { reach.min() };
    let reached = reached.unwrap_or(current);
    // A period that saw more change than a policy allows stops it, and does not turn it round.
    if grows { reached.max(current) } else { reached.min(current) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000_000 + seconds)
    }

    fn bounds(current: i64) -> Bounds {
        Bounds { least: 1, most: 20, current }
    }

    #[test]
    fn it_shrinks_only_after_the_window() {
        let mut past = Past::default();
        assert_eq!(judge(None, &mut past, bounds(4), 4, at(0)).replicas, 4);
        let held = judge(None, &mut past, bounds(4), 1, at(15));
        assert_eq!((held.replicas, held.able.0), (4, "ScaleDownStabilized"));
        assert_eq!(judge(None, &mut past, bounds(4), 1, at(301)).replicas, 1);
        let short = json!({ "scaleDown": { "stabilizationWindowSeconds": 30 } });
        let mut past = Past::default();
        judge(Some(&short), &mut past, bounds(4), 4, at(0));
        assert_eq!(judge(Some(&short), &mut past, bounds(4), 1, at(31)).replicas, 1);
    }

    #[test]
    fn it_grows_no_faster_than_allowed() {
        let mut past = Past::default();
        let verdict = judge(None, &mut past, bounds(3), 15, at(0));
        assert_eq!((verdict.replicas, verdict.limited.1), (6, "ScaleUpLimit"));
        let slow = json!({ "scaleUp": { "policies": [{ "type": "Pods", "value": 2, "periodSeconds": 60 }] } });
        past.changes.push((at(0), 2));
        assert_eq!(judge(Some(&slow), &mut past, bounds(5), 15, at(30)).replicas, 5);
        assert_eq!(judge(Some(&slow), &mut past, bounds(5), 15, at(61)).replicas, 7);
        let most = judge(None, &mut past, Bounds { most: 6, ..bounds(5) }, 15, at(62));
        assert_eq!((most.replicas, most.limited.1), (6, "TooManyReplicas"));
    }
}
