//! What a Pod is told of itself, in variables and files: fields of its own, and what its containers may use.
//! Source: `pkg/fieldpath/fieldpath.go`, `pkg/api/v1/resource/helpers.go`; `pkg/kubelet/kubelet_pods.go`, podFieldSelectorRuntimeValue.

use serde_json::Value;

use super::resize::limited;
use crate::object::meta;
use crate::object::quantity::Quantity;

/// A Pod as its kubelet knows it: with a note of where it is from and since when (`pkg/kubelet/config/config.go`, updatePodsFunc).
pub fn as_seen(mut pod: Value) -> Value {
    let since = meta::text(&pod, "/status/startTime").to_owned();
    for (key, value) in [("kubernetes.io/config.seen", &*since), ("kubernetes.io/config.source", "api")] {
        if meta::annotation(&pod, key).is_none() {
            meta::set_annotation(&mut pod, key, value);
        }
    }
    pod
}

/// What an item of a volume tells of its Pod.
pub fn fact(pod: &Value, item: &Value) -> String {
    let path = meta::text(item, "/fieldRef/fieldPath");
    if let "metadata.labels" | "metadata.annotations" = path {
        let map = meta::map(pod, &format!("/{}", path.replace('.', "/")));
        let line = |(key, value): (&String, &Value)| format!("{key}={:?}", value.as_str().unwrap_or_default());
        let mut lines: Vec<String> = map.into_iter().flatten().map(line).collect();
        lines.sort();
        return lines.join("\n");
    }
    if !path.is_empty() {
        return field(pod, path);
    }
    let reference = &item["resourceFieldRef"];
    let container = named(pod, meta::text(reference, "/containerName"));
    container.map(|container| resource(pod, container, reference)).unwrap_or_default()
}

/// A field of a Pod, as `fieldRef` names it.
pub fn field(pod: &Value, path: &str) -> String {
    if let Some((map, key)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
        let pointer = format!("/{}", map.replace('.', "/"));
        let found = meta::map(pod, &pointer).and_then(|map| map.get(key)).and_then(Value::as_str);
        return found.unwrap_or_default().to_owned();
    }
    let pointer = format!("/{}", path.replace('.', "/"));
    if let "status.podIPs" | "status.hostIPs" = path {
        return meta::list(pod, &pointer).iter().map(|one| meta::text(one, "/ip")).collect::<Vec<_>>().join(",");
    }
    meta::text(pod, &pointer).to_owned()
}

/// A container of a Pod by its name, be it an init container (`pkg/api/v1/resource/helpers.go`, findContainerInPod).
pub fn named<'p>(pod: &'p Value, name: &str) -> Option<&'p Value> {
    let mut all = ["/spec/containers", "/spec/initContainers"].into_iter().flat_map(|list| meta::list(pod, list));
    all.find(|container| meta::text(container, "/name") == name)
}

/// A container's request or limit in units of the divisor, rounded up. Without a limit it is what its Pod may have, or the node has
/// (`pkg/kubelet/kubelet_resources.go`, defaultPodLimitsForDownwardAPI).
pub fn resource(pod: &Value, container: &Value, reference: &Value) -> String {
    let name = meta::text(reference, "/resource");
    let resources = limited(pod, &container["resources"]);
    let found = name.split_once('.').and_then(|(list, name)| resources.pointer(&format!("/{list}/{name}")));
    let default = match name {
        "limits.cpu" => "2",
        "limits.memory" => "3913344Ki",
        _ => "0",
    };
    let quantity = found.and_then(|found| Quantity::of(found).ok()).or_else(|| Quantity::parse(default).ok());
    let divisor =
        reference.get("divisor").and_then(|divisor| Quantity::of(divisor).ok()).filter(|divisor| !divisor.is_zero());
    let (quantity, divisor) = (quantity.unwrap_or(Quantity::ZERO), divisor.unwrap_or(Quantity::from_value(1)));
    format!("{}", (quantity.as_f64() / divisor.as_f64()).ceil())
}
