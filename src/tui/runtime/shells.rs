//! The running shells by name: does what they are ordered, and tells when one drew or ended.
//! A terminal itself stands in `pty`.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::stage::Outside;
use crate::pty::{ShellSpec, Terminal};
use crate::tui::desk::Shell;
use crate::tui::message::{Order, ShellId, ShellSaid};

struct Running {
    terminal: Terminal,
    /// Its end has been told.
    ended: bool,
}

/// All running shells.
pub struct Shells {
    running: HashMap<ShellId, Running>,
    waker: Sender<ShellId>,
    wakes: Receiver<ShellId>,
}

impl Default for Shells {
    fn default() -> Self {
        // A shell that draws faster than frames waits here, so few places make few wakes.
        let (waker, wakes) = channel(4);
        Self { running: HashMap::new(), waker, wakes }
    }
}

impl Shells {
    /// Waits until some shell drew, ended or copied.
    pub async fn woken(&mut self) -> ShellId {
        match self.wakes.recv().await {
            Some(shell) => shell,
            // Never: this struct holds a sender itself.
            None => std::future::pending().await,
        }
    }

    /// What the shell shows.
    pub fn screen(&self, shell: ShellId) -> Option<ShellSaid> {
        self.running.get(&shell).map(|running| ShellSaid::Drew(Arc::new(running.terminal.screen())))
    }

    /// That the shell has ended, once.
    pub fn end_of(&mut self, shell: ShellId) -> Option<ShellSaid> {
        let running = self.running.get_mut(&shell).filter(|running| !running.ended)?;
        let exit = running.terminal.exit()?;
        running.ended = true;
        Some(ShellSaid::Ended(exit.code))
    }

    /// What the shell's program wants on the clipboard, once.
    pub fn take_copied(&self, shell: ShellId) -> Option<String> {
        self.running.get(&shell)?.terminal.take_copied()
    }

    /// Does what is ordered. Says so when a shell does not start.
    pub fn obey(&mut self, shell: ShellId, order: Order, outside: &mut dyn Outside) -> Option<ShellSaid> {
        if let Order::Start(spec, size) = order {
            return match Terminal::spawn(&spec_of(spec), size) {
                Ok(terminal) => {
                    terminal.focus(true);
                    self.watch(shell, &terminal);
                    self.running.insert(shell, Running { terminal, ended: false });
                    None
                }
                Err(error) => Some(ShellSaid::Failed(error.to_string())),
            };
        }
        let Running { terminal, .. } = self.running.get(&shell)?;
        match order {
            Order::Key(key) => terminal.key(&key),
            Order::Paste(text) => terminal.paste(&text),
            Order::Resize(size) => terminal.resize(size),
            Order::Scroll(lines) => terminal.scroll(lines),
            Order::Focus(focused) => terminal.focus(focused),
            Order::Mouse { kind, modifiers, at, clicks } => {
                if let Some(text) = terminal.mouse(kind, modifiers, at, clicks) {
                    outside.copy(&text);
                }
            }
            Order::Close => {
                self.running.remove(&shell);
            }
            Order::Start(..) => {}
        }
        None
    }

    fn watch(&self, shell: ShellId, terminal: &Terminal) {
        let (mut changes, waker) = (terminal.changes(), self.waker.clone());
        tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                if waker.send(shell).await.is_err() {
                    break;
                }
            }
        });
    }
}

fn spec_of(shell: Shell) -> ShellSpec {
    let Shell { program, args, env, cwd } = shell;
    ShellSpec { program, args, env, cwd }
}
