//! `nodeService`: a systemd unit of a node runs, or starts by itself.
//! Asking systemd is grading's.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Statement;
use crate::scenario::inspect::Inspect;

/// A systemd unit of a node is as it should be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeService {
    /// The node, such as `node01`.
    pub node: String,
    /// The unit, such as `kubelet`.
    pub service: String,
    /// Whether it runs.
    #[serde(default = "yes")]
    pub active: bool,
    /// Whether it starts by itself when the node does; does not matter where it is left out.
    #[serde(default)]
    pub enabled: Option<bool>,
}

fn yes() -> bool {
    true
}

impl Statement for NodeService {
    fn is_negative(&self) -> bool {
        !self.active
    }

    fn needs_nodes(&self) -> bool {
        true
    }

    fn inspect(&self, inspect: &mut Inspect<'_>) {
        inspect.name(&["node"], &self.node);
    }
}
