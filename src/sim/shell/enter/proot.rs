//! Entering with `proot`, which shows a program other files by tracing it: the node's files are there, its processes are the host's.
//! For kernels that give no namespaces to users. Never for root: proot keeps nobody from writing to what the host lends.

use std::io;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::place::{COMMANDS, OURS, PROGRAM, SOCKET, Visit};
use super::{host, login};

/// Calls of the kernel that older versions of proot (5.1, Debian 12's) let through with the host's paths. Without them libraries fall back
/// on calls that it knows.
#[cfg(target_os = "linux")]
const UNKNOWN: &[u8] = br#"{ "calls": {
    "mismatch_action": "allow",
    "match_action": { "errno": 38 },
    "filter": [{ "syscall": "statx" }, { "syscall": "openat2" }, { "syscall": "faccessat2" }]
} }"#;

/// Goes in; returns only where that fails.
pub fn enter(visit: &Visit, program: &Path, proot: &Path) -> io::Error {
    match command(visit, program, proot).and_then(|command| hide_unknown().map(|()| command)) {
        Ok(mut command) => command.exec(),
        Err(error) => error,
    }
}

/// For this process and what it becomes, the calls that proot may not know are not there (`ENOSYS`).
#[cfg(target_os = "linux")]
fn hide_unknown() -> io::Result<()> {
    let arch = seccompiler::TargetArch::try_from(std::env::consts::ARCH).map_err(io::Error::other)?;
    let filters = seccompiler::compile_from_json(UNKNOWN, arch).map_err(io::Error::other)?;
    filters.values().try_for_each(|filter| seccompiler::apply_filter(filter)).map_err(io::Error::other)
}

#[cfg(not(target_os = "linux"))]
fn hide_unknown() -> io::Result<()> {
    Ok(())
}

/// proot(1): `-0` says that one is root, `-r` what the root is, `-b` what else is seen, `-w` where one begins.
fn command(visit: &Visit, program: &Path, proot: &Path) -> io::Result<Command> {
    let root = &visit.entrance.root;
    let ours = ours(visit)?;
    let mut command = Command::new(proot);
    command.arg("-0").arg("-r").arg(root).args(["-w", "/root"]);
    let mut bind = |from: &Path, onto: &str| {
        command.arg("-b").arg(format!("{}:{onto}", from.display()));
    };
    for tree in host::trees() {
        bind(&Path::new("/").join(&tree), &format!("/{tree}"));
    }
    for tree in ["/proc", "/sys", "/dev"] {
        bind(tree.as_ref(), tree);
    }
    bind("/etc".as_ref(), host::ETC);
    for path in host::OWN {
        bind(&root.join(path.trim_start_matches('/')), path);
    }
    bind(&ours, OURS);
    bind(program, PROGRAM);
    bind(&visit.socket, SOCKET);
    if let Some(kubectl) = host::hidden_kubectl() {
        bind(&kubectl, &format!("{COMMANDS}/kubectl"));
    }
    for name in host::replaced(&visit.entrance.commands) {
        for path in ["/usr/bin", "/usr/sbin"].map(|folder| format!("{folder}/{name}")) {
            if Path::new(&path).symlink_metadata().is_ok_and(|facts| facts.is_file()) {
                bind(program, &path);
            }
        }
    }
    let inside = login::command(visit, &[]);
    command.arg(inside.get_program());
    command.args(visit.command.is_none().then_some("-l")).args(inside.get_args());
    command.env_clear().envs(login::environment(visit));
    Ok(command)
}

/// A folder for what a node has of ours: beside the socket, which is the cluster's own place.
fn ours(visit: &Visit) -> io::Result<PathBuf> {
    let above = visit.socket.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let ours = above.join(".proot").join(&visit.entrance.node);
    let bin = ours.join("bin");
    std::fs::create_dir_all(&bin)?;
    for path in host::OWN {
        std::fs::create_dir_all(visit.entrance.root.join(path.trim_start_matches('/')))?;
    }
    for name in host::names(&visit.entrance.commands) {
        if !bin.join(name).is_symlink() {
            symlink(PROGRAM, bin.join(name))?;
        }
    }
    std::fs::write(ours.join("profile"), login::profile(Some(&visit.entrance.node)))?;
    for name in ["kubedrill", "nodes.sock"] {
        std::fs::OpenOptions::new().create(true).append(true).open(ours.join(name))?;
    }
    let root = crate::sim::machine::root::Root::open(&visit.entrance.root)?;
    for name in host::configuration() {
        link(&root, &Path::new(host::ETC).join(&name), &format!("/etc/{}", name.display()))?;
    }
    link(&root, &Path::new(OURS).join("profile"), "/etc/profile")?;
    if root.exists(host::ADMIN) {
        link(&root, host::ADMIN.as_ref(), "/root/.kube/config")?;
    }
    Ok(ours)
}

/// Makes a link where there is nothing yet.
fn link(root: &crate::sim::machine::root::Root, target: &Path, path: &str) -> io::Result<()> {
    match root.link(&target.to_string_lossy(), path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    }
}
