//! What a container sees of its Pod's volumes: the files of ConfigMaps and Secrets, of claims, of its node.
//! Whether everything is there to be mounted is `volumes.rs`. Source: `pkg/volume/*`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::downward::{as_seen, fact};
use super::host_paths;
use super::kubelet::Sync;
use super::process::files::{MEMORY, Mount, Volume};
use super::process::tree::{Body, Entry, Made, Tree};
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
        let in_memory = is_in_memory(volume);
        Some(Mount {
            path: meta::text(mount, "/mountPath").trim_end_matches('/').to_owned(),
            volume: source,
            below,
            read_only: meta::truth(mount, "/readOnly") || meta::truth(volume, "/persistentVolumeClaim/readOnly"),
            mode: if of_node { 0o755 } else { open_mode(volume, group) },
            group: group.filter(|_| !of_node).unwrap_or_default(),
            in_memory: if in_memory { Some(MEMORY) } else { memory(volume) },
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

/// Whether a volume's files are made, and made in memory.
fn is_in_memory(volume: &Value) -> bool {
    ["secret", "downwardAPI", "projected"].iter().any(|kind| volume.get(kind).is_some())
}

/// The mode of a volume, and of what is made below it to be mounted (`pkg/volume/util/subpath`, SafeMakeDir).
fn open_mode(volume: &Value, group: Option<u32>) -> u32 {
    let sticky = if is_in_memory(volume) || memory(volume).is_some() { 0o1000 } else { 0 };
    if group.is_some() { 0o2777 | sticky } else { 0o777 | sticky }
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
        let mut maker = Maker::new(sync, sources, (mode, group));
        maker.note_parts(sync.pod, volume, below);
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
        let (mode, group) = match (folder.is_empty(), group) {
            _ if OPEN.contains(&&*whole) => (0o1777, 0),
            (false, _) => (0o755, 0),
            (true, group) => (open_mode(volume, group), group.unwrap_or_default()),
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

/// One file to be made: its path, bytes, mode when it has one of its own, and user.
type File = (String, Vec<u8>, (Option<u32>, u32));

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
    group: Option<u32>,
    /// Folders that are there to be mounted, and their mode.
    parts: Vec<(String, u32)>,
    present: Mutex<Option<Present>>,
    /// The tokens that were asked for last by audience and seconds, with the time until which each is used.
    tokens: Mutex<BTreeMap<(String, i64), (Timestamp, String)>>,
}

impl Maker {
    fn new(sync: &Sync, sources: Vec<Value>, (mode, group): (u32, Option<u32>)) -> Self {
        let known = ["podIP", "podIPs", "hostIP", "hostIPs", "startTime"].map(|key| (key, sync.status[key].clone()));
        let status: Map<String, Value> = known.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
        let born = json!({ "metadata": sync.pod["metadata"], "spec": sync.pod["spec"], "status": status });
        // Serialising a tree of JSON values into memory cannot fail.
        let born = serde_json::to_vec(&born).unwrap_or_default();
        Self {
            client: sync.context.client.clone(),
            namespace: meta::namespace(sync.pod).to_owned(),
            name: meta::name(sync.pod).to_owned(),
            born,
            sources,
            mode,
            group,
            parts: Vec::new(),
            present: Mutex::default(),
            tokens: Mutex::default(),
        }
    }

    /// Notes which parts of the volume the Pod mounts that are none of its files: folders are made for them
    /// (`pkg/kubelet/kubelet_pods.go`, makeMounts).
    fn note_parts(&mut self, pod: &Value, volume: &Value, below: &str) {
        let all = ["/spec/initContainers", "/spec/containers"].into_iter().flat_map(|list| meta::list(pod, list));
        let mounts = all.flat_map(|container| meta::list(container, "/volumeMounts"));
        let paths = mounts.filter(|mount| mount["name"] == volume["name"]).map(|mount| meta::text(mount, "/subPath"));
        let mut paths: Vec<&str> = paths.chain([below]).map(|path| path.trim_matches('/')).collect();
        paths.retain(|path| !path.is_empty());
        if paths.is_empty() {
            return;
        }
        let files = self.files();
        let is_in =
            |path: &str, of: &str| path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        paths.retain(|path| !files.iter().any(|(file, ..)| is_in(path, file) || is_in(file, path)));
        let mode = open_mode(volume, self.group);
        self.parts = paths.into_iter().map(|path| (path.to_owned(), mode)).collect();
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

    fn entry(&self, bytes: &[u8], (mode, user): (Option<u32>, u32), now: Timestamp) -> Entry {
        self.owned(Entry { mode: mode.unwrap_or(self.mode), owner: (user, 0), ..Entry::file(bytes, now) })
    }

    /// An entry as the Pod's group may read it (`pkg/volume/volume_linux.go`, changeFilePermission).
    fn owned(&self, entry: Entry) -> Entry {
        let Some(group) = self.group else { return entry };
        let more = match &entry.body {
            Body::Folder => 0o2550,
            Body::File(_) => 0o440,
            Body::Link(_) => 0,
        };
        Entry { mode: entry.mode | more, owner: (entry.owner.0, group), ..entry }
    }

    /// Adds an entry, and the folders it lies in.
    fn add(&self, tree: &mut Tree, path: &str, entry: Entry) {
        for (at, _) in path.match_indices('/') {
            tree.entry(path[..at].to_owned()).or_insert_with(|| self.owned(Entry::folder(entry.changed)));
        }
        tree.insert(path.to_owned(), entry);
    }

    /// Adds what is noted to be mounted, where it is not there.
    fn add_parts(&self, tree: &mut Tree, now: Timestamp) {
        for (path, mode) in &self.parts {
            if !tree.contains_key(path) {
                self.add(tree, path, self.owned(Entry { mode: *mode, ..Entry::folder(now) }));
            }
        }
    }

    /// The files alone.
    fn plain(&self) -> Tree {
        let now = self.client.clock().now();
        let mut tree = Tree::new();
        for (path, bytes, mode) in self.files() {
            self.add(&mut tree, &path, self.entry(&bytes, mode, now));
        }
        self.add_parts(&mut tree, now);
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
        let folder = format!("..{}", now.strftime("%Y_%m_%d_%H_%M_%S.%9f"));
        let mut tree = Tree::new();
        tree.insert(folder.clone(), self.owned(Entry::folder(now)));
        tree.insert("..data".to_owned(), self.owned(Entry::link(folder.clone(), now)));
        for (path, bytes, mode) in &files {
            self.add(&mut tree, &format!("{folder}/{path}"), self.entry(bytes, *mode, now));
            let first = path.split('/').next().unwrap_or_default();
            tree.insert(first.to_owned(), self.owned(Entry::link(format!("..data/{first}"), now)));
        }
        self.add_parts(&mut tree, now);
        let tree = Arc::new(tree);
        *present = Some(Present { compared: now, files, tree: tree.clone() });
        tree
    }
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
            let pod = &as_seen(pod.clone());
            let file = |item: &Value| (meta::text(item, "/path").to_owned(), fact(pod, item).into_bytes(), mode(item));
            return meta::list(downward, "/items").iter().map(file).collect();
        }
        if let Some(token) = source.get("serviceAccountToken") {
            let path = Some(meta::text(token, "/path")).filter(|path| !path.is_empty()).unwrap_or("token");
            // Who is to read it may, and nobody else (`pkg/volume/projected/projected.go`, collectData).
            let user = user_of(pod);
            let mode = (user.is_some() || self.group.is_some()).then_some(0o600);
            return vec![(path.to_owned(), self.token(pod, token).into_bytes(), (mode, user.unwrap_or_default()))];
        }
        Vec::new()
    }

    /// The Pod's token: a new one once four fifths of its time are over (`pkg/kubelet/token/token_manager.go`).
    fn token(&self, pod: &Value, token: &Value) -> String {
        let now = self.client.clock().now();
        let seconds = meta::number(token, "/expirationSeconds").unwrap_or(3600);
        let key = (meta::text(token, "/audience").to_owned(), seconds);
        let mut known = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, token)) = known.get(&key).filter(|(until, _)| now < *until) {
            return token.clone();
        }
        let asked = account_token(&self.client, pod, token);
        known.insert(key, (now + SignedDuration::from_secs(seconds / 5 * 4), asked.clone()));
        asked
    }
}

fn mode(item: &Value) -> (Option<u32>, u32) {
    (meta::number(item, "/mode").and_then(|mode| u32::try_from(mode).ok()), 0)
}

/// The user that all containers run as, where it is one (`pkg/volume/util/util.go`, FsUserFrom).
fn user_of(pod: &Value) -> Option<u32> {
    let whole = pod.pointer("/spec/securityContext/runAsUser");
    let lists = ["/spec/initContainers", "/spec/containers"].into_iter().flat_map(|list| meta::list(pod, list));
    let mut users =
        lists.map(|container| container.pointer("/securityContext/runAsUser").or(whole).and_then(Value::as_u64));
    let first = users.next()??;
    users.all(|user| user == Some(first)).then_some(first).and_then(|user| u32::try_from(user).ok())
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
        all.push((key.clone(), bytes, (None, 0)));
    }
    for (key, value) in meta::map(&found, "/binaryData").into_iter().flatten() {
        all.push((key.clone(), decoded(value), (None, 0)));
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
