//! `crictl inspect`, `inspectp` and `inspecti`: one container, Pod or image as the runtime knows it.
//! Source: cri-tools `cmd/crictl/container.go`, `sandbox.go`, `image.go`; what containerd adds under `info`.

use serde_json::{Value, json};

use super::Outcome;
use super::held::{self, Held, Kept, sandbox};
use super::listing::{labels, size, whole};
use crate::object::meta;
use crate::sim::nodes::images;
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::Flags;

/// What containerd runs containers with.
const RUNTIME: &str = "io.containerd.runc.v2";

fn print(call: &Call, flags: &Flags, value: Value) -> Result<(), String> {
    if whole(call, flags, value.clone())?.is_none() {
        call.say(serde_json::to_string_pretty(&value).unwrap_or_default());
    }
    Ok(())
}

fn given(flags: &Flags) -> Result<&[String], String> {
    if flags.rest.is_empty() { Err("ID cannot be empty".to_owned()) } else { Ok(&flags.rest) }
}

fn container(one: &Held) -> Value {
    let spec = ["/spec/containers", "/spec/initContainers", "/spec/ephemeralContainers"]
        .into_iter()
        .flat_map(|list| meta::list(&one.pod, list))
        .find(|spec| meta::text(spec, "/name") == one.name);
    let mounts = spec.map(|spec| meta::list(spec, "/volumeMounts")).unwrap_or_default().iter().map(|mount| {
        let name = meta::text(mount, "/name");
        let volume = meta::list(&one.pod, "/spec/volumes").iter().find(|volume| volume["name"] == name);
        let host = volume.and_then(|volume| volume.pointer("/hostPath/path")?.as_str().map(str::to_owned));
        let uid = meta::uid(&one.pod);
        let host = host.unwrap_or_else(|| format!("/var/lib/kubelet/pods/{uid}/volumes/{name}"));
        json!({ "containerPath": mount["mountPath"], "hostPath": host, "readonly": mount["readOnly"] == true })
    });
    let (pod, namespace, uid) = (meta::name(&one.pod), meta::namespace(&one.pod), meta::uid(&one.pod));
    let running = one.state == "Running";
    json!({
        "info": {
            "pid": if running { 1000 + u64::from_str_radix(&one.id[..4.min(one.id.len())], 16).unwrap_or_default() } else { 0 },
            "removing": false,
            "runtimeOptions": { "systemd_cgroup": true },
            "runtimeType": RUNTIME,
            "sandboxID": sandbox(&one.pod),
            "snapshotter": "overlayfs",
            "config": {
                "command": spec.map(|spec| spec["command"].clone()),
                "args": spec.map(|spec| spec["args"].clone()),
                "envs": spec.map(|spec| spec["env"].clone()),
                "metadata": { "name": one.name, "attempt": one.attempt },
            },
        },
        "status": {
            "id": one.id,
            "metadata": { "name": one.name, "attempt": one.attempt },
            "state": if running { "CONTAINER_RUNNING" } else { "CONTAINER_EXITED" },
            "createdAt": one.created.to_string(),
            "startedAt": one.created.to_string(),
            "finishedAt": one.finished.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |time| time.to_string()),
            "exitCode": one.code,
            "reason": one.reason,
            "image": { "image": images::canonical(&one.image), "userSpecifiedImage": one.image },
            "imageId": format!("sha256:{}", one.image_id),
            "labels": labels(one),
            "mounts": mounts.collect::<Vec<_>>(),
            "logPath": format!("/var/log/pods/{namespace}_{pod}_{uid}/{}/{}.log", one.name, one.attempt),
        },
    })
}

/// `crictl inspect`.
pub(super) fn containers(call: &Call, flags: &Flags, all: &[Held]) -> Outcome {
    for id in given(flags)? {
        print(call, flags, container(held::find(all, id)?))?;
    }
    Ok(0)
}

/// `crictl inspectp`.
pub(super) fn pods(call: &Call, flags: &Flags) -> Outcome {
    let pods = held::pods(call);
    for id in given(flags)? {
        let pod = held::find_pod(&pods, id)?;
        let ended = matches!(meta::text(pod, "/status/phase"), "Succeeded" | "Failed");
        let told = json!({
            "info": { "runtimeType": RUNTIME, "image": "registry.k8s.io/pause:3.10.1" },
            "status": {
                "id": sandbox(pod),
                "metadata": {
                    "name": meta::name(pod), "namespace": meta::namespace(pod), "uid": meta::uid(pod), "attempt": 0,
                },
                "state": if ended { "SANDBOX_NOTREADY" } else { "SANDBOX_READY" },
                "createdAt": meta::text(pod, "/status/startTime"),
                "network": { "additionalIps": [], "ip": meta::text(pod, "/status/podIP") },
                "labels": pod["metadata"]["labels"],
            },
        });
        print(call, flags, told)?;
    }
    Ok(0)
}

/// `crictl inspecti`.
pub(super) fn images(call: &Call, flags: &Flags, kept: &Kept) -> Outcome {
    let all = held::references(call, kept);
    for wanted in given(flags)? {
        let id = wanted.trim_start_matches("sha256:");
        let full = images::canonical(wanted);
        let found = all.iter().find(|one| **one == full || held::image_id(one).starts_with(id));
        let found = found.ok_or_else(|| format!("no such image {wanted:?} present"))?;
        let told = json!({ "status": {
            "id": format!("sha256:{}", held::image_id(found)),
            "repoTags": [found],
            "repoDigests": [],
            "size": size(found).to_string(),
        } });
        print(call, flags, told)?;
    }
    Ok(0)
}
