//! `crictl inspect`, `inspectp` and `inspecti`: one container, Pod or image as the runtime knows it.
//! Source: cri-tools `cmd/crictl/container.go`, `sandbox.go`, `image.go`; what containerd adds under `info`.

use serde_json::{Value, json};

use super::Outcome;
use super::held::{self, Held, sandbox};
use super::listing::{digest, labels, size, whole};
use crate::object::meta;
use crate::sim::nodes::{hash, images};
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::Flags;
use crate::sim::shell::processes;
use crate::sim::shell::table::bytes;

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
            "pid": if running { processes::of_container(&one.container_id()) } else { 0 },
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
pub(super) fn images(call: &Call, flags: &Flags) -> Outcome {
    let all = held::references(call);
    for wanted in given(flags)? {
        let id = wanted.trim_start_matches("sha256:");
        let full = images::canonical(wanted);
        let found = all.iter().find(|one| **one == full || held::is_image(one, id));
        let found = found.ok_or_else(|| format!("no such image {wanted:?} present"))?;
        if flags.get("output") == Some("table") {
            let shown = bytes(size(found)).replace(' ', "");
            call.say(format_args!("ID: sha256:{}\nTag: {found}\nSize: {shown}", held::image_id(found)));
            continue;
        }
        let image = images::resolve(wanted).or_else(|_| images::resolve(found)).ok();
        let user = image.map(|image| image.user).unwrap_or_default();
        let mut told = json!({ "status": {
            "id": format!("sha256:{}", held::image_id(found)),
            "pinned": found.contains("/pause:"),
            "repoDigests": [digest(found)],
            "repoTags": [found],
            "size": size(found).to_string(),
            "spec": null,
            "uid": { "value": user.to_string() },
            "username": "",
        } });
        if !flags.on("quiet") {
            let entrypoint = image.map(|image| image.words(&[], &[])).unwrap_or_default();
            told["info"] = json!({ "chainID": format!("sha256:{}", hash(&[found, "chain"])),
                "imageSpec": { "architecture": "amd64", "os": "linux", "config": { "Entrypoint": entrypoint } } });
        }
        print(call, flags, told)?;
    }
    Ok(0)
}

/// Where containerd keeps containers and images.
const SNAPSHOTS: &str = "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs";

/// `crictl imagefsinfo`.
pub(super) fn file_systems(call: &Call, flags: &Flags) -> Outcome {
    let all = held::references(call);
    let used: u64 = all.iter().map(|one| size(one) * 3).sum();
    let now = call.inside.client.clock().now().as_nanosecond();
    // An image has a few thousand files, and a container some of its own.
    let inodes = all.len() * 1500 + held::containers(call).len() * 15;
    if flags.get("output") == Some("table") {
        for label in ["Container", "Image"] {
            let disk = bytes(used).replace(' ', "");
            call.say(format_args!(
                "{label} Filesystem \nTimeStamp[0]: {now}\nDisk[0]: {disk}\nInodes[0]: {inodes}\nMountpoint[0]: {SNAPSHOTS}"
            ));
        }
        return Ok(0);
    }
    let one = json!({
        "fsId": { "mountpoint": SNAPSHOTS },
        "inodesUsed": { "value": inodes.to_string() },
        "timestamp": now.to_string(),
        "usedBytes": { "value": used.to_string() },
    });
    print(call, flags, json!({ "status": { "containerFilesystems": [one], "imageFilesystems": [one] } }))?;
    Ok(0)
}
