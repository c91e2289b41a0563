//! Who goes where: somebody into a node, and a program that finds itself on one.
//! What is asked of it is the `client`'s.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::sim::shell::protocol::Entrance;

/// The variable with the node's name.
pub const NODE: &str = "KUBEDRILL_NODE";
/// The variable with the path of the socket that answers for nodes.
pub const NODES: &str = "KUBEDRILL_NODES";
/// The folder that is ours on a node. Everything in it is read-only.
pub const OURS: &str = "/run/kubedrill";
/// The socket there.
pub const SOCKET: &str = "/run/kubedrill/nodes.sock";
/// This program there.
pub const PROGRAM: &str = "/run/kubedrill/kubedrill";
/// The folder there with the names of the commands that the cluster answers for.
pub const COMMANDS: &str = "/run/kubedrill/bin";

/// Somebody who goes into a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    pub entrance: Entrance,
    /// The socket that answers for the node's commands.
    pub socket: PathBuf,
    /// What to run there with `bash -c`; a login shell where nothing is named.
    pub command: Option<String>,
    /// Whether the node has a terminal of its own for it.
    pub terminal: bool,
}

/// A node that this process is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub node: String,
    pub socket: PathBuf,
}

impl Place {
    /// Where this process is, if it is on a node. A program started with an empty environment is there none the less.
    pub fn here() -> Option<Self> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        if let (Some(node), Some(socket)) = (variable(NODE), variable(NODES)) {
            return Some(Self { node: node.to_string_lossy().into_owned(), socket: socket.into() });
        }
        let socket = Path::new(SOCKET);
        let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
        socket.exists().then(|| Self { node, socket: socket.to_owned() })
    }
}
