//! The files a container sees: its image's own, and the volumes mounted over them.
//! Which volumes there are is `volumes.rs`. Paths are absolute and normalized; a file is its bytes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

/// Files larger than this keep only their end.
const LARGEST: usize = 4 << 20;

/// One entry of a tree.
#[derive(Clone, Debug)]
pub struct Entry {
    /// `None` for a folder.
    pub bytes: Option<Vec<u8>>,
    pub changed: Timestamp,
    pub mode: u32,
}

/// A volume, or an image's layer: entries by their path below its root (without a leading slash).
pub type Tree = BTreeMap<String, Entry>;

/// Files made when they are looked at, such as those of a ConfigMap.
pub type Made = Arc<dyn Fn() -> Vec<(String, Vec<u8>)> + Send + Sync>;

/// Where the files of a mount come from.
#[derive(Clone)]
pub enum Volume {
    Kept(Arc<Mutex<Tree>>),
    Made(Made),
}

/// A volume at its place.
#[derive(Clone)]
pub struct Mount {
    pub path: String,
    pub volume: Volume,
    /// The part of the volume that is mounted; empty for all of it.
    pub below: String,
    pub read_only: bool,
}

/// Why a file cannot be had, in the words of `strerror`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    #[error("No such file or directory")]
    Missing,
    #[error("Is a directory")]
    IsDirectory,
    #[error("Not a directory")]
    NotDirectory,
    #[error("File exists")]
    Exists,
    #[error("Directory not empty")]
    NotEmpty,
    #[error("Read-only file system")]
    ReadOnly,
    #[error("Permission denied")]
    Denied,
}

impl FileError {
    /// With the number of the error, as C programs print it.
    pub fn with_number(self) -> &'static str {
        match self {
            Self::ReadOnly => "(30: Read-only file system)",
            Self::Denied => "(13: Permission denied)",
            _ => "(2: No such file or directory)",
        }
    }
}

/// All that a container sees.
#[derive(Clone)]
pub struct Files {
    /// Longest path first, the container's own layer last.
    mounts: Vec<Mount>,
    /// Whether the image's own files may be written; those of a user that is not root may not.
    root: Result<(), FileError>,
}

/// A path without `.`, `..` and doubled slashes, made absolute by `base`.
pub fn absolute(base: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{base}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(parent, _)| parent)
}

fn lock(tree: &Mutex<Tree>) -> MutexGuard<'_, Tree> {
    tree.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Files {
    /// An image's layer with mounts over it.
    pub fn new(layer: Tree, mut mounts: Vec<Mount>, root: Result<(), FileError>) -> Self {
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.path.len()));
        let own = Volume::Kept(Arc::new(Mutex::new(layer)));
        mounts.push(Mount { path: String::new(), volume: own, below: String::new(), read_only: false });
        Self { mounts, root }
    }

    /// Whether something may be written at a path.
    pub fn may_write(&self, path: &str) -> Result<(), FileError> {
        self.tree(path).map(drop)
    }

    /// How large a file is.
    pub fn size(&self, path: &str) -> Option<usize> {
        let (mount, inner) = self.place(path)?;
        match &mount.volume {
            Volume::Kept(tree) => lock(tree).get(&inner)?.bytes.as_ref().map(Vec::len),
            Volume::Made(made) => made().iter().find(|(name, _)| *name == inner).map(|(_, bytes)| bytes.len()),
        }
    }

    /// The mount a path belongs to, and the path below the volume's root.
    fn place(&self, path: &str) -> Option<(&Mount, String)> {
        self.mounts.iter().find_map(|mount| {
            let at = if mount.path == "/" { "" } else { mount.path.as_str() };
            let rest = path.strip_prefix(at)?;
            if !rest.is_empty() && !rest.starts_with('/') {
                return None;
            }
            let inner = format!("{}{rest}", mount.below);
            Some((mount, inner.trim_matches('/').to_owned()))
        })
    }

    /// One entry as it is now.
    fn entry(&self, path: &str) -> Option<Entry> {
        let (mount, inner) = self.place(path)?;
        let folder = || Entry { bytes: None, changed: Timestamp::UNIX_EPOCH, mode: 0o755 };
        let found = match &mount.volume {
            _ if inner.is_empty() => Some(folder()),
            Volume::Kept(tree) => lock(tree).get(&inner).cloned(),
            Volume::Made(made) => {
                let files = made();
                let file = files.iter().find(|(name, _)| *name == inner);
                let within = format!("{inner}/");
                match file {
                    Some((_, bytes)) => Some(Entry { bytes: Some(bytes.clone()), ..folder() }),
                    None => files.iter().any(|(name, _)| name.starts_with(&within)).then(folder),
                }
            }
        };
        // What a mount hangs in is a folder, whether anybody made it or not.
        let leads = || self.mounts.iter().any(|mount| mount.path.starts_with(&format!("{path}/")));
        found.or_else(|| leads().then(folder))
    }

    /// A file's bytes.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        match self.entry(path) {
            None => Err(FileError::Missing),
            Some(Entry { bytes: None, .. }) => Err(FileError::IsDirectory),
            Some(Entry { bytes: Some(bytes), .. }) => Ok(bytes),
        }
    }

    /// What is known of a path: whether it is a folder, its size, when it was changed and its mode.
    pub fn stat(&self, path: &str) -> Option<(bool, usize, Timestamp, u32)> {
        let entry = self.entry(path)?;
        Some((entry.bytes.is_none(), entry.bytes.map_or(4096, |bytes| bytes.len()), entry.changed, entry.mode))
    }

    /// Whether there is a folder of that name.
    pub fn is_folder(&self, path: &str) -> bool {
        self.entry(path).is_some_and(|entry| entry.bytes.is_none())
    }

    /// The names in a folder, sorted.
    pub fn list(&self, path: &str) -> Result<Vec<String>, FileError> {
        match self.entry(path) {
            None => return Err(FileError::Missing),
            Some(entry) if entry.bytes.is_some() => return Err(FileError::NotDirectory),
            Some(_) => {}
        }
        let (mount, inner) = self.place(path).ok_or(FileError::Missing)?;
        let prefix = if inner.is_empty() { String::new() } else { format!("{inner}/") };
        let within = |name: &str| Some(name.strip_prefix(&prefix)?.split('/').next()?.to_owned());
        let mut names: Vec<String> = match &mount.volume {
            Volume::Kept(tree) => lock(tree).keys().filter_map(|name| within(name)).collect(),
            Volume::Made(made) => made().iter().filter_map(|(name, _)| within(name)).collect(),
        };
        let slash = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        let mounted = self.mounts.iter().filter_map(|mount| mount.path.strip_prefix(&slash)?.split('/').next());
        names.extend(mounted.map(str::to_owned));
        names.retain(|name| !name.is_empty());
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn tree(&self, path: &str) -> Result<(&Mutex<Tree>, String), FileError> {
        let (mount, inner) = self.place(path).ok_or(FileError::Missing)?;
        match &mount.volume {
            _ if mount.read_only => Err(FileError::ReadOnly),
            Volume::Made(_) => Err(FileError::ReadOnly),
            Volume::Kept(tree) => {
                let free = ["/tmp", "/var/tmp", "/dev/shm"].iter().any(|folder| path.starts_with(folder));
                match self.root {
                    Err(why) if mount.path.is_empty() && !(free && why == FileError::Denied) => Err(why),
                    _ => Ok((tree, inner)),
                }
            }
        }
    }

    /// Writes a file, over what is there or after it.
    pub fn write(&self, path: &str, bytes: &[u8], append: bool, now: Timestamp) -> Result<(), FileError> {
        if self.is_folder(path) {
            return Err(FileError::IsDirectory);
        }
        if !self.is_folder(parent(path).filter(|parent| !parent.is_empty()).unwrap_or("/")) {
            return Err(FileError::Missing);
        }
        let (tree, inner) = self.tree(path)?;
        let mut tree = lock(tree);
        let fresh = Entry { bytes: None, changed: now, mode: 0o644 };
        let entry = tree.entry(inner).or_insert(fresh);
        let kept = entry.bytes.get_or_insert_default();
        if !append {
            kept.clear();
        }
        kept.extend_from_slice(bytes);
        if kept.len() > LARGEST {
            kept.drain(..kept.len() - LARGEST / 2);
        }
        entry.changed = now;
        Ok(())
    }

    /// Makes a folder; with `parents`, all on the way, and it may be there already.
    pub fn make_folder(&self, path: &str, parents: bool, now: Timestamp) -> Result<(), FileError> {
        if let Some(entry) = self.entry(path) {
            return if parents && entry.bytes.is_none() { Ok(()) } else { Err(FileError::Exists) };
        }
        let above = parent(path).filter(|parent| !parent.is_empty()).unwrap_or("/");
        if !self.is_folder(above) {
            if !parents {
                return Err(FileError::Missing);
            }
            self.make_folder(above, true, now)?;
        }
        let (tree, inner) = self.tree(path)?;
        lock(tree).insert(inner, Entry { bytes: None, changed: now, mode: 0o755 });
        Ok(())
    }

    /// Takes a file away, or a folder with everything in it.
    pub fn remove(&self, path: &str, recursive: bool) -> Result<(), FileError> {
        let entry = self.entry(path).ok_or(FileError::Missing)?;
        if entry.bytes.is_none() && !recursive {
            return Err(FileError::IsDirectory);
        }
        let (tree, inner) = self.tree(path)?;
        let within = format!("{inner}/");
        lock(tree).retain(|name, _| *name != inner && !name.starts_with(&within));
        Ok(())
    }

    /// Sets a path's mode.
    pub fn set_mode(&self, path: &str, mode: u32) -> Result<(), FileError> {
        let (tree, inner) = self.tree(path)?;
        lock(tree).get_mut(&inner).map(|entry| entry.mode = mode).ok_or(FileError::Missing)
    }

    /// The paths a pattern with `*` and `?` in its parts stands for, sorted.
    pub fn expand(&self, pattern: &str) -> Vec<String> {
        let mut found = vec![String::new()];
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            let mut next = Vec::new();
            for folder in found {
                if !part.contains(['*', '?', '[']) {
                    next.push(format!("{folder}/{part}"));
                    continue;
                }
                let names = self.list(if folder.is_empty() { "/" } else { &folder }).unwrap_or_default();
                let fits = |name: &&String| {
                    (!name.starts_with('.') || part.starts_with('.')) && super::pattern::matches(part, name)
                };
                next.extend(names.iter().filter(fits).map(|name| format!("{folder}/{name}")));
            }
            found = next;
        }
        found.retain(|path| self.entry(path).is_some());
        found
    }
}
