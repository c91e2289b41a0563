//! What a container sees of its Pod's volumes: the files of ConfigMaps and Secrets, of claims, of its node.
//! Whether everything is there to be mounted is `volumes.rs`. Source: `pkg/volume/*`.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::host_paths;
use super::kubelet::Sync;
use super::process::files::{MEMORY, Mount, Volume};
use super::process::tree::{Entry, Made, Tree};
use super::runtime::Runtime;
use super::volumes::{Environment, expanded};
use crate::object::meta;
use crate::object::quantity::Quantity;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::registry::kinds::configmap::CONFIGMAP;
use crate::sim::apiserver::registry::kinds::persistentvolume::PERSISTENTVOLUME;
use crate::sim::apiserver::registry::kinds::persistentvolumeclaim::PERSISTENTVOLUMECLAIM;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::registry::kinds::secret::SECRET;

/// So long a changed ConfigMap or Secret may take until its files follow (`pkg/kubelet/config`, SyncFrequency).
const SYNC: SignedDuration = SignedDuration::from_secs(60);

/// The mounts of a container.
pub fn of(runtime: &Runtime, sync: &Sync, container: &Value, environment: &Environment) -> Vec<Mount> {
    let volumes = meta::list(sync.pod, "/spec/volumes");
    let mounts = meta::list(container, "/volumeMounts").iter();
    let group = meta::number(sync.pod, "/spec/securityContext/fsGroup").and_then(|id| u32::try_from(id).ok());
    let read = |mount: &Value| {
        let volume = volumes.iter().find(|volume| volume["name"] == mount["name"])?;
        let below = match meta::text(mount, "/subPathExpr") {
            "" => meta::text(mount, "/subPath").to_owned(),
            expression => expanded(expression, environment),
        };
        let below = below.trim_matches('/').to_owned();
        let (source, below) = source(runtime, sync, volume, &below);
        let of_node = volume.get("hostPath").is_some();
        let in_memory = ["secret", "downwardAPI", "projected"].iter().any(|kind| volume.get(kind).is_some());
        let memory = memory(volume);
        let sticky = if in_memory || memory.is_some() { 0o1000 } else { 0 };
        let mode = match group {
            _ if of_node => 0o755,
            Some(_) => 0o2777 | sticky,
            None => 0o777 | sticky,
        };
        Some(Mount {
            path: meta::text(mount, "/mountPath").trim_end_matches('/').to_owned(),
            volume: source,
            below,
            read_only: meta::truth(mount, "/readOnly") || meta::truth(volume, "/persistentVolumeClaim/readOnly"),
            mode,
            group: group.filter(|_| !of_node).unwrap_or_default(),
            in_memory: if in_memory { Some(MEMORY) } else { memory },
            own: false,
        })
    };
    mounts.filter_map(read).collect()
}

/// Whether every mount's part of its volume can be had, or why not (`kubelet_pods.go`, makeMounts).
pub fn check(container: &Value, environment: &Environment) -> Result<(), String> {
    for mount in meta::list(container, "/volumeMounts") {
        let expression = meta::text(mount, "/subPathExpr");
        let path = match expression {
            "" => meta::text(mount, "/subPath").to_owned(),
            expression => expanded(expression, environment),
        };
        // What names no variable stays as it was.
        if path.contains("$(") && !expression.is_empty() {
            let name = path.split_once("$(").and_then(|(_, rest)| rest.split_once(')')).map_or("", |(name, _)| name);
            return Err(format!("missing value for {name}"));
        }
        if path.starts_with('/') {
            return Err(format!("error SubPath `{path}` must not be an absolute path"));
        }
        if path.split('/').any(|part| part == "..") {
            return Err(format!("unable to provision SubPath `{path}`: must not contain '..'"));
        }
    }
    Ok(())
}

/// How much memory an `emptyDir` there may take, in KiB (`pkg/kubelet/kubelet_volumes.go`, SizeLimit).
fn memory(volume: &Value) -> Option<usize> {
    let empty = volume.get("emptyDir").filter(|empty| meta::text(empty, "/medium") == "Memory")?;
    let limit = empty.get("sizeLimit").and_then(|limit| usize::try_from(Quantity::of(limit).ok()?.value()).ok());
    // A limit of nothing is none.
    Some(limit.filter(|bytes| *bytes > 0).map_or(MEMORY, |bytes| bytes.div_ceil(1024).min(MEMORY)))
}

/// Folders of a machine that are everybody's.
const OPEN: [&str; 2] = ["tmp", "var/tmp"];

/// Where a volume's files come from, and the part of it that is mounted.
fn source(runtime: &Runtime, sync: &Sync, volume: &Value, below: &str) -> (Volume, String) {
    let (sources, settings) = match volume.get("projected") {
        Some(projected) => (meta::list(projected, "/sources").to_vec(), projected),
        None => {
            let own = ["configMap", "secret", "downwardAPI"].iter().find_map(|kind| volume.get(kind));
            (vec![volume.clone()], own.unwrap_or(volume))
        }
    };
    let group = meta::number(sync.pod, "/spec/securityContext/fsGroup").and_then(|id| u32::try_from(id).ok());
    let is_made = |source: &Value| {
        ["configMap", "secret", "downwardAPI", "serviceAccountToken"].iter().any(|kind| source.get(kind).is_some())
    };
    if sources.iter().any(is_made) {
        let mode = meta::number(settings, "/defaultMode").and_then(|mode| u32::try_from(mode).ok()).unwrap_or(0o644);
        let maker = Maker::new(sync, sources, (mode, group));
        if below.is_empty() {
            return (Volume::Made(Arc::new(Made::new(move || maker.tree()))), String::new());
        }
        // A part of it is mounted as it is now, and stays so.
        let plain = Arc::new(maker.plain());
        return (Volume::Made(Arc::new(Made::new(move || plain.clone()))), below.to_owned());
    }
    let kept = |name: String, folder: &str| {
        let whole = match (folder.trim_matches('/'), below) {
            ("", below) => below.to_owned(),
            (folder, "") => folder.to_owned(),
            (folder, below) => format!("{folder}/{below}"),
        };
        let sticky = if memory(volume).is_some() { 0o1000 } else { 0 };
        // What is made below a volume is open as the volume is (`pkg/volume/util/subpath`, SafeMakeDir).
        let (mode, group) = match (folder.is_empty(), group) {
            _ if OPEN.contains(&&*whole) => (0o1777, 0),
            (false, _) => (0o755, 0),
            (true, Some(group)) => (0o2777 | sticky, group),
            (true, None) => (0o777 | sticky, 0),
        };
        let made = Entry { mode, owner: (0, group), ..Entry::folder(Timestamp::UNIX_EPOCH) };
        (Volume::Kept(runtime.files(&name, &whole, &made)), whole)
    };
    let of_node = |path: &str| {
        share(runtime, sync, path);
        kept(format!("node/{}", sync.node()), path)
    };
    let name = meta::text(volume, "/name");
    let own = format!("{}/{name}", meta::uid(sync.pod));
    if let Some(path) = volume.pointer("/hostPath/path").and_then(Value::as_str) {
        // What was there before counts first: what is made for the Pod is new on the node.
        share(runtime, sync, path);
        bring_file(runtime, sync, volume, path);
        return of_node(path);
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
    path.map_or_else(|| kept(format!("pv/{}", meta::name(&persistent)), ""), of_node)
}

/// Has the node's files be there, and the node see what is written.
fn share(runtime: &Runtime, sync: &Sync, path: &str) {
    if !host_paths::is_own(sync.pod) {
        runtime.share(sync.node(), meta::uid(sync.pod), path);
    }
}

/// What a file of a node's machine holds; `None` where there is none.
pub fn of_node(runtime: &Runtime, node: &str, path: &str) -> Option<Vec<u8>> {
    let machines = runtime.machines()?;
    machines.file(&*machines.get(node)?, path)
}

/// Makes sure that a `hostPath` to a file of the node is one: as the machine has it, or new and empty where the volume asks for that.
fn bring_file(runtime: &Runtime, sync: &Sync, volume: &Value, path: &str) {
    let inner = path.trim_matches('/');
    let there = || of_node(runtime, sync.node(), path);
    let new = || (meta::text(volume, "/hostPath/type") == "FileOrCreate").then(Vec::new);
    let folder = inner.rsplit_once('/').map_or("", |(folder, _)| folder);
    let files = runtime.files(&format!("node/{}", sync.node()), folder, &Entry::folder(Timestamp::UNIX_EPOCH));
    if !files.look(|tree| tree.contains_key(inner))
        && let Some(bytes) = there().or_else(new)
    {
        let entry = Entry::file(bytes, sync.now);
        files.change(|tree| drop(tree.insert(inner.to_owned(), entry)));
    }
}

/// One file to be made: its path, bytes, and mode when it has one of its own.
type File = (String, Vec<u8>, Option<u32>);

/// What was made, and when it was last compared with its sources.
struct Present {
    compared: Timestamp,
    files: Vec<File>,
    tree: Arc<Tree>,
}

/// Makes a volume's files from objects, and follows these a while later.
struct Maker {
    client: Client,
    namespace: String,
    name: String,
    /// The Pod as it was when it started, its addresses among the rest, as JSON: most never need it again.
    born: Vec<u8>,
    sources: Vec<Value>,
    mode: u32,
    group: u32,
    present: Mutex<Option<Present>>,
    /// The token that was asked for last, with the time until which it is used.
    token: Mutex<Option<(Timestamp, String)>>,
}

impl Maker {
    fn new(sync: &Sync, sources: Vec<Value>, (mode, group): (u32, Option<u32>)) -> Self {
        let addresses = ["podIP", "podIPs", "hostIP", "hostIPs"].map(|key| (key, sync.status[key].clone()));
        let status: Map<String, Value> = addresses.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
        let born = json!({ "metadata": sync.pod["metadata"], "spec": sync.pod["spec"], "status": status });
        // Serialising a tree of JSON values into memory cannot fail.
        let born = serde_json::to_vec(&born).unwrap_or_default();
        Self {
            client: sync.context.client.clone(),
            namespace: meta::namespace(sync.pod).to_owned(),
            name: meta::name(sync.pod).to_owned(),
            born,
            sources,
            // A group that is to read the files may.
            mode: if group.is_some() { mode | 0o040 } else { mode },
            group: group.unwrap_or_default(),
            present: Mutex::default(),
            token: Mutex::default(),
        }
    }

    fn files(&self) -> Vec<File> {
        let found = self.client.find(&POD, &self.namespace, &self.name);
        let born = || serde_json::from_slice::<Value>(&self.born).unwrap_or_default();
        let now = match found {
            Some(pod) if pod.pointer("/status/podIP").is_some() => pod,
            Some(pod) => {
                Arc::new(json!({ "metadata": pod["metadata"], "spec": pod["spec"], "status": born()["status"] }))
            }
            None => Arc::new(born()),
        };
        self.sources.iter().flat_map(|source| self.files_of(&now, source)).collect()
    }

    fn entry(&self, bytes: &[u8], mode: Option<u32>, now: Timestamp) -> Entry {
        Entry { mode: mode.unwrap_or(self.mode), owner: (0, self.group), ..Entry::file(bytes, now) }
    }

    /// The files alone.
    fn plain(&self) -> Tree {
        let now = self.client.clock().now();
        let mut tree = Tree::new();
        for (path, bytes, mode) in self.files() {
            add(&mut tree, &path, self.entry(&bytes, mode, now));
        }
        tree
    }

    /// The files in a folder named after the time, with links to it, as the kubelet's atomic writer leaves them.
    fn tree(&self) -> Arc<Tree> {
        let now = self.client.clock().now();
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(present) = present.as_ref().filter(|present| now.duration_since(present.compared) < SYNC) {
            return present.tree.clone();
        }
        let files = self.files();
        if let Some(present) = present.as_mut().filter(|present| present.files == files) {
            present.compared = now;
            return present.tree.clone();
        }
        let owned = |entry: Entry| Entry { owner: (0, self.group), ..entry };
        let folder = format!("..{}", now.strftime("%Y_%m_%d_%H_%M_%S.%9f"));
        let mut tree = Tree::new();
        tree.insert(folder.clone(), owned(Entry::folder(now)));
        tree.insert("..data".to_owned(), owned(Entry::link(folder.clone(), now)));
        for (path, bytes, mode) in &files {
            add(&mut tree, &format!("{folder}/{path}"), self.entry(bytes, *mode, now));
            let first = path.split('/').next().unwrap_or_default();
            tree.insert(first.to_owned(), owned(Entry::link(format!("..data/{first}"), now)));
        }
        let tree = Arc::new(tree);
        *present = Some(Present { compared: now, files, tree: tree.clone() });
        tree
    }
}

/// Adds an entry, and the folders it lies in.
fn add(tree: &mut Tree, path: &str, entry: Entry) {
    for (at, _) in path.match_indices('/') {
        tree.entry(path[..at].to_owned()).or_insert_with(|| Entry::folder(entry.changed));
    }
    tree.insert(path.to_owned(), entry);
}

impl Maker {
    fn files_of(&self, pod: &Value, source: &Value) -> Vec<File> {
        let (client, namespace) = (&self.client, meta::namespace(pod));
        if let Some(reference) = source.get("configMap") {
            return keys(client, &CONFIGMAP, (namespace, meta::text(reference, "/name")), reference);
        }
        if let Some(reference) = source.get("secret") {
            let name = [meta::text(reference, "/secretName"), meta::text(reference, "/name")].concat();
            return keys(client, &SECRET, (namespace, &name), reference);
        }
        if let Some(downward) = source.get("downwardAPI") {
            let file = |item: &Value| (meta::text(item, "/path").to_owned(), fact(pod, item).into_bytes(), mode(item));
            return meta::list(downward, "/items").iter().map(file).collect();
        }
        if let Some(token) = source.get("serviceAccountToken") {
            let path = Some(meta::text(token, "/path")).filter(|path| !path.is_empty()).unwrap_or("token");
            return vec![(path.to_owned(), self.token(pod, token).into_bytes(), None)];
        }
        Vec::new()
    }

    /// The Pod's token: a new one once four fifths of its time are over (`pkg/kubelet/token/token_manager.go`).
    fn token(&self, pod: &Value, token: &Value) -> String {
        let now = self.client.clock().now();
        let mut known = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, token)) = known.as_ref().filter(|(until, _)| now < *until) {
            return token.clone();
        }
        let seconds = meta::number(token, "/expirationSeconds").unwrap_or(3600);
        let asked = account_token(&self.client, pod, token);
        *known = Some((now + SignedDuration::from_secs(seconds / 5 * 4), asked.clone()));
        asked
    }
}

fn mode(item: &Value) -> Option<u32> {
    meta::number(item, "/mode").and_then(|mode| u32::try_from(mode).ok())
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
fn keys(client: &Client, resource: &'static Resource, (namespace, name): (&str, &str), reference: &Value) -> Vec<File> {
    let Some(found) = client.find(resource, namespace, name) else { return Vec::new() };
    let decoded = |value: &Value| STANDARD.decode(value.as_str().unwrap_or_default()).unwrap_or_default();
    let mut all: Vec<File> = Vec::new();
    for (key, value) in meta::map(&found, "/data").into_iter().flatten() {
        let bytes = match found["kind"] == "Secret" {
            true => decoded(value),
            false => value.as_str().unwrap_or_default().as_bytes().to_vec(),
        };
        all.push((key.clone(), bytes, None));
    }
    for (key, value) in meta::map(&found, "/binaryData").into_iter().flatten() {
        all.push((key.clone(), decoded(value), None));
    }
    let items = meta::list(reference, "/items");
    if items.is_empty() {
        return all;
    }
    let item = |item: &Value| {
        let (_, bytes, _) = all.iter().find(|(key, ..)| key == meta::text(item, "/key"))?;
        Some((meta::text(item, "/path").to_owned(), bytes.clone(), mode(item)))
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
