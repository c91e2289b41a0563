//! `nodeFile`: a file of a node is there, and holds what it should.
//! Reading it is grading's.

use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::Statement;
use super::answer_file::{Expectation, Wanted, expression};
use crate::scenario::form::schema_of_form;
use crate::scenario::inspect::Inspect;
use crate::scenario::on_node::{from_the_root, mode};

/// A file of a node.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "NodeFileForm")]
pub struct NodeFile {
    pub node: String,
    /// From the node's root.
    pub path: String,
    /// Whether it must not be there.
    pub absent: bool,
    /// What must stand in it.
    pub expected: Option<Expectation>,
    /// What must not be found in it.
    pub lacks: Option<Regex>,
    /// Its permissions in octal digits, such as `0600`.
    pub mode: Option<u32>,
}

/// A file of a node: that it is there, and at most one of `equals`, `lines`, `linesInAnyOrder`, `contains`, `matches`, `yaml`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename = "NodeFile", deny_unknown_fields, rename_all = "camelCase")]
struct NodeFileForm {
    /// The node, such as `controlplane`.
    node: String,
    /// The file, from the node's root.
    path: String,
    /// It must not be there.
    #[serde(default)]
    absent: bool,
    /// Exactly this text; white space at the ends does not matter.
    #[serde(default)]
    equals: Option<String>,
    /// These lines in this order; empty lines, and white space at the ends of lines, do not matter.
    #[serde(default)]
    lines: Option<Vec<String>>,
    /// These lines in any order.
    #[serde(default)]
    lines_in_any_order: Option<Vec<String>>,
    /// This text somewhere.
    #[serde(default)]
    contains: Option<String>,
    /// A regular expression that finds something; `(?m)^…$` for a whole line.
    #[serde(default)]
    matches: Option<String>,
    /// YAML or JSON that has these fields, matched as in the check `object`.
    #[serde(default)]
    yaml: Option<Value>,
    /// A regular expression that must find nothing.
    #[serde(default)]
    lacks: Option<String>,
    /// Its permissions in octal digits, such as `"0600"`.
    #[serde(default)]
    mode: Option<String>,
}

schema_of_form!(NodeFile, NodeFileForm);

impl TryFrom<NodeFileForm> for NodeFile {
    type Error = String;

    fn try_from(form: NodeFileForm) -> Result<Self, String> {
        from_the_root(&form.path)?;
        let expected = Expectation::of(Wanted {
            equals: form.equals,
            lines: form.lines,
            lines_in_any_order: form.lines_in_any_order,
            contains: form.contains,
            matches: form.matches,
            yaml: form.yaml,
        })?;
        let lacks = form.lacks.map(|text| expression(&text)).transpose()?;
        let mode = form.mode.map(|text| mode(&text)).transpose()?;
        if form.absent && (expected.is_some() || lacks.is_some() || mode.is_some()) {
            return Err("a file that must not be there holds nothing: give `absent` or what stands in it".to_owned());
        }
        Ok(Self { node: form.node, path: form.path, absent: form.absent, expected, lacks, mode })
    }
}

impl Statement for NodeFile {
    fn is_negative(&self) -> bool {
        self.absent || (self.expected.is_none() && self.lacks.is_some())
    }

    fn needs_nodes(&self) -> bool {
        true
    }

    fn inspect(&self, inspect: &mut Inspect<'_>) {
        inspect.name(&["node"], &self.node);
        if self.expected.as_ref().is_some_and(Expectation::is_empty) {
            inspect.error(&[], "bad-value", "an empty file would pass this check");
        }
    }
}
