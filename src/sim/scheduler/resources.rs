//! What Pods ask for and nodes have, in numbers the scheduler can add.
//! Source: `k8s.io/component-helpers/resource/helpers.go` PodRequests; `pkg/scheduler/util/pod_resources.go` for the assumed requests.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::object::meta;
use crate::object::quantity::Quantity;

/// What a container without a request is taken to need when nodes are scored: a tenth of a CPU.
const ASSUMED_CPU: i64 = 100;
/// And so many bytes of memory.
const ASSUMED_MEMORY: i64 = 200 * 1024 * 1024;

/// Amounts by resource: thousandths of CPUs, bytes, and counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    pub cpu: i64,
    pub memory: i64,
    pub ephemeral: i64,
    /// Extended resources, huge pages and the like.
    pub scalars: BTreeMap<String, i64>,
}

impl Resources {
    /// The amounts of a map of quantities, such as `requests` or `allocatable`; `pods` is not among them.
    pub fn of(quantities: Option<&Value>) -> Self {
        let mut resources = Self::default();
        for (name, quantity) in quantities.and_then(Value::as_object).into_iter().flatten() {
            let Ok(quantity) = Quantity::of(quantity) else { continue };
            match name.as_str() {
                "cpu" => resources.cpu = quantity.milli_value(),
                "memory" => resources.memory = quantity.value(),
                "ephemeral-storage" => resources.ephemeral = quantity.value(),
                "pods" => {}
                _ => drop(resources.scalars.insert(name.clone(), quantity.value())),
            }
        }
        resources
    }

    /// Adds `times` times the other amounts.
    pub fn add(&mut self, other: &Self, times: i64) {
        self.cpu += times * other.cpu;
        self.memory += times * other.memory;
        self.ephemeral += times * other.ephemeral;
        for (name, amount) in &other.scalars {
            *self.scalars.entry(name.clone()).or_default() += times * amount;
        }
    }

    /// Whether there is less of anything than in the other amounts.
    pub fn has_less_than(&self, other: &Self) -> bool {
        let of = |name: &String| self.scalars.get(name).copied().unwrap_or_default();
        self.cpu < other.cpu
            || self.memory < other.memory
            || self.ephemeral < other.ephemeral
            || other.scalars.iter().any(|(name, amount)| of(name) < *amount)
    }

    /// Takes the larger of each amount.
    fn raise(&mut self, other: &Self) {
        self.cpu = self.cpu.max(other.cpu);
        self.memory = self.memory.max(other.memory);
        self.ephemeral = self.ephemeral.max(other.ephemeral);
        for (name, amount) in &other.scalars {
            let known = self.scalars.entry(name.clone()).or_default();
            *known = (*known).max(*amount);
        }
    }
}

/// What a Pod asks for: its containers together, or its hungriest moment of initialisation.
pub fn requested(pod: &Value) -> Resources {
    total(pod, |container| Resources::of(container.pointer("/resources/requests")))
}

/// The same for scoring, where a container that asks for nothing counts with what such containers usually need.
pub fn assumed(pod: &Value) -> Resources {
    total(pod, |container| {
        let mut resources = Resources::of(container.pointer("/resources/requests"));
        let asks = |name: &str| container.pointer(&format!("/resources/requests/{name}")).is_some();
        if !asks("cpu") {
            resources.cpu = ASSUMED_CPU;
        }
        if !asks("memory") {
            resources.memory = ASSUMED_MEMORY;
        }
        resources
    })
}

fn total(pod: &Value, of: impl Fn(&Value) -> Resources) -> Resources {
    let mut sum = Resources::default();
    for container in meta::list(pod, "/spec/containers") {
        sum.add(&of(container), 1);
    }
    let (mut sidecars, mut peak) = (Resources::default(), Resources::default());
    for container in meta::list(pod, "/spec/initContainers") {
        let own = of(container);
        if meta::text(container, "/restartPolicy") == "Always" {
            sidecars.add(&own, 1);
            peak.raise(&sidecars);
        } else {
            let mut moment = own;
            moment.add(&sidecars, 1);
            peak.raise(&moment);
        }
    }
    sum.add(&sidecars, 1);
    sum.raise(&peak);
    if let Some(whole) = pod.pointer("/spec/resources/requests") {
        let whole_amounts = Resources::of(Some(whole));
        if whole.get("cpu").is_some() {
            sum.cpu = whole_amounts.cpu;
        }
        if whole.get("memory").is_some() {
            sum.memory = whole_amounts.memory;
        }
        sum.scalars.extend(whole_amounts.scalars);
    }
    sum.add(&Resources::of(pod.pointer("/spec/overhead")), 1);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn container(cpu: &str) -> Value {
        json!({ "resources": { "requests": { "cpu": cpu } } })
    }

    #[test]
    fn a_pod_asks_for_the_sum_of_its_containers_or_its_hungriest_init_container() {
        let mut pod = json!({ "spec": { "containers": [container("100m"), container("200m")] } });
        assert_eq!(requested(&pod).cpu, 300);
        pod["spec"]["initContainers"] = json!([container("500m")]);
        assert_eq!(requested(&pod).cpu, 500);
        let mut sidecar = container("100m");
        sidecar["restartPolicy"] = json!("Always");
        pod["spec"]["initContainers"] = json!([sidecar, container("500m")]);
        assert_eq!(requested(&pod).cpu, 600, "the sidecar runs beside the init container after it");
    }

    #[test]
    fn what_asks_for_nothing_counts_a_little_in_scores() {
        let pod = json!({ "spec": { "containers": [{}, container("1")] } });
        let assumed = assumed(&pod);
        assert_eq!((assumed.cpu, assumed.memory), (1100, 2 * ASSUMED_MEMORY));
        assert_eq!(requested(&pod).memory, 0);
    }
}
