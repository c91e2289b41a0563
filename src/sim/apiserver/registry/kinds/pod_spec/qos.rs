//! The quality-of-service class of a Pod, from its requests and limits of cpu and memory.
//! Source: `pkg/apis/core/helper/qos/qos.go`, ComputePodQOS.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::object::meta;
use crate::object::quantity::Quantity;

type Sums = BTreeMap<String, Quantity>;

/// Adds what counts of `list` to `sums`, and says whether it named both cpu and memory.
fn add(sums: &mut Sums, list: Option<&Value>) -> bool {
    let mut named = 0;
    for name in ["cpu", "memory"] {
        let Some(quantity) = list.and_then(|list| list.get(name)).and_then(|value| Quantity::of(value).ok()) else {
            continue;
        };
        if quantity > Quantity::ZERO {
            named += 1;
            let sum = sums.entry(name.to_owned()).or_insert(Quantity::ZERO);
            *sum += quantity;
        }
    }
    named == 2
}

/// `Guaranteed`, `Burstable` or `BestEffort`.
pub fn class(spec: &Value) -> &'static str {
    let (mut requests, mut limits) = (Sums::new(), Sums::new());
    let mut guaranteed = true;
    if spec.get("resources").is_some_and(Value::is_object) {
        add(&mut requests, spec.pointer("/resources/requests"));
        guaranteed = add(&mut limits, spec.pointer("/resources/limits"));
    } else {
        for container in meta::list(spec, "/containers").iter().chain(meta::list(spec, "/initContainers")) {
            add(&mut requests, container.pointer("/resources/requests"));
            guaranteed &= add(&mut limits, container.pointer("/resources/limits"));
        }
    }
    if requests.is_empty() && limits.is_empty() {
        "BestEffort"
    } else if guaranteed && requests == limits {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_requests_and_limits_are_guaranteed() {
        let both = json!({ "cpu": "500m", "memory": "1Gi" });
        let same = json!({ "cpu": "0.5", "memory": "1024Mi" });
        let pod = |resources: Value| json!({ "containers": [{ "name": "c", "resources": resources }] });
        assert_eq!(class(&pod(json!({}))), "BestEffort");
        assert_eq!(class(&pod(json!({ "requests": both, "limits": same }))), "Guaranteed");
        assert_eq!(class(&pod(json!({ "requests": { "cpu": "1" } }))), "Burstable");
        assert_eq!(class(&pod(json!({ "requests": both, "limits": { "cpu": "500m" } }))), "Burstable");
    }
}
