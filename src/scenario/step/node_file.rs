//! `nodeFile`: a file of a node is written, changed or taken away.
//! Doing it is the lab's.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::scenario::form::schema_of_form;
use crate::scenario::on_node::{from_the_root, mode};

/// Writes, changes or takes away a file of a node.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "NodeFileForm")]
pub struct NodeFile {
    pub node: String,
    /// From the node's root.
    pub path: String,
    pub change: Change,
    /// Its permissions; as they are, or 0644, where it is `None`.
    pub mode: Option<u32>,
}

/// What becomes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It holds this text.
    Text(String),
    /// In its text, each first is replaced by its second, wherever it stands; it must stand somewhere.
    Replace(Vec<Replacement>),
    /// It goes.
    Absent,
    /// It is moved here.
    MoveTo(String),
}

/// A piece of text and what takes its place.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// The text that goes; it must stand in the file.
    pub find: String,
    /// The text that comes.
    pub with: String,
}

/// Writes, changes, moves or takes away a file of a node: exactly one of `text`, `replace`, `moveTo`, `absent`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename = "NodeFileStep", deny_unknown_fields, rename_all = "camelCase")]
struct NodeFileForm {
    /// The node, such as `controlplane`.
    node: String,
    /// The file, from the node's root.
    path: String,
    /// All that it holds.
    #[serde(default)]
    text: Option<String>,
    /// Pieces of its text that are replaced.
    #[serde(default)]
    replace: Option<Vec<Replacement>>,
    /// Where it is moved.
    #[serde(default)]
    move_to: Option<String>,
    /// It is taken away.
    #[serde(default)]
    absent: bool,
    /// Its permissions in octal digits, such as `"0600"`.
    #[serde(default)]
    mode: Option<String>,
}

schema_of_form!(NodeFile, NodeFileForm);

impl TryFrom<NodeFileForm> for NodeFile {
    type Error = String;

    fn try_from(form: NodeFileForm) -> Result<Self, String> {
        from_the_root(&form.path)?;
        form.move_to.as_deref().map(from_the_root).transpose()?;
        let mode = form.mode.map(|text| mode(&text)).transpose()?;
        let all = [
            form.text.map(Change::Text),
            form.replace.map(Change::Replace),
            form.move_to.map(Change::MoveTo),
            form.absent.then_some(Change::Absent),
        ];
        let mut given: Vec<Change> = all.into_iter().flatten().collect();
        match (given.pop(), given.is_empty()) {
            (Some(change), true) => Ok(Self { node: form.node, path: form.path, change, mode }),
            _ => Err("a file of a node needs exactly one of text, replace, moveTo, absent".to_owned()),
        }
    }
}
