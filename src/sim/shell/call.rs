//! One call of a node's command: its words, its streams, and what it reaches.
//! What each command does stands in `commands`.

use std::fmt::Display;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::protocol::Channel;
use crate::sim::apiserver::client::Client;
use crate::sim::machine::etcd::{Real, Store};
use crate::sim::machine::root::Root;
use crate::sim::machine::{Machine, Machines};
use crate::sim::nodes::Kubelet;

/// What a command can bring about in the cluster beyond files and objects.
pub trait Control: Send + Sync {
    /// Looks at the machines' files and services now, and comes back when what follows from them has happened.
    fn settle(&self) -> BoxFuture<'_, ()>;
}

/// What commands reach.
#[derive(Clone)]
pub struct Inside {
    pub machines: Arc<Machines>,
    /// A client of the cluster's own, which works whether or not the API server listens.
    pub client: Client,
    pub control: Arc<dyn Control>,
    /// What runs in containers.
    pub kubelet: Arc<Kubelet>,
    /// What the cluster's etcd holds.
    pub etcd: Arc<dyn Store>,
    /// The real etcd below it, where there is one.
    pub real: Option<Arc<dyn Real>>,
}

/// A call of a command.
pub struct Call {
    pub inside: Inside,
    pub machine: Arc<Machine>,
    /// The command's name and its arguments.
    pub words: Vec<String>,
    /// The folder it was called in.
    pub cwd: String,
    pub env: Vec<(String, String)>,
    /// How wide the terminal is that it writes to, if it is one.
    pub columns: Option<u16>,
    pub(super) out: UnboundedSender<(Channel, Vec<u8>)>,
    pub(super) input: UnboundedReceiver<Vec<u8>>,
}

impl Call {
    /// The arguments.
    pub fn args(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }

    /// Writes text as it is.
    pub fn print(&self, text: impl Display) {
        // Who has gone away reads nothing more; the server ends the call.
        let _ = self.out.send((Channel::Stdout, text.to_string().into_bytes()));
    }

    /// Writes a line.
    pub fn say(&self, line: impl Display) {
        self.print(format_args!("{line}\n"));
    }

    /// Writes bytes as they are.
    pub fn bytes(&self, bytes: Vec<u8>) {
        let _ = self.out.send((Channel::Stdout, bytes));
    }

    /// Writes bytes to standard error as they are.
    pub fn errors(&self, bytes: Vec<u8>) {
        let _ = self.out.send((Channel::Stderr, bytes));
    }

    /// Writes a line to standard error.
    pub fn complain(&self, line: impl Display) {
        let _ = self.out.send((Channel::Stderr, format!("{line}\n").into_bytes()));
    }

    /// Says that this machine's own program of that name is to run in place of the command.
    pub fn instead(&self) {
        self.instead_with(&[]);
    }

    /// The same, with these arguments before those that were typed.
    pub fn instead_with(&self, first: &[String]) {
        let _ = self.out.send((Channel::Instead, first.join("\0").into_bytes()));
    }

    /// Says that the command reads: nothing is sent to it before.
    fn read(&self) {
        let _ = self.out.send((Channel::Stdin, Vec::new()));
    }

    /// All of standard input.
    pub async fn stdin(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        self.read();
        while let Some(bytes) = self.input.recv().await {
            if bytes.is_empty() {
                break;
            }
            all.extend(bytes);
        }
        all
    }

    /// A line of standard input, as far as it was typed; nothing when there is no more.
    pub async fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        self.read();
        while !line.contains(&b'\n') {
            match self.input.recv().await {
                Some(bytes) if !bytes.is_empty() => line.extend(bytes),
                _ if line.is_empty() => return None,
                _ => break,
            }
        }
        // `yes` writes many at once.
        if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
            line.truncate(end + 1);
        }
        Some(String::from_utf8_lossy(&line).into_owned())
    }

    /// A variable.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.env.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A path as the node knows it, whole.
    pub fn path(&self, path: &str) -> String {
        if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.cwd.trim_end_matches('/')) }
    }

    /// The node's files.
    pub fn files(&self) -> std::io::Result<&Root> {
        self.inside.machines.files(&self.machine)
    }
}
