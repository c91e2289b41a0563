//! The stage inside: process 1 of the node. Lays its root, gives up what is not needed, starts the shell and reaps orphans until it ends.
//! With it everything on the node ends, as with the last process of a machine.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::OFlags;
use rustix::process::{Signal, WaitOptions};
use rustix::thread::UnshareFlags;

use super::super::login;
use super::super::place::Visit;
use super::{Task, outer, privileges, readonly, terminal, told, tree};

/// Runs it; the exit code of the shell.
pub fn run(task: &Task) -> Result<u8, String> {
    told("following the first stage", rustix::process::set_parent_process_death_signal(Some(Signal::KILL)))?;
    told("a mount namespace", outer::unshare(UnshareFlags::NEWNS))?;
    match task {
        Task::Probe => probe().map(|()| 0),
        Task::Enter { visit, program, size } => {
            let name = &visit.entrance.node;
            visiting(visit, program, *size).map_err(|error| format!("ssh: {name} cannot be entered: {error}"))
        }
    }
}

/// Tries what the kernel may refuse although it gave the namespaces: `kernel.apparmor_restrict_unprivileged_userns` takes all rights in them.
fn probe() -> Result<(), String> {
    told("setting a host name", rustix::system::sethostname(b"probe"))?;
    told("mounting", tree::private())?;
    let place = std::env::temp_dir();
    told("mounting a tmpfs", tree::mount_tmpfs(&place, c"mode=755"))?;
    told("mounting /proc", tree::mount_proc(&place))
}

fn visiting(visit: &Visit, program: &Path, size: (u16, u16)) -> Result<u8, String> {
    told("its host name", rustix::system::sethostname(visit.entrance.node.as_bytes()))?;
    tree::build(visit, program)?;
    readonly::protect()?;
    // Whatever runs here is no leader of the terminal outside, into which it could type.
    told("a session", rustix::process::setsid())?;
    let slave = match visit.terminal {
        true => Some(told("a terminal", terminal::open(size))?),
        false => None,
    };
    privileges::drop_all()?;
    let mut command = login::command(visit, &told("open files", inherited())?);
    command.current_dir(if Path::new("/root").is_dir() { "/root" } else { "/" });
    if let Some(slave) = &slave {
        told("the terminal", attach(&mut command, slave))?;
    }
    let child = told("its shell", command.spawn())?;
    told("letting go of the terminal", forget_terminal())?;
    drop((command, slave));
    Ok(reap(child.id()))
}

/// Files that whoever went in left open for others: a folder of the host's among them would be a way out. `flags` in
/// /proc/PID/fdinfo says which are closed by themselves (proc_pid_fdinfo(5)).
fn inherited() -> std::io::Result<Vec<i32>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let Some(number) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let about = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
        let flags = about.lines().find_map(|line| i64::from_str_radix(line.strip_prefix("flags:")?.trim(), 8).ok());
        let closes = flags.is_none_or(|flags| flags & i64::from(OFlags::CLOEXEC.bits()) != 0);
        if number > 2 && !closes {
            numbers.push(number);
        }
    }
    Ok(numbers)
}

fn attach(command: &mut Command, slave: &OwnedFd) -> std::io::Result<()> {
    let end = || slave.try_clone().map(Stdio::from);
    command.stdin(end()?).stdout(end()?).stderr(end()?);
    Ok(())
}

/// Process 1 holds nothing that others on the node could reach through it.
fn forget_terminal() -> std::io::Result<()> {
    let null = std::fs::File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(null.as_fd())?;
    rustix::stdio::dup2_stdout(null.as_fd())?;
    rustix::stdio::dup2_stderr(null.as_fd())?;
    Ok(())
}

/// Waits for all that end, until the one does whose end it is.
fn reap(shell: u32) -> u8 {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((ended, status))) if u32::try_from(ended.as_raw_nonzero().get()) == Ok(shell) => {
                let code = status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal));
                return u8::try_from(code.unwrap_or(1) & 0xff).unwrap_or(1);
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return 1,
        }
    }
}
