//! The files a container sees: its image's own, and the volumes mounted over them.
//! Which volumes there are is `volumes.rs`. Paths are absolute and normalized; a file is its bytes.

use std::sync::Arc;

use jiff::Timestamp;

use super::tree::{Body, Entry, Kept, Made, Tree, taken};

/// Files larger than this keep only their end.
const LARGEST: usize = 4 << 20;

/// Where the files of a mount come from.
#[derive(Clone)]
pub enum Volume {
    Kept(Arc<Kept>),
    Made(Arc<Made>),
}

/// A volume at its place.
#[derive(Clone)]
pub struct Mount {
    pub path: String,
    pub volume: Volume,
    /// The part of the volume that is mounted; empty for all of it.
    pub below: String,
    pub read_only: bool,
    /// The root's mode.
    pub mode: u32,
    /// The group its files belong to; 0 for that of whoever writes them.
    pub group: u32,
    /// How much memory its files may take, in KiB, when they are kept there.
    pub in_memory: Option<usize>,
    /// Whether its files end with the container: its own layer, and its termination message.
    pub own: bool,
}

/// What a node's Pods may have of its memory, in KiB.
pub const MEMORY: usize = 3_913_344;

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
    #[error("No space left on device")]
    Full,
    #[error("Device or resource busy")]
    Busy,
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

/// The tree, the path in it, and whom (user and group) what is made there belongs to.
type Place<'a> = (&'a Kept, String, (u32, u32));

/// All that a container sees.
#[derive(Clone)]
pub struct Files {
    /// Longest path first, the container's own layer last.
    mounts: Vec<Mount>,
    /// Whether the image's own files may be written; those of a user that is not root may not.
    root: Result<(), FileError>,
    /// Who writes: user and group.
    owner: (u32, u32),
    /// Further groups of who reads.
    groups: Vec<u32>,
}

/// Longer chains of links lead nowhere.
const LINKS: usize = 16;

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

/// The bytes that all but one entry take.
fn taken_beside(tree: &Tree, inner: &str) -> usize {
    let own = tree.get(inner).map_or(0, |entry| entry.size().next_multiple_of(4096));
    taken(tree) - own
}

fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(parent, _)| parent)
}

impl Files {
    /// An image's layer with mounts over it.
    pub fn new(layer: Tree, mut mounts: Vec<Mount>, root: Result<(), FileError>) -> Self {
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.path.len()));
        let volume = Volume::Kept(Arc::new(Kept::new(Arc::new(layer))));
        let (path, below) = (String::new(), String::new());
        mounts.push(Mount { path, volume, below, read_only: false, mode: 0o755, group: 0, in_memory: None, own: true });
        Self { mounts, root, owner: (0, 0), groups: Vec::new() }
    }

    /// The same, read and written by this user, its group and further ones.
    pub fn of_user(self, user: i64, group: i64, groups: &[i64]) -> Self {
        let id = |id: i64| u32::try_from(id).unwrap_or_default();
        Self { owner: (id(user), id(group)), groups: groups.iter().copied().map(id).collect(), ..self }
    }

    /// Whether the mode of an entry lets its user read it; root may always.
    fn may_read(&self, entry: &Entry) -> bool {
        let (user, group) = entry.owner;
        let bit = match () {
            () if self.owner.0 == user => 0o400,
            () if self.owner.1 == group || self.groups.contains(&group) => 0o040,
            () => 0o004,
        };
        self.owner.0 == 0 || entry.mode & bit != 0
    }

    /// Whether what is at a path is kept in memory.
    pub fn is_in_memory(&self, path: &str) -> bool {
        self.place(path).is_some_and(|(mount, _)| mount.in_memory.is_some())
    }

    /// What is mounted where, the image's own files last.
    pub fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    /// The same, to be replaced by others at the same places.
    pub fn mounts_mut(&mut self) -> &mut [Mount] {
        &mut self.mounts
    }

    /// A path without links in it; with `last`, it is not a link itself.
    fn resolved(&self, path: &str, last: bool) -> String {
        let mut path = path.to_owned();
        for _ in 0..LINKS {
            let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]).collect::<Vec<_>>();
            let link = ends.into_iter().filter(|end| last || *end < path.len()).find_map(|end| {
                let (whole, above) = (&path[..end], parent(&path[..end]).unwrap_or_default());
                Some(absolute("/", &format!("{}{}", absolute(above, &self.link(whole)?), &path[end..])))
            });
            match link {
                Some(next) => path = next,
                None => break,
            }
        }
        path
    }

    fn link(&self, path: &str) -> Option<String> {
        let (mount, inner) = self.place(path)?;
        let target = |tree: &Tree| match &tree.get(&inner)?.body {
            Body::Link(target) => Some(target.clone()),
            _ => None,
        };
        match &mount.volume {
            Volume::Kept(tree) => tree.look(target),
            Volume::Made(made) => target(&made.tree()),
        }
    }

    /// Whether something may be written at a path.
    pub fn may_write(&self, path: &str) -> Result<(), FileError> {
        self.tree(path).map(drop)
    }

    /// How large a file is.
    pub fn size(&self, path: &str) -> Option<usize> {
        self.entry(&self.resolved(path, true)).filter(|entry| !entry.is_folder()).map(|entry| entry.size())
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
        let root = || Entry { mode: mount.mode, owner: (0, mount.group), ..Entry::folder(Timestamp::UNIX_EPOCH) };
        let found = match &mount.volume {
            Volume::Kept(tree) => tree.look(|tree| tree.get(&inner).cloned()),
            Volume::Made(made) => made.tree().get(&inner).cloned(),
        };
        // What a mount hangs in is a folder, whether anybody made it or not.
        let leads = || self.mounts.iter().any(|mount| mount.path.starts_with(&format!("{path}/")));
        let folder = || Entry::folder(Timestamp::UNIX_EPOCH);
        found.or_else(|| inner.is_empty().then(root)).or_else(|| leads().then(folder))
    }

    /// A file's bytes.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let entry = self.entry(&self.resolved(path, true)).ok_or(FileError::Missing)?;
        let may = self.may_read(&entry);
        match entry.body {
            Body::Link(_) => Err(FileError::Missing),
            Body::Folder => Err(FileError::IsDirectory),
            Body::File(_) if !may => Err(FileError::Denied),
            Body::File(bytes) => Ok(Arc::unwrap_or_clone(bytes)),
        }
    }

    /// What is at a path, and where links lead.
    pub fn stat(&self, path: &str) -> Option<Entry> {
        self.entry(&self.resolved(path, true)).filter(|entry| !matches!(entry.body, Body::Link(_)))
    }

    /// Where a path leads when every link is followed; what it names last need not be there.
    pub fn real(&self, path: &str) -> Option<String> {
        let found = self.resolved(path, true);
        self.is_folder(parent(&found).unwrap_or("/")).then_some(found)
    }

    /// What is at a path, be it a link.
    pub fn look(&self, path: &str) -> Option<Entry> {
        self.entry(&self.resolved(path, false))
    }

    /// Whether there is a folder of that name.
    pub fn is_folder(&self, path: &str) -> bool {
        self.stat(path).is_some_and(|entry| entry.is_folder())
    }

    /// The names in a folder, sorted.
    pub fn list(&self, path: &str) -> Result<Vec<String>, FileError> {
        let path = &*self.resolved(path, true);
        match self.entry(path) {
            None => return Err(FileError::Missing),
            Some(entry) if !entry.is_folder() => return Err(FileError::NotDirectory),
            Some(_) => {}
        }
        let (mount, inner) = self.place(path).ok_or(FileError::Missing)?;
        let prefix = if inner.is_empty() { String::new() } else { format!("{inner}/") };
        let within = |name: &str| Some(name.strip_prefix(&prefix)?.split('/').next()?.to_owned());
        let mut names: Vec<String> = match &mount.volume {
            Volume::Kept(tree) => tree.look(|tree| tree.keys().filter_map(|name| within(name)).collect()),
            Volume::Made(made) => made.tree().keys().filter_map(|name| within(name)).collect(),
        };
        let slash = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        let mounted = self.mounts.iter().filter_map(|mount| mount.path.strip_prefix(&slash)?.split('/').next());
        names.extend(mounted.map(str::to_owned));
        names.retain(|name| !name.is_empty());
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Where a path is written.
    fn tree(&self, path: &str) -> Result<Place<'_>, FileError> {
        let (mount, inner) = self.place(path).ok_or(FileError::Missing)?;
        let owner = (self.owner.0, if mount.group == 0 { self.owner.1 } else { mount.group });
        match &mount.volume {
            _ if mount.read_only => Err(FileError::ReadOnly),
            Volume::Made(_) => Err(FileError::ReadOnly),
            Volume::Kept(tree) => {
                let free = ["/tmp", "/var/tmp", "/dev/shm"].iter().any(|folder| path.starts_with(folder));
                match self.root {
                    Err(why) if mount.path.is_empty() && !(free && why == FileError::Denied) => Err(why),
                    _ => Ok((tree, inner, owner)),
                }
            }
        }
    }

    /// Writes a file, over what is there or after it.
    pub fn write(&self, path: &str, bytes: &[u8], append: bool, now: Timestamp) -> Result<(), FileError> {
        let path = &*self.resolved(path, true);
        if self.is_folder(path) {
            return Err(FileError::IsDirectory);
        }
        if !self.is_folder(parent(path).filter(|parent| !parent.is_empty()).unwrap_or("/")) {
            return Err(FileError::Missing);
        }
        let (tree, inner, owner) = self.tree(path)?;
        let most = self.most(path);
        tree.change(|tree| {
            let room = most.map(|most| most.saturating_sub(taken_beside(tree, &inner)));
            let entry = tree.entry(inner).or_insert_with(|| Entry { owner, ..Entry::file("", now) });
            entry.changed = now;
            if !append {
                entry.more = 0;
            }
            let Body::File(kept) = &mut entry.body else { return Ok(()) };
            if !append {
                *kept = Arc::default();
            }
            let fits = room.map_or(usize::MAX, |room| room.saturating_sub(kept.len() + entry.more)).min(bytes.len());
            let kept = Arc::make_mut(kept);
            kept.extend_from_slice(&bytes[..fits]);
            if kept.len() > LARGEST {
                let surplus = kept.len() - LARGEST / 2;
                kept.drain(..surplus);
                entry.more += surplus;
            }
            if fits < bytes.len() { Err(FileError::Full) } else { Ok(()) }
        })
    }

    /// Makes a file of so many zeros, of which not all are kept, and says how many there was room for.
    pub fn fill(&self, path: &str, size: usize, now: Timestamp) -> Result<usize, FileError> {
        self.write(path, b"", false, now)?;
        let path = &*self.resolved(path, true);
        let (tree, inner, _) = self.tree(path)?;
        let most = self.most(path);
        Ok(tree.change(|tree| {
            let fits = most.map_or(size, |most| size.min(most.saturating_sub(taken_beside(tree, &inner))));
            if let Some(entry) = tree.get_mut(&inner) {
                let kept = fits.min(LARGEST / 4);
                (entry.body, entry.more) = (Body::File(Arc::new(vec![0; kept])), fits - kept);
            }
            fits
        }))
    }

    /// How many bytes there may be where a path is, when somebody has said so.
    fn most(&self, path: &str) -> Option<usize> {
        self.place(path).and_then(|(mount, _)| mount.in_memory).filter(|most| *most < MEMORY).map(|most| most << 10)
    }

    /// Makes a link to a path, which need not be there.
    pub fn make_link(&self, path: &str, target: &str, now: Timestamp) -> Result<(), FileError> {
        let path = &*self.resolved(path, false);
        if self.entry(path).is_some() {
            return Err(FileError::Exists);
        }
        let (tree, inner, owner) = self.tree(path)?;
        tree.change(|tree| tree.insert(inner, Entry { owner, ..Entry::link(target, now) }));
        Ok(())
    }

    /// Makes a folder; with `parents`, all on the way, and it may be there already.
    pub fn make_folder(&self, path: &str, parents: bool, now: Timestamp) -> Result<(), FileError> {
        let path = &*self.resolved(path, true);
        if let Some(entry) = self.entry(path) {
            return if parents && entry.is_folder() { Ok(()) } else { Err(FileError::Exists) };
        }
        let above = parent(path).filter(|parent| !parent.is_empty()).unwrap_or("/");
        if !self.is_folder(above) {
            if !parents {
                return Err(FileError::Missing);
            }
            self.make_folder(above, true, now)?;
        }
        // What the group of a folder is to have goes on to those in it.
        let group_bit = self.entry(above).map_or(0, |entry| entry.mode & 0o2000);
        let (tree, inner, owner) = self.tree(path)?;
        tree.change(|tree| tree.insert(inner, Entry { owner, mode: 0o755 | group_bit, ..Entry::folder(now) }));
        Ok(())
    }

    /// Takes a file away, or a folder with everything in it; of what is mounted there the place stays.
    pub fn remove(&self, path: &str, recursive: bool) -> Result<(), FileError> {
        let path = &*self.resolved(path, false);
        let entry = self.entry(path).ok_or(FileError::Missing)?;
        if entry.is_folder() && !recursive {
            return Err(FileError::IsDirectory);
        }
        let is_mount = self.mounts.iter().any(|mount| mount.path == path);
        if is_mount && !entry.is_folder() {
            self.may_write(parent(path).filter(|parent| !parent.is_empty()).unwrap_or("/"))?;
            return Err(FileError::Busy);
        }
        let (tree, inner, _) = self.tree(path)?;
        let within = if is_mount && inner.is_empty() { String::new() } else { format!("{inner}/") };
        tree.change(|tree| tree.retain(|name, _| (is_mount || *name != inner) && !name.starts_with(&within)));
        if is_mount { Err(FileError::Busy) } else { Ok(()) }
    }

    /// Sets a path's mode.
    pub fn set_mode(&self, path: &str, mode: u32) -> Result<(), FileError> {
        let path = &*self.resolved(path, true);
        let (tree, inner, _) = self.tree(path)?;
        tree.change(|tree| tree.get_mut(&inner).map(|entry| entry.mode = mode).ok_or(FileError::Missing))
    }

    /// Sets a path's user, group or both.
    pub fn set_owner(&self, path: &str, user: Option<u32>, group: Option<u32>) -> Result<(), FileError> {
        let path = &*self.resolved(path, true);
        let (tree, inner, _) = self.tree(path)?;
        tree.change(|tree| {
            let entry = tree.get_mut(&inner).ok_or(FileError::Missing)?;
            entry.owner = (user.unwrap_or(entry.owner.0), group.unwrap_or(entry.owner.1));
            Ok(())
        })
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
