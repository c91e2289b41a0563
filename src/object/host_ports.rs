//! Ports of the node that a Pod wants: what scheduler, kubelet and network have to agree about.
//! Whether two of them meet is theirs. Source: `pkg/scheduler/util/utils.go`, GetHostPorts.

use serde_json::Value;

use super::meta;

/// The container ports with a `hostPort`, of containers and sidecars.
pub fn of(pod: &Value) -> impl Iterator<Item = &Value> {
    let sidecars = meta::list(pod, "/spec/initContainers")
        .iter()
        .filter(|container| meta::text(container, "/restartPolicy") == "Always");
    let containers = meta::list(pod, "/spec/containers").iter().chain(sidecars);
    let ports = containers.flat_map(|container| meta::list(container, "/ports"));
    ports.filter(|port| meta::number(port, "/hostPort").is_some_and(|number| number > 0))
}
