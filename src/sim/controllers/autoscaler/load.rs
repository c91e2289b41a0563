//! How many Pods a measured load needs: the ratio of use to target, with Pods counted that are not measured.
//! Measuring is the metrics server's. Source: `pkg/controller/podautoscaler/replica_calculator.go`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::object::meta;
use crate::object::quantity::Quantity;
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::pods;

/// How far use may be from its target before anything changes, when nothing is said.
const TOLERANCE: f64 = 0.1;
/// While a Pod starts, its use of the CPU counts only once it is ready (`--horizontal-pod-autoscaler-cpu-initialization-period`).
const STARTING: SignedDuration = SignedDuration::from_mins(5);
/// A Pod that was never ready longer than this after its start has not been ready at all (`--horizontal-pod-autoscaler-initial-readiness-delay`).
const FIRST_READINESS: SignedDuration = SignedDuration::from_secs(30);

/// What a Pod used.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Milli-units.
    pub used: i64,
    pub at: Timestamp,
    pub window: SignedDuration,
}

/// What was measured of which Pod, by name.
pub type Measures = BTreeMap<String, Measure>;

/// What PodMetrics say of a resource; `container` is the one that counts, or empty for all.
pub fn measures(metrics: &[Object], (resource, container): (&str, &str)) -> Measures {
    let one = |metrics: &Object| {
        let counted = meta::list(metrics, "/containers")
            .iter()
            .filter(|found| container.is_empty() || meta::text(found, "/name") == container);
        let used: Option<Vec<i64>> = counted
            .map(|found| Some(Quantity::of(found.pointer("/usage")?.get(resource)?).ok()?.milli_value()))
            .collect();
        let used = used.filter(|used| !used.is_empty())?.iter().sum();
        let at = meta::text(metrics, "/timestamp").parse().ok()?;
        let window =
            meta::text(metrics, "/window").trim_end_matches('s').parse().ok().map(SignedDuration::from_secs_f64)?;
        Some((meta::name(metrics).to_owned(), Measure { used, at, window }))
    };
    metrics.iter().filter_map(one).collect()
}

/// How a ratio is judged: how far it may be from one, down and up, and what time it is.
#[derive(Clone, Copy, Debug)]
pub struct Judge {
    pub down: f64,
    pub up: f64,
    pub now: Timestamp,
}

impl Judge {
    /// With the tolerances of an autoscaler's `behavior`.
    pub fn of(autoscaler: &Value, now: Timestamp) -> Self {
        let told = |way: &str| {
            let tolerance = autoscaler.pointer(&format!("/spec/behavior/{way}/tolerance"))?;
            Some(Quantity::of(tolerance).ok()?.as_f64())
        };
        Self { down: told("scaleDown").unwrap_or(TOLERANCE), up: told("scaleUp").unwrap_or(TOLERANCE), now }
    }

    fn is_near(self, ratio: f64) -> bool {
        (1.0 - self.down..=1.0 + self.up).contains(&ratio)
    }
}

/// What use is aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Percent of what the Pods request.
    Utilization(i64),
    /// Milli-units a Pod.
    AverageValue(i64),
}

/// What a load needs, and what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    pub replicas: i64,
    /// Percent of the request, where that is the target.
    pub utilization: Option<i64>,
    /// Milli-units a Pod.
    pub average: i64,
}

/// The Pods that `target` needs with this load, of which `current` are wanted now; or why that cannot be said.
/// `container` is the one whose request counts, or empty for all.
pub fn need(
    (pods, measures): (&[Object], &Measures),
    (resource, container): (&str, &str),
    current: i64,
    target: Target,
    judge: Judge,
) -> Result<Need, String> {
    if pods.is_empty() {
        return Err("no pods returned by selector while calculating replica count".to_owned());
    }
    let (mut measured, mut missing, mut unready) = (Vec::new(), Vec::new(), 0usize);
    for pod in pods {
        let phase = meta::text(pod, "/status/phase");
        match measures.get(meta::name(pod)) {
            _ if meta::is_terminating(pod) || phase == "Failed" => {}
            _ if phase == "Pending" => unready += 1,
            None => missing.push(pod),
            Some(measure) if resource == "cpu" && is_unready(pod, measure, judge.now) => unready += 1,
            Some(measure) => measured.push((pod, measure.used)),
        }
    }
    if measured.is_empty() {
        return Err("did not receive metrics for targeted pods (pods might be unready)".to_owned());
    }
    let mut aims = BTreeMap::new();
    for pod in pods {
        let aim = match target {
            Target::AverageValue(value) => value,
            Target::Utilization(_) => request(pod, resource, container)?,
        };
        aims.insert(meta::name(pod), aim);
    }
    let aim = |pod: &Object| aims.get(meta::name(pod)).copied().unwrap_or_default();
    let sum = |counted: &[(&Object, i64)]| -> (i64, i64) {
        (counted.iter().map(|(_, used)| used).sum(), counted.iter().map(|(pod, _)| aim(pod)).sum())
    };
    let (total, base) = sum(&measured);
    let count = i64::try_from(measured.len()).unwrap_or(i64::MAX);
    let found = ratio(total, base, target);
    let (utilization, average) = (percent(total, base, target), total / count);
    let told = |replicas| Ok(Need { replicas, utilization, average });
    let grows_unready = unready > 0 && found > 1.0;
    if missing.is_empty() && !grows_unready {
        return told(if judge.is_near(found) { current } else { ceil(found, count) });
    }
    // What is not measured is taken for what speaks against a change.
    let idle = |pod: &Object| match target {
        Target::Utilization(percent) => aim(pod) * percent.max(100) / 100,
        Target::AverageValue(value) => value,
    };
    let mut counted = measured;
    counted.extend(missing.into_iter().map(|pod| (pod, if found < 1.0 { idle(pod) } else { 0 })));
    let (total, base) = sum(&counted);
    let extra = if grows_unready { i64::try_from(unready).unwrap_or(i64::MAX) } else { 0 };
    let known = i64::try_from(counted.len()).unwrap_or(i64::MAX);
    let count = known + extra;
    // Pods that are not ready use nothing, and request what the others do on average.
    let new = ratio(total, base + base * extra / known, target);
    let wanted = ceil(new, count);
    let turned = (found < 1.0 && new > 1.0) || (found > 1.0 && new < 1.0);
    let against = (new < 1.0 && wanted > current) || (new > 1.0 && wanted < current);
    told(if judge.is_near(new) || turned || against { current } else { wanted })
}

/// Whether a Pod's use of the CPU is that of its start.
fn is_unready(pod: &Value, measure: &Measure, now: Timestamp) -> bool {
    let time = |found: &Value, key: &str| meta::text(found, key).parse::<Timestamp>().ok();
    let (Some(ready), Some(started)) = (pods::condition(pod, "Ready"), time(pod, "/status/startTime")) else {
        return true;
    };
    let since = time(ready, "/lastTransitionTime").unwrap_or(started);
    let not = meta::text(ready, "/status") == "False";
    if started + STARTING > now {
        return not || measure.at < since + measure.window;
    }
    not && started + FIRST_READINESS > since
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "numbers of Pods are small")]
fn ceil(ratio: f64, count: i64) -> i64 {
    (ratio * count as f64).ceil() as i64
}

/// Use over target; `base` is what 100 % are.
#[expect(clippy::cast_precision_loss, reason = "milli-units of Pods are far from the limit")]
fn ratio(total: i64, base: i64, target: Target) -> f64 {
    match target {
        Target::Utilization(aim) => (total * 100 / base.max(1)) as f64 / aim.max(1) as f64,
        Target::AverageValue(_) => total as f64 / base.max(1) as f64,
    }
}

fn percent(total: i64, base: i64, target: Target) -> Option<i64> {
    matches!(target, Target::Utilization(_)).then(|| total * 100 / base.max(1))
}

/// What a Pod requests of a resource, in milli-units.
fn request(pod: &Value, resource: &str, container: &str) -> Result<i64, String> {
    let stays = |found: &&Value| meta::text(found, "/restartPolicy") == "Always";
    let all = meta::list(pod, "/spec/containers")
        .iter()
        .chain(meta::list(pod, "/spec/initContainers").iter().filter(stays))
        .filter(|found| container.is_empty() || meta::text(found, "/name") == container);
    let (mut sum, mut found) = (0, false);
    for one in all {
        let asked = one.pointer("/resources/requests").and_then(|requests| requests.get(resource));
        let asked = asked.and_then(|asked| Quantity::of(asked).ok()).ok_or_else(|| {
            let (name, pod) = (meta::text(one, "/name"), meta::name(pod));
            format!("missing request for {resource} in container {name} of Pod {pod}")
        })?;
        sum += asked.milli_value();
        found = true;
    }
    if found { Ok(sum) } else { Err(format!("container {container} not found in Pod {}", meta::name(pod))) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    const NOW: &str = "2026-03-01T12:10:00Z";

    /// Pods that have run for long, and what was measured of those that name a load.
    fn pods(loads: &[&str]) -> (Vec<Object>, Measures) {
        let pod = |index: usize| {
            Arc::new(json!({
                "metadata": { "name": format!("p{index}") },
                "spec": { "containers": [{ "name": "c", "resources": { "requests": { "cpu": "100m" } } }] },
                "status": {
                    "phase": "Running",
                    "startTime": "2026-03-01T12:00:00Z",
                    "conditions": [{ "type": "Ready", "status": "True", "lastTransitionTime": "2026-03-01T12:00:05Z" }],
                },
            }))
        };
        let measure = |(index, load): (usize, &&str)| {
            Arc::new(json!({
                "metadata": { "name": format!("p{index}") },
                "timestamp": NOW,
                "window": "15.000s",
                "containers": [{ "name": "c", "usage": { "cpu": load } }],
            }))
        };
        let told: Vec<Object> = loads.iter().enumerate().filter(|(_, load)| !load.is_empty()).map(measure).collect();
        ((0..loads.len()).map(pod).collect(), measures(&told, ("cpu", "")))
    }

    fn ask((pods, measures): &(Vec<Object>, Measures), target: Target) -> Result<Need, String> {
        let current = i64::try_from(pods.len()).unwrap();
        let judge = Judge::of(&json!({}), NOW.parse().unwrap());
        need((pods, measures), ("cpu", ""), current, target, judge)
    }

    fn wanted(loads: &[&str], percent: i64) -> i64 {
        ask(&pods(loads), Target::Utilization(percent)).unwrap().replicas
    }

    #[test]
    fn the_ratio_of_use_to_target_decides() {
        assert_eq!(wanted(&["100m", "100m"], 50), 4);
        assert_eq!(wanted(&["10m", "10m", "10m"], 50), 1);
        // Within ten percent nothing changes.
        assert_eq!(wanted(&["54m", "54m"], 50), 2);
        assert_eq!(wanted(&["56m", "56m"], 50), 3);
    }

    #[test]
    fn what_is_not_measured_speaks_against_a_change() {
        assert_eq!(wanted(&["100m", ""], 50), 2);
        assert_eq!(wanted(&["10m", ""], 50), 2);
    }

    #[test]
    fn what_a_pod_uses_while_it_starts_does_not_count() {
        let mut both = pods(&["100m", "400m"]);
        both.0[1] = Arc::new({
            let mut pod = (*both.0[1]).clone();
            pod["status"]["startTime"] = json!("2026-03-01T12:09:40Z");
            pod["status"]["conditions"][0]["lastTransitionTime"] = json!("2026-03-01T12:09:50Z");
            pod
        });
        // 100m of 100m for one Pod and nothing for the other: on target.
        assert_eq!(ask(&both, Target::Utilization(50)).unwrap().replicas, 2);
    }

    #[test]
    fn an_average_value_needs_no_request() {
        let mut pods = pods(&["300m"]);
        pods.0[0] = Arc::new({
            let mut pod = (*pods.0[0]).clone();
            pod["spec"]["containers"][0]["resources"] = json!({});
            pod
        });
        let found = ask(&pods, Target::AverageValue(100)).unwrap();
        assert_eq!(found, Need { replicas: 3, utilization: None, average: 300 });
        let why = ask(&pods, Target::Utilization(50)).unwrap_err();
        assert_eq!(why, "missing request for cpu in container c of Pod p0");
    }
}
