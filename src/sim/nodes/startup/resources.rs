//! What a kubelet says its node has, and how much of it Pods may have, by its configuration.
//! Source: `pkg/kubelet/nodestatus/setters.go`, `pkg/kubelet/cm/node_container_manager_linux.go`, `pkg/kubelet/eviction/helpers.go`.

use serde_json::{Value, json};

use crate::object::meta;
use crate::object::quantity::Quantity;

/// What each machine has: processors, KiB of memory and of disk.
const CORES: i64 = 2;
const MEMORY: i64 = 4_015_744;
const DISK: i64 = 20_288_444;
/// The Pods a node takes that is told nothing else.
const PODS: i64 = 110;
/// What is kept free that is told nothing else: bytes of memory and of the disk.
const FREE: (i64, i64) = (100 << 20, 2_076_936_616);
/// The signals that evictions follow. Source: `pkg/kubelet/eviction/api/types.go`.
const SIGNALS: &str = "memory.available nodefs.available nodefs.inodesFree imagefs.available imagefs.inodesFree \
    containerfs.available containerfs.inodesFree allocatableMemory.available pid.available";

/// `capacity` and `allocatable` of a node whose kubelet has this configuration, or why it does not start.
pub fn told(config: &Value) -> Result<Value, String> {
    let most = meta::number(config, "/maxPods").filter(|most| *most != 0).unwrap_or(PODS);
    let pods = match meta::number(config, "/podsPerCore") {
        None | Some(0) => most,
        Some(each) => most.min(each * CORES),
    };
    let (memory, disk) = evicted(config)?;
    let reserved =
        |name: &str| Ok::<_, String>(list(config, "kubeReserved", name)? + list(config, "systemReserved", name)?);
    let cpu = CORES * 1000 - reserved("cpu")?;
    let memory = (MEMORY << 10) - memory - reserved("memory")?;
    let disk = (DISK << 10) - disk - reserved("ephemeral-storage")?;
    for (name, left, all) in
        [("cpu", cpu, CORES * 1000), ("memory", memory, MEMORY << 10), ("ephemeral-storage", disk, DISK << 10)]
    {
        if left < 0 {
            let shown = |value: i64| if name == "cpu" { format!("{value}m") } else { value.to_string() };
            return Err(format!(
                "Failed to start ContainerManager: invalid Node Allocatable configuration. Resource {name:?} has a reservation of {} but capacity of {}. Expected capacity >= reservation.",
                shown(all - left),
                shown(all)
            ));
        }
    }
    let whole = |value: i64, by: i64, suffix: &str, finer: &str| match value {
        value if value % by == 0 => format!("{}{suffix}", value / by),
        value => format!("{value}{finer}"),
    };
    let resources = |cpu: String, memory: String, disk: String| {
        json!({ "cpu": cpu, "ephemeral-storage": disk, "hugepages-1Gi": "0", "hugepages-2Mi": "0", "memory": memory,
            "pods": pods.to_string() })
    };
    Ok(json!({
        "capacity": resources(CORES.to_string(), format!("{MEMORY}Ki"), format!("{DISK}Ki")),
        "allocatable": resources(
            whole(cpu, 1000, "", "m"),
            whole(memory, 1 << 10, "Ki", ""),
            disk.to_string(),
        ),
    }))
}

/// What one of the reservations keeps of a resource: thousandths of processors, or bytes.
fn list(config: &Value, field: &str, wanted: &str) -> Result<i64, String> {
    let mut kept = 0;
    for (name, value) in config[field].as_object().into_iter().flatten() {
        let text = value.as_str().unwrap_or_default();
        if !["cpu", "memory", "ephemeral-storage", "pid"].contains(&name.as_str()) {
            return Err(format!("failed to run Kubelet: cannot reserve {name:?} resource"));
        }
        let quantity = Quantity::parse(text).map_err(|why| {
            format!("failed to run Kubelet: failed to parse quantity {text:?} for {name:?} resource: {why}")
        })?;
        if quantity.milli_value() < 0 {
            return Err(format!("failed to run Kubelet: resource quantity for {name:?} cannot be negative: {text}"));
        }
        if name == wanted {
            kept = if name == "cpu" { quantity.milli_value() } else { quantity.value() };
        }
    }
    Ok(kept)
}

/// The bytes of memory and of the disk that `evictionHard` keeps free.
fn evicted(config: &Value) -> Result<(i64, i64), String> {
    let Some(thresholds) = config["evictionHard"].as_object() else { return Ok(FREE) };
    let failed = |why: String| format!("failed to run Kubelet: {why}");
    let mut free = (0, 0);
    for (signal, value) in thresholds {
        let text = value.as_str().unwrap_or_default();
        if !SIGNALS.split_whitespace().any(|known| known == signal) {
            return Err(failed(format!("unsupported eviction signal {signal}")));
        }
        let whole = if signal == "memory.available" { MEMORY << 10 } else { DISK << 10 };
        let bytes = match text.strip_suffix('%') {
            Some(percent) => {
                let percent: f64 = percent
                    .parse()
                    .map_err(|_| failed(format!("strconv.ParseFloat: parsing {percent:?}: invalid syntax")))?;
                let why =
                    |bound: &str| failed(format!("eviction percentage threshold {signal} must be {bound}: {text}"));
                match percent {
                    percent if percent < 0.0 => return Err(why(">= 0%")),
                    percent if percent > 100.0 => return Err(why("<= 100%")),
                    percent => (whole as f64 * percent / 100.0) as i64,
                }
            }
            None => {
                let quantity = Quantity::parse(text).map_err(|why| failed(why.to_string()))?;
                if quantity.milli_value() < 0 || quantity.is_zero() {
                    return Err(failed(format!("eviction threshold {signal} must be positive: {text}")));
                }
                quantity.value()
            }
        };
        match signal.as_str() {
            "memory.available" => free.0 = bytes,
            "nodefs.available" => free.1 = bytes,
            _ => {}
        }
    }
    Ok(free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_what_its_kubelet_leaves() {
        let usual = told(&Value::Null).unwrap();
        assert_eq!(usual["allocatable"]["memory"], "3913344Ki");
        assert_eq!(usual["allocatable"]["ephemeral-storage"], "18698430040");
        assert_eq!((&usual["capacity"]["cpu"], &usual["capacity"]["pods"]), (&json!("2"), &json!("110")));
        let few = told(&json!({ "maxPods": 30, "podsPerCore": 4 })).unwrap();
        assert_eq!((&few["capacity"]["pods"], &few["allocatable"]["pods"]), (&json!("8"), &json!("8")));
        let kept = json!({ "kubeReserved": { "cpu": "200m", "memory": "256Mi" }, "evictionHard": { "memory.available": "500Mi" } });
        let kept = told(&kept).unwrap();
        assert_eq!(kept["allocatable"]["cpu"], "1800m");
        assert_eq!(kept["allocatable"]["memory"], format!("{}Ki", MEMORY - 756 * 1024));
        assert_eq!(kept["allocatable"]["ephemeral-storage"], (DISK << 10).to_string(), "nothing else is kept free");
    }

    #[test]
    fn what_cannot_be_kept_stops_it() {
        let why = |config: Value| told(&config).unwrap_err();
        assert_eq!(
            why(json!({ "evictionHard": { "memory.free": "1Gi" } })),
            "failed to run Kubelet: unsupported eviction signal memory.free"
        );
        assert!(why(json!({ "evictionHard": { "memory.available": "150%" } })).ends_with("must be <= 100%: 150%"));
        assert!(why(json!({ "systemReserved": { "gpu": "1" } })).ends_with("cannot reserve \"gpu\" resource"));
    }
}
