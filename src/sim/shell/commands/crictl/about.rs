//! `crictl version`, `info`, `config`, `stats` and `statsp`.
//! Source: cri-tools `cmd/crictl/version.go`, `info.go`, `config.go`, `stats.go`.

use std::time::Duration;

use serde_json::{Value, json};

use super::Outcome;
use super::held::{self, Held};
use crate::object::meta;
use crate::object::quantity::Quantity;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::registry::kinds::podmetrics::PODMETRICS;
use crate::sim::machine::services::CONTAINERD_SOCKETS;
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::Flags;
use crate::sim::shell::table::{bytes, columns};

/// The runtime's version as the node tells it, such as `2.1.4`.
fn runtime(call: &Call) -> String {
    let node = call.inside.client.find(&NODE, "", &call.machine.name);
    let told = node.map(|node| meta::text(&node, "/status/nodeInfo/containerRuntimeVersion").to_owned());
    told.unwrap_or_default().trim_start_matches("containerd://").to_owned()
}

/// `crictl version`.
pub(super) fn version(call: &Call) -> Outcome {
    let runtime = runtime(call);
    call.say(format_args!(
        "Version:  0.1.0\nRuntimeName:  containerd\nRuntimeVersion:  v{runtime}\nRuntimeApiVersion:  v1"
    ));
    Ok(0)
}

/// `crictl info`.
pub(super) fn info(call: &Call) -> Outcome {
    let files = call.files().map_err(|error| error.to_string())?;
    let names = files.list("/etc/cni/net.d").unwrap_or_default();
    let network = names.iter().any(|name| name.ends_with(".conf") || name.ends_with(".conflist"));
    let condition = |kind: &str, ok: bool, reason: &str, message: &str| {
        let (reason, message) = if ok { ("", "") } else { (reason, message) };
        json!({ "type": kind, "status": ok, "reason": reason, "message": message })
    };
    let why = "Network plugin returns error: cni plugin not initialized";
    let told = json!({
        "config": { "containerdEndpoint": CONTAINERD_SOCKETS[0], "containerdRootDir": "/var/lib/containerd",
            "cni": { "binDirs": ["/opt/cni/bin"], "confDir": "/etc/cni/net.d" } },
        "lastCNILoadStatus": if network { "OK" } else { "cni config load failed: no network config found in /etc/cni/net.d: cni plugin not initialized: failed to load cni config" },
        "status": { "conditions": [
            condition("RuntimeReady", true, "", ""),
            condition("NetworkReady", network, "NetworkPluginNotReady", why),
        ] },
    });
    call.say(serde_json::to_string_pretty(&told).unwrap_or_default());
    Ok(0)
}

/// `crictl config`: shows and sets what stands in `/etc/crictl.yaml`.
pub(super) fn config(call: &Call, flags: &Flags) -> Outcome {
    let path = "/etc/crictl.yaml";
    let files = call.files().map_err(|error| error.to_string())?;
    let text = files.text(path).unwrap_or_default();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let known =
        ["runtime-endpoint", "image-endpoint", "timeout", "debug", "pull-image-on-create", "disable-pull-on-run"];
    let at = |lines: &[String], key: &str| lines.iter().position(|line| line.starts_with(&format!("{key}:")));
    if let Some(key) = flags.get("get") {
        let line = at(&lines, key).and_then(|at| lines.get(at)).cloned().unwrap_or_default();
        call.say(line.split_once(':').map_or("", |(_, value)| value).trim().trim_matches('"'));
        return Ok(0);
    }
    if flags.on("list") {
        lines.iter().for_each(|line| call.say(line));
        return Ok(0);
    }
    let sets = flags.all("set").into_iter().map(|one| one.split_once('=').ok_or(format!("invalid set option: {one}")));
    let mut pairs = sets.collect::<Result<Vec<_>, _>>()?;
    match &flags.rest[..] {
        [key, value] => pairs.push((key, value)),
        [] if !pairs.is_empty() => {}
        _ => return Err("wrong number of arguments".to_owned()),
    }
    for (key, value) in pairs {
        if !known.contains(&key) {
            return Err(format!("no configuration option named {key:?}"));
        }
        let quoted = if key.ends_with("endpoint") { format!("{value:?}") } else { value.to_owned() };
        let line = format!("{key}: {quoted}");
        match at(&lines, key) {
            Some(at) => lines[at] = line,
            None => lines.push(line),
        }
    }
    files
        .write(path, (lines.join("\n") + "\n").as_bytes(), 0o644)
        .map_err(|error| format!("writing config: {error}"))?;
    Ok(0)
}

/// How long `crictl statsp` looks before it tells.
const SAMPLE: Duration = Duration::from_secs(1);

/// `crictl statsp`. Source: cri-tools `cmd/crictl/pod_stats.go`.
pub(super) async fn pod_stats(call: &Call, flags: &Flags) -> Outcome {
    let wanted = flags.rest.first().map(String::as_str).or(flags.get("id")).unwrap_or_default().to_owned();
    let mut pods = held::pods(call);
    pods.retain(|pod| {
        held::sandbox(pod).starts_with(&wanted)
            && flags.all("label").iter().all(|label| {
                let (key, value) = label.split_once('=').unwrap_or((label, ""));
                meta::label(pod, key) == Some(value)
            })
    });
    pods.sort_by_key(|pod| held::sandbox(pod));
    let used = |pod: &Value, pointer: &str| {
        let measured = call.inside.client.find(&PODMETRICS, meta::namespace(pod), meta::name(pod));
        let containers = measured.as_ref().map(|measured| meta::list(measured, "/containers")).unwrap_or_default();
        let each = containers.iter().map(|one| Quantity::parse(meta::text(one, pointer)));
        each.map(|quantity| quantity.map_or(0.0, Quantity::as_f64)).sum::<f64>()
    };
    let told = |pod: &Value| {
        let now = call.inside.client.clock().now().as_nanosecond().to_string();
        let (cpu, memory) = (used(pod, "/usage/cpu"), used(pod, "/usage/memory"));
        json!({
            "attributes": {
                "id": held::sandbox(pod),
                "metadata": { "attempt": 0, "name": meta::name(pod), "namespace": meta::namespace(pod), "uid": meta::uid(pod) },
                "labels": pod["metadata"]["labels"],
            },
            "linux": {
                "cpu": { "timestamp": now, "usageNanoCores": { "value": ((cpu * 1e9) as u64).to_string() } },
                "memory": { "timestamp": now, "workingSetBytes": { "value": (memory as u64).to_string() } },
            },
        })
    };
    if super::listing::whole(call, flags, json!({ "stats": pods.iter().map(|pod| told(pod)).collect::<Vec<_>>() }))?
        .is_some()
    {
        return Ok(0);
    }
    call.inside.client.clock().sleep(SAMPLE).await;
    let mut rows = vec![["POD", "POD ID", "CPU %", "MEM"].map(str::to_owned).to_vec()];
    // Of whom nothing is measured, nothing is told.
    for pod in pods.iter().filter(|pod| used(pod, "/usage/memory") > 0.0) {
        let (id, memory) = (held::sandbox(pod), bytes(used(pod, "/usage/memory") as u64).replace(' ', ""));
        let cpu = format!("{:.2}", used(pod, "/usage/cpu") * 100.0);
        rows.push([meta::name(pod), id.get(..13).unwrap_or(&id), &cpu, &memory].map(str::to_owned).to_vec());
    }
    call.print(columns(&rows, 3));
    Ok(0)
}

/// `crictl stats`.
pub(super) fn stats(call: &Call, flags: &Flags, all: Vec<Held>) -> Outcome {
    let mut rows = vec![["CONTAINER", "NAME", "CPU %", "MEM", "DISK", "INODES"].map(str::to_owned).to_vec()];
    let wanted = flags.rest.first().map(String::as_str).or(flags.get("id"));
    for one in all.iter().filter(|one| one.state == "Running" && wanted.is_none_or(|id| one.id.starts_with(id))) {
        let measured = call.inside.client.find(&PODMETRICS, meta::namespace(&one.pod), meta::name(&one.pod));
        let containers = measured.as_ref().map(|measured| meta::list(measured, "/containers")).unwrap_or_default();
        let used = containers.iter().find(|container| container["name"] == one.name.as_str());
        let amount = |pointer: &str| {
            let text = used.map(|used| meta::text(used, pointer)).unwrap_or_default();
            Quantity::parse(text).map_or(0.0, |quantity| quantity.as_f64())
        };
        let (cpu, memory) = (amount("/usage/cpu") * 100.0, amount("/usage/memory"));
        let id = one.id.get(..13).unwrap_or(&one.id);
        let memory = bytes(memory as u64).replace(' ', "");
        rows.push([id, &one.name, &format!("{cpu:.2}"), &memory, "45.06kB", "15"].map(str::to_owned).to_vec());
    }
    call.print(columns(&rows, 10));
    Ok(0)
}
