//! What a cluster is to us, and the backends it comes from: embedded, kind, context.
//! The only layer that names the simulated cluster. What is laid on a cluster is the lab's.

mod capability;
pub mod certificates;
pub mod context;
pub mod embedded;
pub mod entry;
mod kind;
mod lent;
pub mod nodes;
pub mod objects;
pub mod traffic;
mod way;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::base::clock::Clock;
use crate::base::topology::Topology;
pub use capability::{Capabilities, Capability};
pub use lent::Lent;
pub use nodes::{NodeFile, Nodes};
pub use objects::{AskError, Objects, PatchForm, Selection};
pub use traffic::Traffic;
pub use way::Way;

/// A cluster that runs.
pub trait Cluster: Send + Sync {
    /// How it is called where people read it, such as `embedded` or `context kind-dev`.
    fn name(&self) -> String;
    /// A client with the rights of its administrator.
    fn client(&self) -> kube::Client;
    /// The kubeconfig for the learner; never the user's own file.
    fn kubeconfig(&self) -> &Path;
    /// What it can do.
    fn capabilities(&self) -> Capabilities;
    /// The clock its objects live by; faster than the wall's where somebody proves scenarios.
    fn clock(&self) -> Clock;
    /// Going back to an earlier state, where it can.
    fn checkpoints(&self) -> Option<&dyn Checkpoints>;
    /// The way into its nodes, where they can be entered.
    fn way_in(&self) -> Option<Way> {
        None
    }
    /// The inside of its nodes.
    fn nodes(&self) -> Arc<dyn Nodes> {
        Arc::new(nodes::Closed)
    }
    /// Who reaches whom in it.
    fn traffic(&self) -> Arc<dyn Traffic>;
    /// Whether it goes on existing when it is closed.
    fn stays(&self) -> bool {
        false
    }
    /// Ends what was started for it. A cluster that was there before stays.
    fn close(&self) -> BoxFuture<'_, Result<(), ClusterError>>;
}

/// Earlier states of a cluster, by name.
pub trait Checkpoints: Send + Sync {
    /// Remembers the present state under a name.
    fn take(&self, name: &str) -> BoxFuture<'_, Result<(), ClusterError>>;
    /// Goes back to a remembered state.
    fn restore(&self, name: &str) -> BoxFuture<'_, Result<(), ClusterError>>;
}

/// Where a cluster comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Simulated, in this process.
    #[default]
    Embedded,
    /// Made by the `kind` command.
    Kind,
    /// A context of the user's kubeconfig.
    Context(String),
}

impl FromStr for Origin {
    type Err = ClusterError;

    fn from_str(text: &str) -> Result<Self, ClusterError> {
        match text.split_once(':') {
            None if text == "embedded" => Ok(Self::Embedded),
            None if text == "kind" => Ok(Self::Kind),
            Some(("context", name)) if !name.is_empty() => Ok(Self::Context(name.to_owned())),
            _ => Err(ClusterError::UnknownOrigin(text.to_owned())),
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::Kind => f.write_str("kind"),
            Self::Context(name) => write!(f, "context:{name}"),
        }
    }
}

/// What is asked of a cluster to be opened.
#[derive(Clone, Debug)]
pub struct Wish {
    /// A name of its own, such as a task's.
    pub name: String,
    /// Where its files go: kubeconfig, keys, journal. For this user only.
    pub dir: PathBuf,
    /// Its machines and its version, for clusters that are made.
    pub topology: Topology,
    /// The API server's port on loopback; 0 for any that is free.
    pub port: u16,
    /// Whether its state is kept in `dir` and found there again.
    pub keep: bool,
    pub clock: Clock,
}

/// Why there is no cluster, or why it does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error("{0:?} is not known; it is embedded, kind or context:NAME")]
    UnknownOrigin(String),
    #[error(transparent)]
    Embedded(#[from] crate::sim::world::WorldError),
    #[error("cannot use {path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("the cluster has no state called {0:?} to go back to")]
    NoCheckpoint(String),
    #[error("the cluster cannot be reached: {0}")]
    Unreachable(String),
    #[error("{0}")]
    Refused(String),
}

/// What every cluster of an origin can do; `None` where only the cluster itself can say.
pub fn promised(origin: &Origin) -> Option<Capabilities> {
    (*origin == Origin::Embedded).then(|| embedded::capabilities(2))
}

/// The release of Kubernetes that `asked` (`1.34`, `1.34.2`) comes to on a simulated cluster, if it is known there.
pub fn release(asked: &str) -> Option<String> {
    crate::sim::machine::packages::offers::release(asked)
}

/// Opens a cluster.
pub async fn open(origin: &Origin, wish: &Wish) -> Result<Arc<dyn Cluster>, ClusterError> {
    match origin {
        Origin::Embedded => Ok(Arc::new(embedded::Embedded::start(wish).await?)),
        Origin::Kind => Ok(Arc::new(kind::Kind::open(wish).await?)),
        Origin::Context(name) => Ok(Arc::new(context::Foreign::open(name, wish).await?)),
    }
}
