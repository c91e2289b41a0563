//! Entering with user, mount, host name, process and IPC namespaces of one's own, as any user may on most Linux systems.
//! Two stages of this program: `outer` stays outside and holds the terminal, `inner` is process 1 of the node.

mod inner;
mod outer;
mod privileges;
mod readonly;
mod terminal;
mod tree;

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde::{Deserialize, Serialize};

use super::place::Visit;

/// The variable that makes this program one of the stages. It is nobody's business but theirs, and no shell sees it.
const STAGE: &str = "KUBEDRILL_STAGE";
/// The exit code of `ssh` when it is `ssh` that fails (ssh(1)).
const FAILED: u8 = 255;

/// A stage, and what it is to do.
#[derive(Debug, Serialize, Deserialize)]
enum Stage {
    Outer(Task),
    Inner(Task),
}

/// What the stages are for.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Task {
    Enter {
        visit: Visit,
        /// This program's file.
        program: PathBuf,
        /// Columns and rows of the terminal.
        size: (u16, u16),
    },
    /// Finds out whether the kernel lets us.
    Probe,
}

/// This program, as a stage.
fn command(program: &Path, stage: &Stage) -> io::Result<Command> {
    let mut command = Command::new(program);
    command.env(STAGE, serde_json::to_string(stage)?).arg0("init");
    Ok(command)
}

/// Goes in; returns only where that fails.
pub fn enter(visit: &Visit, program: &Path) -> io::Error {
    let size = rustix::termios::tcgetwinsize(io::stdin()).map_or((80, 24), |size| (size.ws_col, size.ws_row));
    let task = Task::Enter { visit: visit.clone(), program: program.to_owned(), size };
    match command(program, &Stage::Outer(task)) {
        Ok(mut command) => command.exec(),
        Err(error) => error,
    }
}

/// Whether the kernel lets us; where not, why.
pub fn probe(program: &Path) -> Result<(), String> {
    let asked = command(program, &Stage::Outer(Task::Probe)).and_then(|mut command| command.output());
    match asked {
        Err(error) => Err(error.to_string()),
        Ok(ended) if ended.status.success() => Ok(()),
        Ok(ended) => Err(String::from_utf8_lossy(&ended.stderr).trim().to_owned()),
    }
}

/// Runs as a stage, if this process was started as one. Comes before any thread is started: the kernel gives no user namespace to several.
pub fn stage() -> Option<ExitCode> {
    let text: OsString = std::env::var_os(STAGE)?;
    let ended = match serde_json::from_str(&text.to_string_lossy()) {
        Ok(Stage::Outer(task)) => outer::run(task),
        Ok(Stage::Inner(task)) => inner::run(&task),
        Err(error) => Err(format!("this is no stage: {error}")),
    };
    Some(ended.map_or_else(
        |error| {
            eprintln!("{error}");
            ExitCode::from(FAILED)
        },
        ExitCode::from,
    ))
}

/// Names what failed.
fn told<T, E: std::fmt::Display>(what: &str, done: Result<T, E>) -> Result<T, String> {
    done.map_err(|error| format!("{what}: {error}"))
}
