//! The inside of a cluster's nodes, for steps and checks: files, and the commands of a node.
//! How a learner goes in is `sim`'s and the command line's.

use std::io;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use rustix::fs::Stat;
use rustix::io::Errno;

use super::AskError;
use crate::sim::machine::Machine;
use crate::sim::machine::root::Root;
use crate::sim::shell::call::Inside;
use crate::sim::shell::whole;
pub use crate::sim::shell::whole::Ended;

/// A file of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFile {
    pub bytes: Vec<u8>,
    /// Its permission bits.
    pub mode: u32,
}

/// What can be asked of the inside of nodes.
pub trait Nodes: Send + Sync {
    /// A file, if it is there.
    fn read<'a>(&'a self, node: &'a str, path: &'a str) -> BoxFuture<'a, Result<Option<NodeFile>, AskError>>;
    /// Replaces a file, or takes it away; comes back when what follows from it has begun.
    fn write<'a>(
        &'a self,
        node: &'a str,
        path: &'a str,
        file: Option<&'a NodeFile>,
    ) -> BoxFuture<'a, Result<(), AskError>>;
    /// Runs one of the node's own commands, without a shell.
    fn run<'a>(&'a self, node: &'a str, words: &'a [String]) -> BoxFuture<'a, Result<Ended, AskError>>;
}

/// The machines of the embedded cluster.
pub struct Simulated(pub Inside);

fn no_node(node: &str) -> AskError {
    let message = format!("there is no node {node}");
    AskError::Refused { code: 404, reason: "NotFound".to_owned(), message }
}

/// Files that are larger are not looked into.
const LARGEST: i64 = 16 << 20;

fn no_file(node: &str, path: &str) -> impl Fn(io::Error) -> AskError {
    let message = format!("{path} on {node}");
    // A link to itself, a socket: what a learner can put there.
    let odd = [Errno::LOOP, Errno::NXIO].map(|errno| Some(errno.raw_os_error()));
    move |error| {
        let its_own = matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::FileTooLarge);
        match its_own || odd.contains(&error.raw_os_error()) {
            true => AskError::Unreadable(format!("{message} cannot be read: {error}")),
            false => AskError::NoAnswer(format!("{message}: {error}")),
        }
    }
}

impl Simulated {
    fn with<T>(&self, node: &str, path: &str, work: impl FnOnce(&Root) -> io::Result<T>) -> Result<T, AskError> {
        let machine: Arc<Machine> = self.0.machines.get(node).ok_or_else(|| no_node(node))?;
        let failed = no_file(node, path);
        let files = self.0.machines.files(&machine).map_err(&failed)?;
        work(files).map_err(&failed)
    }
}

fn read(files: &Root, path: &str) -> io::Result<Option<NodeFile>> {
    let whole = |stat: Stat| match stat.st_size > LARGEST {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than any file that is looked into")),
        false => Ok(NodeFile { bytes: files.read(path)?, mode: stat.st_mode & 0o7777 }),
    };
    match files.stat(path).and_then(whole) {
        Ok(file) => Ok(Some(file)),
        // A folder in the file's place, or nothing: the file is not there.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl Nodes for Simulated {
    fn read<'a>(&'a self, node: &'a str, path: &'a str) -> BoxFuture<'a, Result<Option<NodeFile>, AskError>> {
        std::future::ready(self.with(node, path, |files| read(files, path))).boxed()
    }

    fn write<'a>(
        &'a self,
        node: &'a str,
        path: &'a str,
        file: Option<&'a NodeFile>,
    ) -> BoxFuture<'a, Result<(), AskError>> {
        async move {
            self.with(node, path, |files| match file {
                Some(file) => files.write(path, &file.bytes, file.mode),
                None => files.remove(path),
            })?;
            self.0.machines.touched.notify_one();
            self.0.control.settle().await;
            Ok(())
        }
        .boxed()
    }

    fn run<'a>(&'a self, node: &'a str, words: &'a [String]) -> BoxFuture<'a, Result<Ended, AskError>> {
        async move { whole::run(&self.0, node, words).await.ok_or_else(|| no_node(node)) }.boxed()
    }
}

/// A cluster whose nodes nobody here can enter.
pub struct Closed;

impl Closed {
    fn refused<'a, T: Send + 'a>() -> BoxFuture<'a, Result<T, AskError>> {
        std::future::ready(Err(AskError::NoAnswer("its nodes cannot be entered".to_owned()))).boxed()
    }
}

impl Nodes for Closed {
    fn read<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<Option<NodeFile>, AskError>> {
        Self::refused()
    }

    fn write<'a>(&'a self, _: &'a str, _: &'a str, _: Option<&'a NodeFile>) -> BoxFuture<'a, Result<(), AskError>> {
        Self::refused()
    }

    fn run<'a>(&'a self, _: &'a str, _: &'a [String]) -> BoxFuture<'a, Result<Ended, AskError>> {
        Self::refused()
    }
}
