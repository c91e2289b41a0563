//! The root of a node as its processes see it: the node's folder, the host's programs, and the kernel's file systems.
//! Paths on the node are looked up without following links: one that a learner made could lead out while the host is still there.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};

use super::super::place::{COMMANDS, OURS, PROGRAM, SOCKET, Visit};
use super::super::{host, login};
use super::told;

/// The host's device files that a node has.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// From here on nothing that is mounted is seen outside.
pub fn private() -> rustix::io::Result<()> {
    rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
}

/// Mounts memory.
pub fn mount_tmpfs(place: &Path, options: &CStr) -> rustix::io::Result<()> {
    rustix::mount::mount("tmpfs", place, "tmpfs", MountFlags::NOSUID, options)
}

/// Mounts the processes of this namespace.
pub fn mount_proc(place: &Path) -> rustix::io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount("proc", place, "proc", flags, None)
}

/// Lays everything and makes it the root.
pub fn build(visit: &Visit, program: &Path) -> Result<(), String> {
    let folder = &visit.entrance.root;
    told("mounting", private())?;
    told(&folder.display().to_string(), rustix::mount::mount_bind_recursive(folder, folder))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let tree = Tree { root: told("its root", rustix::fs::open(folder, flags, Mode::empty()))? };
    tree.hosts()?;
    tree.kernels()?;
    told("/dev", tree.devices())?;
    told(OURS, tree.ours(visit, program))?;
    tree.commands(visit, program)?;
    told("/etc", tree.links())?;
    told("its root", enter(&tree.root))
}

/// Makes a folder the root, and lets go of the one before.
fn enter(root: &OwnedFd) -> rustix::io::Result<()> {
    rustix::process::fchdir(root)?;
    rustix::process::pivot_root(".", ".")?;
    // Both lie on one place now, the old one above.
    rustix::mount::unmount(".", UnmountFlags::DETACH)?;
    rustix::process::chdir("/")
}

/// Something open, as a path that leads to nothing else.
fn path_of(file: &impl AsRawFd) -> PathBuf {
    Path::new("/proc/self/fd").join(file.as_raw_fd().to_string())
}

struct Tree {
    root: OwnedFd,
}

impl Tree {
    fn open(&self, path: &str, flags: OFlags, mode: u32) -> rustix::io::Result<OwnedFd> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS;
        let path = path.trim_start_matches('/');
        rustix::fs::openat2(self.root.as_fd(), path, flags | OFlags::CLOEXEC, Mode::from_raw_mode(mode), resolve)
    }

    /// A folder, made where it is not there.
    fn folder(&self, path: &str) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        match self.open(path, flags, 0) {
            Err(Errno::NOENT) => {}
            found => return found,
        }
        let (above, name) = path.trim_end_matches('/').rsplit_once('/').unwrap_or(("", path));
        let above =
            if above.is_empty() { self.root.try_clone().map_err(|_| Errno::MFILE)? } else { self.folder(above)? };
        match rustix::fs::mkdirat(&above, name, Mode::from_raw_mode(0o755)) {
            // Whoever goes in at the same time made it.
            Ok(()) | Err(Errno::EXIST) => self.open(path, flags, 0),
            Err(error) => Err(error),
        }
    }

    /// A file to mount over, made where it is not there.
    fn file(&self, path: &str) -> rustix::io::Result<OwnedFd> {
        match self.open(path, OFlags::PATH, 0) {
            Err(Errno::NOENT) => self.open(path, OFlags::RDONLY | OFlags::CREATE, 0o644),
            found => found,
        }
    }

    fn bind(&self, from: &Path, onto: &OwnedFd) -> rustix::io::Result<()> {
        rustix::mount::mount_bind_recursive(from, path_of(onto))
    }

    /// The host's programs and libraries, and its `/etc` beside the node's own.
    fn hosts(&self) -> Result<(), String> {
        let own = host::OWN.map(|path| told(path, self.folder(path)).map(|folder| (path, folder)));
        let own = own.into_iter().collect::<Result<Vec<_>, _>>()?;
        for name in host::trees() {
            let path = format!("/{name}");
            let done = match std::fs::read_link(&path) {
                Ok(target) => match rustix::fs::symlinkat(&target, &self.root, name.as_str()) {
                    Err(Errno::EXIST) => Ok(()),
                    linked => linked,
                },
                Err(_) => self.folder(&path).and_then(|onto| self.bind(path.as_ref(), &onto)),
            };
            told(&path, done)?;
        }
        // Where the host's is a link it leads somewhere into the node's own folders.
        for (path, folder) in own {
            if let Ok(onto) = self.open(path, OFlags::PATH | OFlags::DIRECTORY, 0) {
                told(path, self.bind(&path_of(&folder), &onto))?;
            }
        }
        let etc = told(host::ETC, self.folder(host::ETC))?;
        told(host::ETC, self.bind("/etc".as_ref(), &etc))
    }

    fn kernels(&self) -> Result<(), String> {
        told("/proc", self.folder("/proc").and_then(|place| mount_proc(&path_of(&place))))?;
        told("/sys", self.folder("/sys").and_then(|place| self.bind("/sys".as_ref(), &place)))
    }

    fn devices(&self) -> rustix::io::Result<()> {
        mount_tmpfs(&path_of(&self.folder("/dev")?), c"mode=755,size=64k")?;
        for name in DEVICES {
            let name = format!("/dev/{name}");
            self.bind(name.as_ref(), &self.file(&name)?)?;
        }
        let shm = self.folder("/dev/shm")?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        rustix::mount::mount("tmpfs", path_of(&shm), "tmpfs", flags, c"mode=1777,size=64m")?;
        let terminals = self.folder("/dev/pts")?;
        let (flags, options) = (MountFlags::NOSUID | MountFlags::NOEXEC, c"newinstance,ptmxmode=0666,mode=620");
        rustix::mount::mount("devpts", path_of(&terminals), "devpts", flags, options)?;
        let dev = self.folder("/dev")?;
        for (name, target) in [
            ("fd", "/proc/self/fd"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
            ("ptmx", "pts/ptmx"),
        ] {
            rustix::fs::symlinkat(target, &dev, name)?;
        }
        Ok(())
    }

    /// This program, its socket, the names of the cluster's commands, and the learner's own `kubectl`.
    fn ours(&self, visit: &Visit, program: &Path) -> rustix::io::Result<()> {
        mount_tmpfs(&path_of(&self.folder(OURS)?), c"mode=755,size=1m")?;
        self.bind(program, &self.file(PROGRAM)?)?;
        self.bind(&visit.socket, &self.file(SOCKET)?)?;
        let names = self.folder(COMMANDS)?;
        for name in host::names(&visit.entrance.commands) {
            rustix::fs::symlinkat(PROGRAM, &names, name)?;
        }
        if let Some(kubectl) = host::hidden_kubectl() {
            self.bind(&kubectl, &self.file(&format!("{COMMANDS}/kubectl"))?)?;
        }
        let profile = self.open(&format!("{OURS}/profile"), OFlags::WRONLY | OFlags::CREATE, 0o644)?;
        rustix::io::write(&profile, login::profile(None).as_bytes()).map(drop)
    }

    /// The cluster's commands where the host has a program of that name, so that a path to it leads to ours, too.
    fn commands(&self, visit: &Visit, program: &Path) -> Result<(), String> {
        for name in host::replaced(&visit.entrance.commands) {
            for folder in ["/usr/bin", "/usr/sbin", "/bin", "/sbin"] {
                // One that is a link has its file elsewhere, which may be the file of many.
                let Ok(onto) = self.open(&format!("{folder}/{name}"), OFlags::PATH, 0) else { continue };
                told(&format!("{folder}/{name}"), self.bind(program, &onto))?;
            }
        }
        Ok(())
    }

    /// Links from the node's `/etc` to what the host has there and the node has not, and root's kubeconfig where there is one to be.
    fn links(&self) -> rustix::io::Result<()> {
        let etc = self.folder("/etc")?;
        for name in host::configuration() {
            link(&etc, &name, &Path::new(host::ETC).join(&name))?;
        }
        link(&etc, "profile".as_ref(), &Path::new(OURS).join("profile"))?;
        if self.open(host::ADMIN, OFlags::PATH, 0).is_ok() {
            link(&self.folder("/root/.kube")?, "config".as_ref(), host::ADMIN.as_ref())?;
        }
        Ok(())
    }
}

/// Makes a link where there is nothing yet.
fn link(folder: &OwnedFd, name: &Path, target: &Path) -> rustix::io::Result<()> {
    match rustix::fs::symlinkat(target, folder, name) {
        Err(Errno::EXIST) => Ok(()),
        linked => linked,
    }
}
