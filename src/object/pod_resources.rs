//! What a Pod asks for as a whole: the sums of its containers' requests and limits, as scheduler, limits and quotas count them.
//! Source: `k8s.io/component-helpers/resource/helpers.go`, PodRequests and PodLimits.

use std::collections::BTreeMap;

use serde_json::Value;

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

fn total(spec: &Value, key: &str) -> Resources {
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
    let whole = read(spec.pointer("/resources").and_then(|resources| resources.get(key)));
    sum.extend(whole.into_iter().filter(|(name, _)| name == "cpu" || name == "memory"));
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
}
