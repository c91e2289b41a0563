//! Entering where nothing can be mounted: a shell in the node's folder, with the cluster's commands. Absolute paths are the host's,
//! which is said at once; so no task is offered that needs a shell on nodes.

use std::io::{self, IsTerminal};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::host;
use super::place::{NODE, NODES, Visit};

/// The variable with the node's folder.
const ROOT: &str = "NODE_ROOT";

/// Goes in; returns only where that fails.
pub fn enter(visit: &Visit, program: &Path) -> io::Error {
    if visit.command.is_none() && io::stderr().is_terminal() {
        eprintln!(
            "{} cannot be entered as a machine here (kubedrill doctor says why): its files are under ${ROOT}, absolute paths are this machine's.",
            visit.entrance.node
        );
    }
    match command(visit, program) {
        Ok(mut command) => command.exec(),
        Err(error) => error,
    }
}

fn command(visit: &Visit, program: &Path) -> io::Result<Command> {
    let root = &visit.entrance.root;
    let ours = ours(visit, program)?;
    let mut command = Command::new("bash");
    match &visit.command {
        Some(words) => command.args(["-c", words]),
        None => command.arg("--rcfile").arg(ours.join("profile")).arg("-i"),
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(ours.join("bin")).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(path).map_err(io::Error::other)?);
    command.env(ROOT, root).env(NODE, &visit.entrance.node).env(NODES, &visit.socket);
    let admin = root.join(host::ADMIN.trim_start_matches('/'));
    if admin.exists() {
        command.env("KUBECONFIG", admin);
    } else {
        command.env("KUBECONFIG", "/dev/null");
    }
    command.current_dir(root);
    Ok(command)
}

/// A folder for the commands and the profile, beside the socket, which is the cluster's own place.
fn ours(visit: &Visit, program: &Path) -> io::Result<PathBuf> {
    let above = visit.socket.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let ours = above.join(".portable").join(&visit.entrance.node);
    let bin = ours.join("bin");
    std::fs::create_dir_all(&bin)?;
    for name in host::names(&visit.entrance.commands) {
        if !bin.join(name).is_symlink() {
            symlink(program, bin.join(name))?;
        }
    }
    let prompt = format!("[ -r ~/.bashrc ] && . ~/.bashrc\nPS1='root@{}:\\w\\$ '\n", visit.entrance.node);
    std::fs::write(ours.join("profile"), prompt)?;
    Ok(ours)
}
