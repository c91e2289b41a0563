//! What a cluster can do, as far as scenarios ask: the words of a scenario's `requires`.
//! Which cluster can do what is the cluster layer's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a cluster must be able to do beyond its API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Pods are scheduled and run.
    Pods,
    /// There are nodes.
    Nodes,
    /// The workers are called `node01`, `node02`, ….
    NodeNames,
    /// There are at least two nodes that take Pods.
    SeveralNodes,
    /// Pods reach each other and Services, by name too.
    Network,
    /// Network policies hold.
    NetworkPolicy,
    /// `kubectl top` and autoscaling by load.
    Metrics,
    /// A shell on the nodes.
    NodeShell,
    /// `etcdctl` and `etcdutl` on the control plane's machine.
    Etcdctl,
}

impl Capability {
    /// The word packs use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::Nodes => "nodes",
            Self::NodeNames => "node-names",
            Self::SeveralNodes => "several-nodes",
            Self::Network => "network",
            Self::NetworkPolicy => "network-policy",
            Self::Metrics => "metrics",
            Self::NodeShell => "node-shell",
            Self::Etcdctl => "etcdctl",
        }
    }
}
