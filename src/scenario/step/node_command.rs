//! `nodeCommand`: one of a node's own commands is run, such as `systemctl stop kubelet`.
//! Running it is the lab's.

use schemars::JsonSchema;
use serde::Deserialize;

/// Runs one of a node's own commands, which must succeed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeCommand {
    /// The node, such as `node01`.
    pub node: String,
    /// The command and its arguments, one by one: there is no shell.
    pub run: Vec<String>,
}
