//! What a cluster can do, as far as scenarios ask.
//! The words are those of a scenario's `requires`.

use std::collections::BTreeSet;

/// One thing a cluster may be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// Pods run, log and end.
    Pods,
    /// There are nodes.
    Nodes,
    /// There are at least two that Pods can go to.
    SeveralNodes,
    /// Usage is measured.
    Metrics,
    /// One can log in to a node.
    NodeShell,
    /// Connections between Pods can be tried.
    Network,
}

impl Capability {
    /// The word a scenario uses for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::Nodes => "nodes",
            Self::SeveralNodes => "several-nodes",
            Self::Metrics => "metrics",
            Self::NodeShell => "node-shell",
            Self::Network => "network",
        }
    }
}

/// All that a cluster can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(BTreeSet<Capability>);

impl FromIterator<Capability> for Capabilities {
    fn from_iter<T: IntoIterator<Item = Capability>>(capabilities: T) -> Self {
        Self(capabilities.into_iter().collect())
    }
}

impl Capabilities {
    /// The words asked for that the cluster does not have.
    pub fn lacking<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        words.into_iter().filter(|word| !self.0.iter().any(|capability| capability.word() == *word)).collect()
    }
}
