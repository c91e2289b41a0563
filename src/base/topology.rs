//! What machines a cluster is made of, and which Kubernetes it is born with: words shared by scenarios and clusters.
//! Which versions there are is the simulation's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The nodes of a cluster and its version. A scenario that says nothing has two workers and the version that is simulated.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Topology {
    /// The Kubernetes it is born with: a minor version (`1.34`, its newest release) or a release (`1.34.2`).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kubernetes: String,
    /// Worker nodes beside the control plane: `node01`, `node02`, ….
    #[schemars(range(max = 20))]
    pub workers: u8,
    /// Machines after the workers that have not joined: there are packages and files, but no Node.
    #[schemars(range(max = 5))]
    pub blank: u8,
}

impl Default for Topology {
    fn default() -> Self {
        Self::workers(2)
    }
}

impl Topology {
    /// So many workers, and all else as usual.
    pub fn workers(workers: u8) -> Self {
        Self { kubernetes: String::new(), workers, blank: 0 }
    }

    /// Why only a simulated cluster can be like this, if that is so.
    pub fn only_simulated(&self) -> Option<String> {
        match (self.kubernetes.as_str(), self.blank) {
            ("", 0) => None,
            ("", blank) => Some(format!("{blank} machines that have not joined")),
            (version, _) => Some(format!("a birth at Kubernetes {version}")),
        }
    }
}
