//! `etcdSnapshot`: a file of a node is a whole snapshot of etcd.
//! Asking `etcdutl` is grading's.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Statement;
use crate::scenario::form::schema_of_form;
use crate::scenario::inspect::Inspect;
use crate::scenario::on_node::from_the_root;

/// A snapshot of etcd on a node.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "EtcdSnapshotForm")]
pub struct EtcdSnapshot {
    pub node: String,
    /// From the node's root.
    pub path: String,
    /// How many keys it holds at least.
    pub keys: u64,
}

/// A snapshot of etcd on a node.
#[derive(Deserialize, JsonSchema)]
#[serde(rename = "EtcdSnapshot", deny_unknown_fields)]
struct EtcdSnapshotForm {
    /// The node, such as `controlplane`.
    node: String,
    /// The file, from the node's root.
    path: String,
    /// How many keys it holds at least; 100 where it is left out: a cluster that was used has more.
    #[serde(default = "a_cluster")]
    #[schemars(schema_with = "crate::scenario::template::number_schema")]
    keys: u64,
}

fn a_cluster() -> u64 {
    100
}

schema_of_form!(EtcdSnapshot, EtcdSnapshotForm);

impl TryFrom<EtcdSnapshotForm> for EtcdSnapshot {
    type Error = String;

    fn try_from(form: EtcdSnapshotForm) -> Result<Self, String> {
        from_the_root(&form.path)?;
        Ok(Self { node: form.node, path: form.path, keys: form.keys })
    }
}

impl Statement for EtcdSnapshot {
    fn needs_nodes(&self) -> bool {
        true
    }

    fn inspect(&self, inspect: &mut Inspect<'_>) {
        inspect.name(&["node"], &self.node);
        inspect.name(&["path"], &self.path);
    }
}
