//! `nodePackage`: a package of a node has a version, and is held or not.
//! Asking dpkg and apt-mark is grading's.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Statement;
use crate::scenario::inspect::Inspect;

/// A package of a node.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodePackage {
    /// The node, such as `node01`.
    pub node: String,
    /// The package, such as `kubelet`.
    pub package: String,
    /// How its version begins, such as `1.35.4`; does not matter where it is left out.
    #[serde(default)]
    pub version: Option<String>,
    /// Whether it is held; does not matter where it is left out.
    #[serde(default)]
    pub held: Option<bool>,
}

impl Statement for NodePackage {
    fn is_negative(&self) -> bool {
        self.version.is_none() && self.held == Some(false)
    }

    fn needs_nodes(&self) -> bool {
        true
    }

    fn inspect(&self, inspect: &mut Inspect<'_>) {
        inspect.name(&["node"], &self.node);
        if let Some(version) = &self.version {
            inspect.name(&["version"], version);
        }
        if self.version.is_none() && self.held.is_none() {
            inspect.error(&[], "bad-value", "any package passes this check: give `version` or `held`");
        }
    }
}
