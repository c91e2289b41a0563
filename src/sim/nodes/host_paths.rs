//! `hostPath` volumes: Pods see the files of their node, and the node sees what they write there.
//! Pods work on a tree that is kept for each node (`process/tree.rs`). Once the machine has files, both are levelled again and again while
//! such a Pod runs; who changed something since the last time is right, and of two who did, the node.
//! Source: `pkg/volume/hostpath/host_path.go`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use rustix::fs::{FileType, Stat};
use serde_json::Value;

use super::components::program;
use super::process::tree::{Body, Entry, Kept, Tree};
use super::runtime::Runtime;
use crate::object::meta;
use crate::sim::machine::Machine;
use crate::sim::machine::root::Root;

/// Larger files of a node are not shown to Pods.
const LARGEST: i64 = 4 << 20;
/// Folders of a machine in which there are files before anybody has made some.
const FILLED: [&str; 8] = ["boot", "etc", "home", "lib", "root", "run", "usr", "var"];
/// What the kernel makes: nobody's files.
const KERNEL: [&str; 3] = ["dev", "proc", "sys"];

/// How a file is told from one that was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: i64,
    changed: (i64, i64),
    mode: u32,
}

/// What Pods and one node agreed on the last time. Paths have no leading slash.
#[derive(Default)]
pub struct Agreed {
    /// What Pods mounted, and which: their UIDs.
    paths: BTreeMap<String, BTreeSet<String>>,
    /// What of that was levelled before.
    levelled: BTreeSet<String>,
    /// All that Pods saw, unless that is to be compared once more.
    whole: Option<Arc<Tree>>,
    /// What of it is below the paths.
    tree: Tree,
    /// What the node had there.
    stamps: BTreeMap<String, Stamp>,
}

/// Whether a Pod is of the cluster's own: such a one is known to read its files on the node itself.
pub fn is_own(pod: &Value) -> bool {
    meta::namespace(pod) == "kube-flannel"
        || meta::list(pod, "/spec/containers").iter().any(|container| program(container).is_some())
}

/// Why a volume that asks for a certain kind of file cannot be mounted, in the kubelet's words.
pub fn fault(runtime: &Runtime, node: &str, host_path: &Value) -> Option<String> {
    let (path, kind) = (meta::text(host_path, "/path"), meta::text(host_path, "/type"));
    let (wanted, name) = match kind {
        "Directory" => (FileType::Directory, "directory"),
        "File" => (FileType::RegularFile, "file"),
        "Socket" => (FileType::Socket, "socket file"),
        "CharDevice" => (FileType::CharacterDevice, "character device"),
        "BlockDevice" => (FileType::BlockDevice, "block device"),
        _ => return None,
    };
    let fits = stands(runtime, node, path)?.is_ok_and(|found| found == wanted);
    (!fits).then(|| format!("hostPath type check failed: {path} is not a {name}"))
}

/// Why a `local` volume cannot be mounted: nothing makes its folder (`pkg/volume/local/local.go`, getGlobalLocalPath).
pub fn local_fault(runtime: &Runtime, node: &str, path: &str) -> Option<String> {
    match stands(runtime, node, path)? {
        Ok(FileType::Directory | FileType::BlockDevice) => None,
        Ok(_) => Some("only directory and block device are supported".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(format!("path {path:?} does not exist")),
        Err(error) => {
            tracing::debug!(%error, path, "what a local volume is on its node cannot be told");
            None
        }
    }
}

/// What stands at a path of a node; nothing is said of what the kernel makes, nor where there is no machine.
fn stands(runtime: &Runtime, node: &str, path: &str) -> Option<io::Result<FileType>> {
    if KERNEL.contains(&first(path.trim_matches('/'))) {
        return None;
    }
    let machines = runtime.machines()?;
    let machine = machines.get(node)?;
    let found = machines.files(&machine).and_then(|root| root.stat(path));
    Some(found.map(|stat| FileType::from_raw_mode(stat.st_mode)))
}

impl Runtime {
    /// A Pod mounts something of its node: while it runs both see what the other writes there.
    pub fn share(&self, node: &str, uid: &str, path: &str) {
        let inner = path.trim_matches('/');
        if KERNEL.contains(&first(inner)) {
            return;
        }
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let agreed = hosts.entry(node.to_owned()).or_default();
        agreed.paths.entry(inner.to_owned()).or_default().insert(uid.to_owned());
        drop(hosts);
        if (inner.is_empty() || FILLED.contains(&first(inner)))
            && let Some((machines, machine)) = self.machines().and_then(|all| Some((all, all.get(node)?)))
            && let Err(error) = machines.files(&machine)
        {
            tracing::warn!(%error, node, "a machine's files cannot be laid for a Pod");
        }
        if let Some(machine) = self.laid(node) {
            self.level_for(&machine, uid);
        }
    }

    /// Has a node and its Pods see what the other has written since the last time.
    pub fn level(&self, machine: &Machine) {
        self.level_for(machine, "");
    }

    /// The same, for a Pod, too, that is about to run.
    fn level_for(&self, machine: &Machine, uid: &str) {
        let Some(root) = machine.files() else { return };
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(agreed) = hosts.get_mut(&machine.name) else { return };
        let looks = |pod: &String| pod == uid || self.front(pod).is_some_and(|front| front.lives());
        let files = self.files(&format!("node/{}", machine.name), "", &Entry::folder(Timestamp::UNIX_EPOCH));
        agreed.level(root, &files, looks);
    }
}

impl Agreed {
    /// Nothing is known of what both have; what is mounted stays so.
    pub fn forget(&mut self) {
        *self = Self { paths: std::mem::take(&mut self.paths), ..Self::default() };
    }

    /// A Pod is gone.
    pub fn forget_pod(&mut self, uid: &str) {
        for pods in self.paths.values_mut() {
            pods.remove(uid);
        }
    }

    fn covers(&self, path: &str) -> bool {
        is_within(self.paths.keys(), path) && !KERNEL.contains(&first(path))
    }

    /// Whether nobody but the cluster's own Pods can have made something: what they were born with may be gone on the node since.
    fn is_born(&self, path: &str) -> bool {
        FILLED.contains(&first(path)) && !is_within(&self.levelled, path)
    }

    /// Levels both, as far as there are Pods that look.
    fn level(&mut self, root: &Root, files: &Kept, looks: impl Fn(&String) -> bool) {
        let tree = files.tree();
        let open: BTreeSet<&String> =
            self.paths.iter().filter(|(_, pods)| pods.iter().any(&looks)).map(|(path, _)| path).collect();
        let mut seen = walk(root, &open);
        // Where no Pod looks, what the node did is found when one does again.
        let unseen = self.stamps.iter().filter(|(path, _)| !is_within(open.iter().copied(), path));
        seen.extend(unseen.map(|(path, stamp)| (path.clone(), *stamp)));
        if seen == self.stamps && self.whole.as_ref().is_some_and(|whole| Arc::ptr_eq(whole, &tree)) {
            return;
        }
        let of_node = self.of_node(root, &seen, &tree);
        let mut agreed: Tree = tree
            .iter()
            .filter(|(path, _)| self.covers(path))
            .map(|(path, entry)| (path.clone(), entry.clone()))
            .collect();
        let wrote = self.of_pods(root, &agreed, &of_node);
        let apply = |tree: &mut Tree| {
            for (path, entry) in &of_node {
                match entry {
                    Some(entry) => drop(tree.insert(path.clone(), entry.clone())),
                    None => drop(tree.remove(path)),
                }
            }
        };
        apply(&mut agreed);
        if of_node.is_empty() {
            self.whole = Some(tree);
        } else {
            files.change(apply);
            self.whole = None;
        }
        self.tree = agreed;
        self.levelled = self.paths.keys().cloned().collect();
        // What the node wrote meanwhile is still to be seen.
        self.stamps = seen;
        for path in wrote {
            match root.look(&path) {
                Ok(stat) => drop(self.stamps.insert(path, stamp(&stat))),
                Err(_) => drop(self.stamps.remove(&path)),
            }
        }
    }

    /// What the node has changed: what is there now, or that nothing is.
    fn of_node(&self, root: &Root, seen: &BTreeMap<String, Stamp>, tree: &Tree) -> BTreeMap<String, Option<Entry>> {
        let changed = seen.iter().filter(|(path, stamp)| self.stamps.get(*path) != Some(stamp));
        let read = |(path, _): (&String, &Stamp)| match entry(root, path) {
            // What both have alike stays the Pods', with its owner.
            Ok(new) if tree.get(path).is_some_and(|known| known.body == new.body) => None,
            Ok(new) => Some((path.clone(), Some(new))),
            Err(error) => {
                tracing::debug!(%error, path, "a file of a node is not shown to its Pods");
                None
            }
        };
        let gone = self.stamps.keys().filter(|path| !seen.contains_key(*path)).map(|path| (path.clone(), None));
        changed.filter_map(read).chain(gone).collect()
    }

    /// Does on the node what Pods did, where the node itself did nothing; gives the paths of it.
    fn of_pods(&self, root: &Root, now: &Tree, of_node: &BTreeMap<String, Option<Entry>>) -> Vec<String> {
        let new = now.iter().filter(|(path, entry)| {
            self.tree.get(*path) != Some(entry) && !of_node.contains_key(*path) && !self.is_born(path)
        });
        let gone = self.tree.keys().filter(|path| !now.contains_key(*path) && !of_node.contains_key(*path));
        let done: Vec<(&String, io::Result<()>)> = new
            .map(|(path, entry)| (path, put(root, path, entry)))
            .chain(gone.map(|path| (path, root.remove(path))))
            .collect();
        for (path, error) in done.iter().filter_map(|(path, done)| Some((path, done.as_ref().err()?))) {
            tracing::debug!(%error, path, "what a Pod wrote does not come to its node");
        }
        done.into_iter().map(|(path, _)| path.clone()).collect()
    }
}

/// What a node has below some paths.
fn walk(root: &Root, paths: &BTreeSet<&String>) -> BTreeMap<String, Stamp> {
    let mut found = BTreeMap::new();
    let mut open: Vec<String> = paths.iter().map(|path| (*path).clone()).collect();
    while let Some(path) = open.pop() {
        if found.contains_key(&path) || KERNEL.contains(&&*path) || path.ends_with(".kubedrill") {
            continue;
        }
        let Ok(stat) = root.look(&path) else { continue };
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Directory {
            let names = root.list(&path).unwrap_or_default();
            open.extend(names.iter().map(|name| format!("{path}/{name}").trim_start_matches('/').to_owned()));
        }
        let shown = match kind {
            FileType::RegularFile => stat.st_size <= LARGEST,
            FileType::Directory | FileType::Symlink => true,
            _ => false,
        };
        if shown && !path.is_empty() {
            found.insert(path, stamp(&stat));
        }
    }
    found
}

/// The first part of a path.
fn first(path: &str) -> &str {
    path.split('/').next().unwrap_or_default()
}

/// Whether a path is one of these folders, or below one.
fn is_within<'a>(folders: impl IntoIterator<Item = &'a String>, path: &str) -> bool {
    folders.into_iter().any(|folder| {
        let rest = path.strip_prefix(folder.as_str());
        rest.is_some_and(|rest| folder.is_empty() || rest.is_empty() || rest.starts_with('/'))
    })
}

fn stamp(stat: &Stat) -> Stamp {
    // A folder changes with what is in it, which is looked at by itself.
    let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    let changed =
        if is_folder { (0, 0) } else { (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or_default()) };
    Stamp { inode: stat.st_ino, size: if is_folder { 0 } else { stat.st_size }, changed, mode: stat.st_mode }
}

/// Something of a node as Pods see it.
fn entry(root: &Root, path: &str) -> io::Result<Entry> {
    let stat = root.look(path)?;
    let changed = Timestamp::from_second(stat.st_mtime).unwrap_or_default();
    let entry = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Entry::folder(changed),
        FileType::Symlink => Entry::link(root.target(path)?, changed),
        _ => Entry::file(root.read(path)?, changed),
    };
    Ok(Entry { mode: stat.st_mode & 0o7777, ..entry })
}

/// What a Pod wrote, on the node.
fn put(root: &Root, path: &str, entry: &Entry) -> io::Result<()> {
    match &entry.body {
        Body::Folder => root.make_dir(path, entry.mode),
        Body::File(bytes) => root.write(path, bytes, entry.mode),
        Body::Link(target) => root.remove(path).and_then(|()| root.link(target, path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_sees_what_the_other_did() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (root, files) = (Root::open(folder.path())?, Kept::default());
        let mounts = |path: &str| (path.to_owned(), BTreeSet::from(["pod".to_owned()]));
        let mut agreed = Agreed { paths: BTreeMap::from([mounts("opt/data")]), ..Agreed::default() };
        let runs = |_: &String| true;
        let now = Timestamp::UNIX_EPOCH;
        let text = |path: &str| files.look(|tree| tree.get(path).map(|entry| entry.body.clone()));
        let file = |text: &str| Some(Body::File(Arc::new(text.into())));
        files.change(|tree| {
            tree.insert("opt/data".to_owned(), Entry::folder(now));
            tree.insert("opt/data/pod".to_owned(), Entry::file("by the Pod", now));
            tree.insert("etc/cni".to_owned(), Entry::folder(now));
        });
        root.write("/opt/data/sub/node", b"by the node", 0o600)?;
        root.write("/etc/hostname", b"node01", 0o644)?;
        agreed.level(&root, &files, runs);
        assert_eq!(root.text("/opt/data/pod")?, "by the Pod");
        assert_eq!(text("opt/data/sub/node"), file("by the node"));
        assert_eq!((text("etc/hostname"), root.exists("/etc/cni")), (None, false), "nobody mounted that");
        files.change(|tree| {
            tree.insert("opt/data/pod".to_owned(), Entry::file("again", now));
            tree.insert("opt/data/both".to_owned(), Entry::file("Pod", now));
            tree.remove("opt/data/sub/node");
        });
        root.write("/opt/data/both", b"node", 0o644)?;
        agreed.level(&root, &files, runs);
        assert_eq!(root.text("/opt/data/pod")?, "again");
        assert!(!root.exists("/opt/data/sub/node") && root.exists("/opt/data/sub"));
        assert_eq!(text("opt/data/both"), file("node"));
        root.remove("/opt/data/pod")?;
        root.link("both", "/opt/data/link")?;
        agreed.level(&root, &files, runs);
        assert_eq!((text("opt/data/pod"), text("opt/data/link")), (None, Some(Body::Link("both".to_owned()))));
        // What the cluster's own Pods were born with does not come back to a node that has it no more.
        files.change(|tree| tree.insert("etc/kubernetes/gone.conf".to_owned(), Entry::file("old", now)));
        agreed.paths.extend([mounts("")]);
        agreed.level(&root, &files, runs);
        assert!(!root.exists("/etc/kubernetes/gone.conf"));
        assert_eq!(text("etc/hostname"), file("node01"));
        files.change(|tree| tree.insert("etc/made".to_owned(), Entry::file("new", now)));
        agreed.level(&root, &files, runs);
        assert_eq!(root.text("/etc/made")?, "new");
        let as_it_was = files.tree();
        agreed.level(&root, &files, runs);
        agreed.level(&root, &files, runs);
        assert!(Arc::ptr_eq(&as_it_was, &files.tree()), "nothing happened");
        // Nobody looks any more; then somebody does again.
        root.write("/opt/data/later", b"by the node", 0o644)?;
        root.remove("/opt/data/both")?;
        files.change(|tree| tree.insert("opt/data/last".to_owned(), Entry::file("by the Pod", now)));
        agreed.level(&root, &files, |_: &String| false);
        assert_eq!((text("opt/data/later"), text("opt/data/both")), (None, file("node")));
        assert_eq!(root.text("/opt/data/last")?, "by the Pod", "what it wrote before it ended");
        agreed.level(&root, &files, runs);
        assert_eq!((text("opt/data/later"), text("opt/data/both")), (file("by the node"), None));
        Ok(())
    }
}
