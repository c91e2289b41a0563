//! What a container sees of its Pod's volumes: the files of ConfigMaps and Secrets, of claims, of its node.
//! Whether everything is there to be mounted is `volumes.rs`. Source: `pkg/volume/*`.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::kubelet::Sync;
use super::process::files::{Made, Mount, Volume};
use super::runtime::Runtime;
use super::volumes::{Environment, expanded};
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::registry::kinds::configmap::CONFIGMAP;
use crate::sim::apiserver::registry::kinds::persistentvolume::PERSISTENTVOLUME;
use crate::sim::apiserver::registry::kinds::persistentvolumeclaim::PERSISTENTVOLUMECLAIM;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::registry::kinds::secret::SECRET;

/// The mounts of a container.
pub fn of(runtime: &Runtime, sync: &Sync, container: &Value, environment: &Environment) -> Vec<Mount> {
    let volumes = meta::list(sync.pod, "/spec/volumes");
    let mounts = meta::list(container, "/volumeMounts").iter();
    let read = |mount: &Value| {
        let volume = volumes.iter().find(|volume| volume["name"] == mount["name"])?;
        let below = match meta::text(mount, "/subPathExpr") {
            "" => meta::text(mount, "/subPath").to_owned(),
            expression => expanded(expression, environment),
        };
        let below = below.trim_matches('/').to_owned();
        let (volume, below) = source(runtime, sync, volume, &below);
        Some(Mount {
            path: meta::text(mount, "/mountPath").trim_end_matches('/').to_owned(),
            volume,
            below,
            read_only: meta::truth(mount, "/readOnly"),
        })
    };
    mounts.filter_map(read).collect()
}

/// Where a volume's files come from, and the part of it that is mounted.
fn source(runtime: &Runtime, sync: &Sync, volume: &Value, below: &str) -> (Volume, String) {
    let sources = match volume.get("projected") {
        Some(projected) => meta::list(projected, "/sources").to_vec(),
        None => vec![volume.clone()],
    };
    let is_made = |source: &Value| {
        ["configMap", "secret", "downwardAPI", "serviceAccountToken"].iter().any(|kind| source.get(kind).is_some())
    };
    if sources.iter().any(is_made) {
        return (Volume::Made(made(sync, sources)), below.to_owned());
    }
    let kept = |name: String, folder: &str| {
        let whole = match (folder.trim_matches('/'), below) {
            ("", below) => below.to_owned(),
            (folder, "") => folder.to_owned(),
            (folder, below) => format!("{folder}/{below}"),
        };
        (Volume::Kept(runtime.files(&name, &whole)), whole)
    };
    let name = meta::text(volume, "/name");
    let own = format!("{}/{name}", meta::uid(sync.pod));
    if let Some(path) = volume.pointer("/hostPath/path").and_then(Value::as_str) {
        return kept(format!("node/{}", sync.node()), path);
    }
    let claim = match volume.get("ephemeral") {
        Some(_) => format!("{}-{name}", meta::name(sync.pod)),
        None => meta::text(volume, "/persistentVolumeClaim/claimName").to_owned(),
    };
    if claim.is_empty() {
        return kept(own, "");
    }
    let client = &sync.context.client;
    let claim = client.find(&PERSISTENTVOLUMECLAIM, meta::namespace(sync.pod), &claim);
    let found = claim.and_then(|claim| client.find(&PERSISTENTVOLUME, "", meta::text(&claim, "/spec/volumeName")));
    let Some(persistent) = found else { return kept(own, "") };
    let path = ["/spec/hostPath/path", "/spec/local/path"].iter().find_map(|path| persistent.pointer(path)?.as_str());
    match path {
        Some(path) => kept(format!("node/{}", sync.node()), path),
        None => kept(format!("pv/{}", meta::name(&persistent)), ""),
    }
}

/// Files made anew each time they are looked at, so that they follow what they are made from.
fn made(sync: &Sync, sources: Vec<Value>) -> Made {
    let client = sync.context.client.clone();
    let (namespace, name) = (meta::namespace(sync.pod).to_owned(), meta::name(sync.pod).to_owned());
    let pod = sync.pod.clone();
    let status = sync.status.clone();
    Arc::new(move || {
        let mut now = client.find(&POD, &namespace, &name).map_or_else(|| (*pod).clone(), |pod| (*pod).clone());
        if now.pointer("/status/podIP").is_none() {
            now["status"] = status.clone();
        }
        sources.iter().flat_map(|source| files_of(&client, &now, source)).collect()
    })
}

fn files_of(client: &Client, pod: &Value, source: &Value) -> Vec<(String, Vec<u8>)> {
    let namespace = meta::namespace(pod);
    if let Some(reference) = source.get("configMap") {
        return keys(client, &CONFIGMAP, (namespace, meta::text(reference, "/name")), reference);
    }
    if let Some(reference) = source.get("secret") {
        let name = [meta::text(reference, "/secretName"), meta::text(reference, "/name")].concat();
        return keys(client, &SECRET, (namespace, &name), reference);
    }
    if let Some(downward) = source.get("downwardAPI") {
        let items = meta::list(downward, "/items").iter();
        return items.map(|item| (meta::text(item, "/path").to_owned(), fact(pod, item).into_bytes())).collect();
    }
    if let Some(token) = source.get("serviceAccountToken") {
        let path = Some(meta::text(token, "/path")).filter(|path| !path.is_empty()).unwrap_or("token");
        return vec![(path.to_owned(), account_token(client, pod, token).into_bytes())];
    }
    Vec::new()
}

fn account_token(client: &Client, pod: &Value, token: &Value) -> String {
    let audience = meta::text(token, "/audience");
    let audiences = if audience.is_empty() { json!([]) } else { json!([audience]) };
    let bound = json!({ "apiVersion": "v1", "kind": "Pod", "name": meta::name(pod), "uid": meta::uid(pod) });
    let seconds = meta::number(token, "/expirationSeconds").unwrap_or(3600);
    let asked = json!({ "spec": { "audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": bound } });
    let account = meta::text(pod, "/spec/serviceAccountName");
    client.request_token(meta::namespace(pod), account, asked).unwrap_or_default()
}

/// The keys of a ConfigMap or Secret as files; all of them, or those under `items`.
fn keys(
    client: &Client,
    resource: &'static Resource,
    (namespace, name): (&str, &str),
    reference: &Value,
) -> Vec<(String, Vec<u8>)> {
    let Some(found) = client.find(resource, namespace, name) else { return Vec::new() };
    let decoded = |value: &Value| STANDARD.decode(value.as_str().unwrap_or_default()).unwrap_or_default();
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    for (key, value) in meta::map(&found, "/data").into_iter().flatten() {
        let bytes = match found["kind"] == "Secret" {
            true => decoded(value),
            false => value.as_str().unwrap_or_default().as_bytes().to_vec(),
        };
        all.push((key.clone(), bytes));
    }
    for (key, value) in meta::map(&found, "/binaryData").into_iter().flatten() {
        all.push((key.clone(), decoded(value)));
    }
    let items = meta::list(reference, "/items");
    if items.is_empty() {
        return all;
    }
    let item = |item: &Value| {
        let (_, bytes) = all.iter().find(|(key, _)| key == meta::text(item, "/key"))?;
        Some((meta::text(item, "/path").to_owned(), bytes.clone()))
    };
    items.iter().filter_map(item).collect()
}

fn fact(pod: &Value, item: &Value) -> String {
    let path = meta::text(item, "/fieldRef/fieldPath");
    if let "metadata.labels" | "metadata.annotations" = path {
        let map = meta::map(pod, &format!("/{}", path.replace('.', "/")));
        let line = |(key, value): (&String, &Value)| format!("{key}={:?}", value.as_str().unwrap_or_default());
        let mut lines: Vec<String> = map.into_iter().flatten().map(line).collect();
        lines.sort();
        return lines.join("\n");
    }
    if !path.is_empty() {
        return super::volumes::downward(pod, path);
    }
    let name = meta::text(item, "/resourceFieldRef/containerName");
    let container = meta::list(pod, "/spec/containers").iter().find(|container| meta::text(container, "/name") == name);
    container.map(|container| super::volumes::resource(container, &item["resourceFieldRef"])).unwrap_or_default()
}
