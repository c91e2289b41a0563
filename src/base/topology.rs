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
    /// What holds its objects. Not a scenario's to say: every scenario can be solved either way.
    #[serde(skip)]
    pub etcd: Etcd,
}

/// What holds the objects of a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Etcd {
    /// The simulation's own storage, and its own `etcdctl` and `etcdutl`.
    #[default]
    Simulated,
    /// A real etcd, asked by the real programs of this machine.
    Real,
}

impl std::str::FromStr for Etcd {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "simulated" => Ok(Self::Simulated),
            "real" => Ok(Self::Real),
            _ => Err("it is simulated or real".to_owned()),
        }
    }
}

impl std::fmt::Display for Etcd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Simulated => "simulated",
            Self::Real => "real",
        })
    }
}

impl Default for Topology {
    fn default() -> Self {
        Self::workers(2)
    }
}

impl Topology {
    /// So many workers, and all else as usual.
    pub fn workers(workers: u8) -> Self {
        Self { kubernetes: String::new(), workers, blank: 0, etcd: Etcd::Simulated }
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
