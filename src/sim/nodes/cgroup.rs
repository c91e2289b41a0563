//! What a container reads of its control group: how much CPU and memory it may have, as `/sys/fs/cgroup` tells it.
//! It follows the resources in the Pod's status. Source: `pkg/kubelet/cm/helpers_linux.go`.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::kubelet::Sync;
use super::process::files::{Mount, Volume};
use super::process::tree::{Entry, Made, Tree};
use super::resize::limited;
use crate::object::meta;
use crate::object::quantity::Quantity;
use crate::sim::apiserver::registry::kinds::pod::POD;

/// Where a container sees its control group.
pub const PATH: &str = "/sys/fs/cgroup";
/// Microseconds over which CPU is counted.
const PERIOD: i64 = 100_000;
const LEAST_SHARES: i64 = 2;
const MOST_SHARES: i64 = 262_144;

/// The mount of a container's own control group.
pub fn mount(sync: &Sync, container: &Value) -> Mount {
    let client = sync.context.client.clone();
    let (name, asked) = (meta::text(container, "/name").to_owned(), container["resources"].clone());
    let (namespace, pod) = (meta::namespace(sync.pod).to_owned(), meta::name(sync.pod).to_owned());
    let made = Made::new(move || {
        let pod = client.find(&POD, &namespace, &pod).unwrap_or_default();
        let statuses = ["/status/containerStatuses", "/status/initContainerStatuses"];
        let mut statuses = statuses.iter().flat_map(|list| meta::list(&pod, list));
        let status = statuses.find(|status| meta::text(status, "/name") == name);
        let told = status.and_then(|status| status.get("resources")).unwrap_or(&asked);
        Arc::new(files(&limited(&pod, told)))
    });
    Mount {
        path: PATH.to_owned(),
        volume: Volume::Made(Arc::new(made)),
        below: String::new(),
        read_only: true,
        mode: 0o555,
        group: 0,
        in_memory: None,
        own: true,
    }
}

fn files(resources: &Value) -> Tree {
    let quantity = |path: &str| resources.pointer(path).and_then(|quantity| Quantity::of(quantity).ok());
    let limit = quantity("/limits/cpu").map(Quantity::milli_value);
    let shares = quantity("/requests/cpu").map(Quantity::milli_value).or(limit).unwrap_or(0) * 1024 / 1000;
    let weight = weight(shares.clamp(LEAST_SHARES, MOST_SHARES));
    let quota = limit.map_or_else(|| "max".to_owned(), |milli| (milli * PERIOD / 1000).max(1000).to_string());
    let memory = quantity("/limits/memory").map_or_else(|| "max".to_owned(), |memory| memory.value().to_string());
    let lines = [
        ("cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc".to_owned()),
        ("cpu.max", format!("{quota} {PERIOD}")),
        ("cpu.weight", weight.to_string()),
        ("memory.max", memory),
    ];
    lines
        .into_iter()
        .map(|(name, line)| (name.to_owned(), Entry::file(format!("{line}\n"), Timestamp::UNIX_EPOCH)))
        .collect()
}

/// Shares as the newer control groups weigh them (`opencontainers/cgroups`, ConvertCPUSharesToCgroupV2Value, before 0.0.3).
fn weight(shares: i64) -> i64 {
    1 + (shares - LEAST_SHARES) * 9999 / (MOST_SHARES - LEAST_SHARES)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::process::tree::Body;
    use super::*;

    #[test]
    fn limits_and_requests_are_told() {
        let read = |resources: Value, name: &str| match &files(&resources)[name].body {
            Body::File(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => format!("{other:?}"),
        };
        let set = json!({ "requests": { "cpu": "500m" }, "limits": { "cpu": "1", "memory": "64Mi" } });
        assert_eq!(read(set.clone(), "cpu.max"), "100000 100000\n");
        assert_eq!(read(set.clone(), "cpu.weight"), "20\n");
        assert_eq!(read(set, "memory.max"), "67108864\n");
        assert_eq!(read(Value::Null, "cpu.max"), "max 100000\n");
        assert_eq!(read(Value::Null, "memory.max"), "max\n");
    }
}
