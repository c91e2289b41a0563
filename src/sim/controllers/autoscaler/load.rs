//! How many Pods a measured load needs: the ratio of use to target, with Pods counted that are not measured.
//! There is no metrics server: a Pod's use of the CPU is what its annotation `kubedrill.io/cpu-load` says.
//! Source: `pkg/controller/podautoscaler/replica_calculator.go`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::object::meta;
use crate::object::quantity::Quantity;
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::pods;

/// A Pod's use of the CPU, such as `200m`.
pub const CPU_LOAD: &str = "kubedrill.io/cpu-load";

/// How far use may be from its target before anything changes.
const TOLERANCE: f64 = 0.1;

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
    pods: &[Object],
    (resource, container): (&str, &str),
    current: i64,
    target: Target,
) -> Result<Need, String> {
    let used: BTreeMap<&str, i64> =
        pods.iter().filter_map(|pod| Some((meta::name(pod), used(pod, resource)?))).collect();
    if used.is_empty() {
        let why = "unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)";
        return Err(format!("unable to get metrics for resource {resource}: {why}"));
    }
    let (mut measured, mut missing, mut unready) = (Vec::new(), Vec::new(), 0usize);
    for pod in pods {
        let phase = meta::text(pod, "/status/phase");
        match used.get(meta::name(pod)) {
            _ if meta::is_terminating(pod) || phase == "Failed" => {}
            _ if phase == "Pending" => unready += 1,
            None => missing.push(pod),
            Some(_) if !pods::is_ready(pod) => unready += 1,
            Some(used) => measured.push((pod, *used)),
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
        return told(if is_near(found) { current } else { ceil(found, count) });
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
    told(if is_near(new) || turned || against { current } else { wanted })
}

fn is_near(ratio: f64) -> bool {
    (1.0 - TOLERANCE..=1.0 + TOLERANCE).contains(&ratio)
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

fn used(pod: &Value, resource: &str) -> Option<i64> {
    let load = meta::annotation(pod, CPU_LOAD).filter(|_| resource == "cpu")?;
    Quantity::parse(load).ok().map(Quantity::milli_value)
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

    fn pods(loads: &[&str]) -> Vec<Object> {
        let pod = |(index, load): (usize, &&str)| {
            let mut pod = json!({
                "metadata": { "name": format!("p{index}") },
                "spec": { "containers": [{ "name": "c", "resources": { "requests": { "cpu": "100m" } } }] },
                "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] },
            });
            if !load.is_empty() {
                meta::set_annotation(&mut pod, CPU_LOAD, load);
            }
            Arc::new(pod)
        };
        loads.iter().enumerate().map(pod).collect()
    }

    fn wanted(loads: &[&str], percent: i64) -> i64 {
        let current = i64::try_from(loads.len()).unwrap();
        need(&pods(loads), ("cpu", ""), current, Target::Utilization(percent)).unwrap().replicas
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
    fn an_average_value_needs_no_request() {
        let mut pods = pods(&["300m"]);
        pods[0] = Arc::new({
            let mut pod = (*pods[0]).clone();
            pod["spec"]["containers"][0]["resources"] = json!({});
            pod
        });
        let found = need(&pods, ("cpu", ""), 1, Target::AverageValue(100)).unwrap();
        assert_eq!(found, Need { replicas: 3, utilization: None, average: 300 });
        let why = need(&pods, ("cpu", ""), 1, Target::Utilization(50)).unwrap_err();
        assert_eq!(why, "missing request for cpu in container c of Pod p0");
    }
}
