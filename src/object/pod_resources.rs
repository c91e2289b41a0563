//! What a Pod asks for as a whole: the sums of its containers' requests and limits, as scheduler, limits and quotas count them.
//! Source: `k8s.io/component-helpers/resource/helpers.go`, PodRequests and PodLimits.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::meta;
use super::quantity::Quantity;

/// Quantities by resource name.
pub type Resources = BTreeMap<String, Quantity>;

/// A map of quantities, such as `resources.requests`. What is no quantity is left out.
pub fn read(list: Option<&Value>) -> Resources {
    let entries = list.and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), Quantity::of(value).ok()?))).collect()
}

/// Adds one list to another, name by name.
pub fn add(sum: &mut Resources, more: &Resources) {
    for (name, quantity) in more {
        *sum.entry(name.clone()).or_default() += *quantity;
    }
}

fn raise(least: &mut Resources, to: &Resources) {
    for (name, quantity) in to {
        let known = least.entry(name.clone()).or_insert(*quantity);
        *known = (*known).max(*quantity);
    }
}

/// What the Pod of this `spec` requests.
pub fn requests(spec: &Value) -> Resources {
    let mut sum = total(spec, "requests");
    add(&mut sum, &read(spec.get("overhead")));
    sum
}

/// The Pod with what its kubelet has set aside for the containers in place of what they ask for: the two differ while a resize waits
/// (`pkg/kubelet/allocation/allocation_manager.go`, UpdatePodFromAllocation).
pub fn as_allocated(pod: &Value) -> Cow<'_, Value> {
    with_requests(pod, |_, status| map_of(status.get("allocatedResources")))
}

/// The Pod with the most of what its containers ask for, were allotted and run with, as others have to count it; what can never be
/// had does not count (`k8s.io/component-helpers/resource/helpers.go`, determineContainerReqs).
pub fn as_counted(pod: &Value) -> Cow<'_, Value> {
    let pending =
        meta::list(pod, "/status/conditions").iter().find(|condition| condition["type"] == "PodResizePending");
    let infeasible = pending.is_some_and(|condition| condition["reason"] == "Infeasible");
    with_requests(pod, |asked, status| {
        let mut most = if infeasible { Map::new() } else { map_of(asked) };
        for list in [status.get("allocatedResources"), status.pointer("/resources/requests")] {
            for (name, value) in list.and_then(Value::as_object).into_iter().flatten() {
                let of = |value: &Value| Quantity::of(value).unwrap_or(Quantity::ZERO);
                if most.get(name).is_none_or(|known| of(known) < of(value)) {
                    most.insert(name.clone(), value.clone());
                }
            }
        }
        most
    })
}

fn map_of(list: Option<&Value>) -> Map<String, Value> {
    list.and_then(Value::as_object).cloned().unwrap_or_default()
}

/// The Pod with other requests of the containers that have started once: `of` tells them from what is asked for and from the status.
fn with_requests(pod: &Value, of: impl Fn(Option<&Value>, &Value) -> Map<String, Value>) -> Cow<'_, Value> {
    let mut changed = Cow::Borrowed(pod);
    for (list, statuses) in [("containers", "containerStatuses"), ("initContainers", "initContainerStatuses")] {
        let statuses = meta::list(pod, &format!("/status/{statuses}"));
        for (index, container) in meta::list(pod, &format!("/spec/{list}")).iter().enumerate() {
            let status = statuses.iter().find(|status| status["name"] == container["name"]);
            let Some(status) = status.filter(|status| status.get("resources").is_some()) else { continue };
            let asked = container.pointer("/resources/requests");
            let requests = of(asked, status);
            if requests != map_of(asked) {
                let container = &mut changed.to_mut()["spec"][list][index];
                meta::child(container, "resources")["requests"] = Value::Object(requests);
            }
        }
    }
    changed
}

/// What it is limited to.
pub fn limits(spec: &Value) -> Resources {
    let mut sum = total(spec, "limits");
    for (name, quantity) in read(spec.get("overhead")) {
        if let Some(limit) = sum.get_mut(&name) {
            *limit += quantity;
        }
    }
    sum
}

/// Whether it can be set for a Pod as a whole (`IsSupportedPodLevelResource`).
pub fn is_of_pod(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || name.starts_with("hugepages-")
}

fn total(spec: &Value, key: &str) -> Resources {
    let mut sum = of_containers(spec, key);
    let whole = read(spec.pointer("/resources").and_then(|resources| resources.get(key)));
    sum.extend(whole.into_iter().filter(|(name, _)| is_of_pod(name)));
    sum
}

/// What the containers of this `spec` come to, of `requests` or `limits` (AggregateContainerRequests, AggregateContainerLimits).
pub fn of_containers(spec: &Value, key: &str) -> Resources {
    let of = |container: &Value| read(container.pointer("/resources").and_then(|resources| resources.get(key)));
    let mut sum = Resources::new();
    for container in meta::list(spec, "/containers") {
        add(&mut sum, &of(container));
    }
    // Init containers run one after another, but beside the sidecars started before them.
    let (mut sidecars, mut least) = (Resources::new(), Resources::new());
    for container in meta::list(spec, "/initContainers") {
        let own = of(container);
        if meta::text(container, "/restartPolicy") == "Always" {
            add(&mut sum, &own);
            add(&mut sidecars, &own);
            raise(&mut least, &sidecars);
        } else {
            let mut now = own;
            add(&mut now, &sidecars);
            raise(&mut least, &now);
        }
    }
    raise(&mut sum, &least);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn init_containers_count_once_and_sidecars_always() {
        let cpu = |amount: &str| json!({ "resources": { "requests": { "cpu": amount } } });
        let mut sidecar = cpu("100m");
        sidecar["restartPolicy"] = json!("Always");
        let shown = |spec: &Value| requests(spec)["cpu"].to_string();
        let spec = json!({ "containers": [cpu("200m"), cpu("300m")], "initContainers": [sidecar, cpu("300m")] });
        assert_eq!(shown(&spec), "600m");
        let spec =
            json!({ "containers": [cpu("200m")], "initContainers": [sidecar, cpu("2")], "overhead": { "cpu": "50m" } });
        assert_eq!(shown(&spec), "2150m");
        let spec = json!({ "containers": [cpu("200m")], "resources": { "requests": { "cpu": "1" } } });
        assert_eq!(shown(&spec), "1");
    }

    #[test]
    fn a_resize_that_waits_is_counted_and_one_that_cannot_be_is_not() {
        let mut pod = json!({
            "spec": { "containers": [{ "name": "c", "resources": { "requests": { "cpu": "4" } } }] },
            "status": { "containerStatuses": [{
                "name": "c", "resources": { "requests": { "cpu": "1" } }, "allocatedResources": { "cpu": "2" },
            }] },
        });
        let cpu = |pod: &Value| requests(&pod["spec"])["cpu"].to_string();
        assert_eq!((cpu(&as_allocated(&pod)).as_str(), cpu(&as_counted(&pod)).as_str()), ("2", "4"));
        pod["status"]["conditions"] = json!([{ "type": "PodResizePending", "reason": "Infeasible" }]);
        assert_eq!(cpu(&as_counted(&pod)), "2");
        pod["status"]["containerStatuses"][0] = json!({ "name": "c" });
        assert_eq!((cpu(&as_allocated(&pod)).as_str(), cpu(&as_counted(&pod)).as_str()), ("4", "4"), "never started");
    }
}
