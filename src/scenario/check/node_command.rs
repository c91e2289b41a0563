//! `nodeCommand`: a command of a node ends and says what it should.
//! Running it is grading's; it must change nothing.

use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Statement;
use super::answer_file::expression;
use crate::scenario::form::schema_of_form;
use crate::scenario::inspect::Inspect;

/// Commands that only read, with the sub-commands that do.
const READING: &[(&str, &[&str])] = &[
    ("crictl", &["ps", "pods", "images", "inspect", "inspectp", "inspecti", "logs", "info", "version"]),
    ("etcdctl", &["get", "endpoint", "member", "version"]),
    ("etcdutl", &["snapshot status", "version"]),
    ("kubeadm", &["version", "certs check-expiration", "token list", "config print"]),
    ("kubelet", &["--version"]),
    ("systemctl", &["is-active", "is-enabled", "status", "cat", "show"]),
    ("journalctl", &[]),
    ("apt-mark", &["showhold"]),
    ("dpkg", &["-l", "-s"]),
    ("sysctl", &["-n", "-a", "net.", "vm.", "kernel.", "fs."]),
    ("ip", &[]),
    ("ss", &[]),
    ("swapon", &["--show"]),
];

/// A command of a node says what it should.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "NodeCommandForm")]
pub struct NodeCommand {
    pub node: String,
    /// The command and its arguments, as they are.
    pub run: Vec<String>,
    /// What must be found in what it prints.
    pub prints: Option<Regex>,
    /// What must not be found in it.
    pub lacks: Option<Regex>,
    /// How it must end.
    pub exit: u8,
}

/// A command of a node that only reads: how it ends, and what it prints.
#[derive(Deserialize, JsonSchema)]
#[serde(rename = "NodeCommand", deny_unknown_fields, rename_all = "camelCase")]
struct NodeCommandForm {
    /// The node, such as `controlplane`.
    node: String,
    /// The command and its arguments, one by one: there is no shell.
    run: Vec<String>,
    /// A regular expression that finds something in what it prints.
    #[serde(default)]
    prints: Option<String>,
    /// A regular expression that must find nothing there.
    #[serde(default)]
    lacks: Option<String>,
    /// The exit code; 0 where it is left out.
    #[serde(default)]
    #[schemars(schema_with = "crate::scenario::template::number_schema")]
    exit: u8,
}

schema_of_form!(NodeCommand, NodeCommandForm);

impl TryFrom<NodeCommandForm> for NodeCommand {
    type Error = String;

    fn try_from(form: NodeCommandForm) -> Result<Self, String> {
        let line = form.run.join(" ");
        let reads = |(name, subs): &(&str, &[&str])| {
            let rest = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' '));
            rest.is_some_and(|rest| subs.is_empty() || subs.iter().any(|sub| rest.contains(sub)))
        };
        if !READING.iter().any(reads) {
            let known: Vec<&str> = READING.iter().map(|(name, _)| *name).collect();
            return Err(format!(
                "`{line}` is no command that is known to only read; there are {}, with sub-commands that change nothing",
                known.join(", ")
            ));
        }
        let regex = |text: Option<String>| text.map(|text| expression(&text)).transpose();
        let (prints, lacks) = (regex(form.prints)?, regex(form.lacks)?);
        Ok(Self { node: form.node, run: form.run, prints, lacks, exit: form.exit })
    }
}

impl Statement for NodeCommand {
    fn is_negative(&self) -> bool {
        self.prints.is_none() && (self.lacks.is_some() || self.exit != 0)
    }

    fn needs_nodes(&self) -> bool {
        true
    }

    fn inspect(&self, inspect: &mut Inspect<'_>) {
        inspect.name(&["node"], &self.node);
        if self.prints.as_ref().is_some_and(|prints| prints.is_match("")) {
            inspect.error(&["prints"], "bad-value", "a command that prints nothing would pass this check");
        }
    }
}
