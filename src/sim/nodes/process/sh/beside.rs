//! What runs beside a script: parts of a pipeline, and what was sent to the background.
//! Each is a job of the engine with a shell of its own.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use futures::FutureExt as _;

use super::run::{Shell, Stop};
use super::tree::{Command, Item};
use crate::sim::nodes::process::container::Container;
use crate::sim::nodes::process::engine::Group;
use crate::sim::nodes::process::programs::CRASHED;
use crate::sim::nodes::process::stream::{Input, Output, Pipe};

/// Something started in the background.
#[derive(Clone)]
pub struct Child {
    pub pid: u32,
    code: Arc<AtomicI32>,
}

/// No exit code yet.
const RUNNING: i32 = -1;

impl Child {
    /// Its exit code, once it has one.
    pub fn code(&self) -> Option<i32> {
        Some(self.code.load(Ordering::Relaxed)).filter(|code| *code != RUNNING)
    }
}

impl Shell {
    /// Commands joined by `|`; the code of the last.
    pub async fn piped(&mut self, commands: &[Arc<Command>]) -> i32 {
        let mut input = self.program.input.clone();
        let mut parts = Vec::new();
        for (index, command) in commands.iter().enumerate() {
            let mut shell = self.clone();
            shell.program.input = std::mem::replace(&mut input, Input::Nothing);
            if index + 1 < commands.len() {
                let (writer, reader) = Pipe::ends(self.program.engine());
                shell.program.output = Output::Pipe(Arc::new(writer));
                input = Input::Pipe(Arc::new(reader));
            }
            parts.push(shell.spawn(Beside::Command(command.clone())));
        }
        drop(input);
        self.wait_for(&parts).await;
        parts.last().and_then(Child::code).unwrap_or_default()
    }

    /// Starts a part of the script beside everything else, in this shell, which becomes a subshell.
    fn spawn(mut self, part: Beside) -> Child {
        let container = self.program.container.clone();
        let group = self.program.group.child();
        self.is_first = false;
        self.children.clear();
        self.traps.clear();
        self.program.group = group.clone();
        let pid = container.enter(vec![self.parameter("0").unwrap_or_default()], group.clone());
        let child = Child { pid, code: Arc::new(AtomicI32::new(RUNNING)) };
        // However it ends, and be it by a signal, it has a code then.
        let ending = Ending { code: child.code.clone(), group: group.clone(), container: container.clone(), pid };
        let job = async move {
            let flow = async {
                match &part {
                    Beside::Command(command) => self.command(command).await,
                    Beside::Item(item) => Box::pin(self.item(item)).await,
                }
            };
            let code = match AssertUnwindSafe(flow).catch_unwind().await {
                Ok(Ok(code) | Err(Stop::Exit(code) | Stop::Return(code))) => code,
                Ok(Err(_)) => self.last,
                Err(_) => CRASHED,
            };
            // Its ends of pipes close before its end is known.
            drop(self);
            ending.code.store(code, Ordering::Relaxed);
            drop(ending);
        };
        if !container.engine.spawn(group, job) {
            child.code.store(1, Ordering::Relaxed);
        }
        child
    }

    /// Starts something in the background.
    pub async fn begin(&mut self, item: &Arc<Item>) -> i32 {
        let mut shell = self.clone();
        shell.program.input = Input::Nothing;
        let child = shell.spawn(Beside::Item(item.clone()));
        self.background = child.pid;
        self.children.push(child);
        0
    }

    /// Waits for what runs beside; a signal to process 1 may come first.
    pub async fn wait_for(&mut self, children: &[Child]) -> bool {
        let (group, is_first) = (self.program.group.clone(), self.is_first);
        let done = || children.iter().all(|child| child.code().is_some());
        self.program.engine().until(|| done() || (is_first && group.has_signal())).await;
        done()
    }
}

/// A part of a script that runs beside it.
enum Beside {
    Command(Arc<Command>),
    Item(Arc<Item>),
}

/// Gives a child its code when its job is no more, whatever the reason.
struct Ending {
    code: Arc<AtomicI32>,
    group: Arc<Group>,
    container: Arc<Container>,
    pid: u32,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if self.code.load(Ordering::Relaxed) == RUNNING {
            self.code.store(self.group.code().unwrap_or(143), Ordering::Relaxed);
        }
        self.container.leave(self.pid);
        self.container.engine.stir();
    }
}
