//! The files of a node's machine: a folder that is the root of everything named here.
//! Links a learner makes lead where they would lead on the node, never out of the folder (`openat2`, RESOLVE_IN_ROOT).

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RawMode, ResolveFlags, Stat};

/// A folder as the root of a machine. Paths are the node's own and absolute; a relative one begins at the root.
#[derive(Debug)]
pub struct Root {
    folder: PathBuf,
    handle: OwnedFd,
}

impl Root {
    /// Opens a folder, made for this user only where it is not there yet.
    pub fn open(folder: &Path) -> io::Result<Self> {
        crate::base::files::private_dir(folder)?;
        let handle = rustix::fs::open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { folder: folder.to_owned(), handle })
    }

    /// The folder on this machine's disk.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where something is on this machine's disk, links followed as on the node. For programs that are given paths; whoever can write there
    /// can change it in between.
    pub fn place(&self, path: &str) -> io::Result<PathBuf> {
        let handle = self.at(path, OFlags::PATH, 0)?;
        std::fs::read_link(Path::new("/proc/self/fd").join(handle.as_raw_fd().to_string()))
    }

    fn at(&self, path: &str, flags: OFlags, mode: u32) -> io::Result<OwnedFd> {
        let path = path.trim_start_matches('/');
        let path = if path.is_empty() { "." } else { path };
        let mode = Mode::from_raw_mode(mode as RawMode);
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        Ok(rustix::fs::openat2(self.handle.as_fd(), path, flags | OFlags::CLOEXEC, mode, resolve)?)
    }

    /// The folder something is in, and its name there.
    fn parent<'a>(&self, path: &'a str) -> io::Result<(OwnedFd, &'a str)> {
        let path = path.trim_end_matches('/');
        let (folder, name) = path.rsplit_once('/').unwrap_or(("/", path));
        if matches!(name, "" | "." | "..") {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok((self.at(folder, OFlags::PATH | OFlags::DIRECTORY, 0)?, name))
    }

    /// What a file holds.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let mut file = File::from(self.at(path, OFlags::RDONLY | OFlags::NONBLOCK, 0)?);
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The same as text, whatever is not UTF-8 in it replaced.
    pub fn text(&self, path: &str) -> io::Result<String> {
        self.read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Replaces a file whole, with the folders that lead to it. A reader sees the old text or the new.
    pub fn write(&self, path: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
        if let Some((folder, _)) = path.trim_end_matches('/').rsplit_once('/') {
            self.make_dir(folder, 0o755)?;
        }
        let (folder, name) = self.parent(path)?;
        let beside = format!(".{name}.kubedrill");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(mode as RawMode);
        let file = rustix::fs::openat(&folder, &beside, flags, mode)?;
        rustix::fs::fchmod(&file, mode)?;
        File::from(file).write_all(bytes)?;
        Ok(rustix::fs::renameat(&folder, &beside, &folder, name)?)
    }

    /// Adds to the end of a file, made where it is not there.
    pub fn append(&self, path: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
        if let Some((folder, _)) = path.trim_end_matches('/').rsplit_once('/') {
            self.make_dir(folder, 0o755)?;
        }
        File::from(self.at(path, OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND, mode)?).write_all(bytes)
    }

    /// Makes a folder and what leads to it; one that is there stays as it is.
    pub fn make_dir(&self, path: &str, mode: u32) -> io::Result<()> {
        let mut so_far = String::new();
        for part in Path::new(path).components() {
            let Component::Normal(part) = part else { continue };
            let parent = if so_far.is_empty() { "/".to_owned() } else { so_far.clone() };
            so_far = format!("{so_far}/{}", part.to_string_lossy());
            if self.at(&so_far, OFlags::PATH | OFlags::DIRECTORY, 0).is_err() {
                let parent = self.at(&parent, OFlags::PATH | OFlags::DIRECTORY, 0)?;
                match rustix::fs::mkdirat(&parent, part, Mode::from_raw_mode(mode as RawMode)) {
                    // Somebody else made it at the same time.
                    Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Makes a socket nobody answers at: what a program leaves in the file system that listens there. One that is there stays.
    pub fn socket(&self, path: &str) -> io::Result<()> {
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.make_dir(folder, 0o711)?;
        }
        let (folder, name) = self.parent(path)?;
        match rustix::fs::mknodat(&folder, name, FileType::Socket, Mode::from_raw_mode(0o660), 0) {
            Err(rustix::io::Errno::EXIST) => Ok(()),
            made => Ok(made?),
        }
    }

    /// Makes a symbolic link.
    pub fn link(&self, target: &str, path: &str) -> io::Result<()> {
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.make_dir(folder, 0o755)?;
        }
        let (folder, name) = self.parent(path)?;
        Ok(rustix::fs::symlinkat(target, &folder, name)?)
    }

    /// Moves what is at `from` to `to`.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let ((from, old), (to, new)) = (self.parent(from)?, self.parent(to)?);
        Ok(rustix::fs::renameat(&from, old, &to, new)?)
    }

    /// Takes away a file, a link, or a folder with all that is in it. What is not there is no error.
    pub fn remove(&self, path: &str) -> io::Result<()> {
        let (folder, name) = match self.parent(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            found => found?,
        };
        match rustix::fs::unlinkat(&folder, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => return Ok(()),
            Err(rustix::io::Errno::ISDIR | rustix::io::Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
        for inside in self.list(path)? {
            self.remove(&format!("{}/{inside}", path.trim_end_matches('/')))?;
        }
        Ok(rustix::fs::unlinkat(&folder, name, AtFlags::REMOVEDIR)?)
    }

    /// The names in a folder, sorted.
    pub fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let folder = self.at(path, OFlags::RDONLY | OFlags::DIRECTORY, 0)?;
        let mut names = Vec::new();
        for entry in Dir::read_from(&folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// What the system knows of a file, links followed.
    pub fn stat(&self, path: &str) -> io::Result<Stat> {
        Ok(rustix::fs::fstat(self.at(path, OFlags::PATH, 0)?)?)
    }

    /// What the system knows of something, a link itself and not where it leads.
    pub fn look(&self, path: &str) -> io::Result<Stat> {
        Ok(rustix::fs::fstat(self.at(path, OFlags::PATH | OFlags::NOFOLLOW, 0)?)?)
    }

    /// Where a link leads.
    pub fn target(&self, path: &str) -> io::Result<String> {
        let link = self.at(path, OFlags::PATH | OFlags::NOFOLLOW, 0)?;
        Ok(rustix::fs::readlinkat(&link, "", Vec::new())?.to_string_lossy().into_owned())
    }

    /// Whether something is there, links followed.
    pub fn exists(&self, path: &str) -> bool {
        self.at(path, OFlags::PATH, 0).is_ok()
    }

    /// Whether a folder is there.
    pub fn is_dir(&self, path: &str) -> bool {
        self.stat(path).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_where_they_lead_on_the_node() -> io::Result<()> {
        let (folder, outside) = (tempfile::tempdir()?, tempfile::tempdir()?);
        std::fs::write(outside.path().join("secret"), "host")?;
        let root = Root::open(folder.path())?;
        root.write("/etc/hostname", b"node01\n", 0o644)?;
        root.link("/etc/hostname", "/root/absolute")?;
        root.link(&outside.path().join("secret").to_string_lossy(), "/root/out")?;
        root.link(&format!("../../../../../../../../..{}", outside.path().display()), "/root/up")?;
        assert_eq!(root.text("/root/absolute")?, "node01\n");
        assert!(root.read("/root/out").is_err());
        assert!(root.write("/root/up/secret", b"gone", 0o644).is_err());
        root.remove("/root/up")?;
        assert_eq!(std::fs::read_to_string(outside.path().join("secret"))?, "host");
        Ok(())
    }

    #[test]
    fn a_folder_goes_with_what_is_in_it() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::open(folder.path())?;
        root.write("/var/lib/etcd/member/snap/db", b"data", 0o600)?;
        root.append("/var/log/syslog", b"one\n", 0o640)?;
        root.append("/var/log/syslog", b"two\n", 0o640)?;
        root.socket("/run/containerd/containerd.sock")?;
        root.socket("/run/containerd/containerd.sock")?;
        let mode = root.stat("/run/containerd/containerd.sock")?.st_mode;
        assert_eq!(FileType::from_raw_mode(mode), FileType::Socket);
        assert_eq!(root.text("/var/log/syslog")?, "one\ntwo\n");
        root.rename("/var/lib/etcd/member", "/var/lib/etcd/old")?;
        assert_eq!(root.list("/var/lib/etcd")?, ["old"]);
        root.remove("/var")?;
        assert!(!root.exists("/var/lib"));
        root.remove("/var")
    }
}
