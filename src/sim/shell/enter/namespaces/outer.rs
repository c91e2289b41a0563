//! The stage outside: makes the namespaces, starts `inner` in them, and holds the learner's terminal until it ends.
//! It stays on the host's files and is not seen from the node.

use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

use rustix::thread::UnshareFlags;

use super::terminal;
use super::{Stage, Task, command, told};

/// The exit code of what SIGTERM or SIGHUP ends, as a shell counts: 128 and SIGTERM.
const ENDED: u8 = 143;

/// Runs it; the exit code of what ran inside.
pub fn run(task: Task) -> Result<u8, String> {
    namespaces()?;
    let ends = match &task {
        Task::Enter { visit, .. } if visit.terminal => Some(told("a pair of sockets", UnixStream::pair())?),
        _ => None,
    };
    let program = "/proc/self/exe";
    let mut inner = told("the second stage", command(program.as_ref(), &Stage::Inner(task)))?;
    let ours = ends.map(|(ours, theirs)| {
        inner.stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)));
        ours
    });
    let mut child = told("starting process 1", inner.spawn())?;
    // It keeps a copy of the other end, which would never be closed then.
    drop(inner);
    if let Some(ours) = ours
        && !told("the terminal", terminal::serve(&ours))?
    {
        // What is inside ends with this process.
        return Ok(ENDED);
    }
    told("waiting for the end", child.wait()).map(code)
}

/// A user namespace where this user is root, and what it owns.
fn namespaces() -> Result<(), String> {
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let all = UnshareFlags::NEWUSER | UnshareFlags::NEWPID | UnshareFlags::NEWUTS | UnshareFlags::NEWIPC;
    told("user namespaces are not to be had", unshare(all))?;
    let map = |file: &str, text: String| told(file, std::fs::write(file, text));
    map("/proc/self/setgroups", "deny".to_owned())?;
    map("/proc/self/uid_map", format!("0 {user} 1"))?;
    map("/proc/self/gid_map", format!("0 {group} 1"))
}

/// Only the file table is unsafe to unshare, between threads; none of the flags here is its own.
#[expect(deprecated, reason = "the safe form is marked so because of UnshareFlags::FILES alone")]
pub(super) fn unshare(what: UnshareFlags) -> rustix::io::Result<()> {
    rustix::thread::unshare(what)
}

/// As a shell counts: 128 and the signal for what a signal ended.
fn code(ended: ExitStatus) -> u8 {
    let code = ended.code().or_else(|| ended.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code & 0xff).unwrap_or(1)
}
