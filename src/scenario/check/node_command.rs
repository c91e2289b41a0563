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
    ("etcdctl", &["get", "endpoint health", "endpoint status", "member list", "version"]),
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

/// Whether a sub-command stands among words, whole; one that ends in a dot is the beginning of a name.
fn says(words: &[String], sub: &str) -> bool {
    let sub: Vec<&str> = sub.split(' ').collect();
    let is = |(word, part): (&String, &&str)| word == part || part.ends_with('.') && word.starts_with(part);
    words.windows(sub.len()).any(|window| window.iter().zip(&sub).all(is))
}

impl TryFrom<NodeCommandForm> for NodeCommand {
    type Error = String;

    fn try_from(form: NodeCommandForm) -> Result<Self, String> {
        let line = form.run.join(" ");
        let reads = |(name, subs): &(&str, &[&str])| match form.run.split_first() {
            Some((first, rest)) if first == name => subs.is_empty() || subs.iter().any(|sub| says(rest, sub)),
            _ => false,
        };
        // A parameter of the kernel is set with or without a flag.
        let sets = form.run.first().is_some_and(|name| name == "sysctl")
            && form.run.iter().any(|word| word == "-w" || word == "--write" || word.contains('='));
        if sets || !READING.iter().any(reads) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_reads_is_run() {
        let taken = |line: &str| {
            let run = line.split(' ').map(str::to_owned).collect();
            let form = NodeCommandForm { node: "node01".to_owned(), run, prints: None, lacks: None, exit: 0 };
            NodeCommand::try_from(form).is_ok()
        };
        for reads in [
            "sysctl net.ipv4.ip_forward",
            "sysctl -n vm.swappiness",
            "etcdctl --endpoints=https://127.0.0.1:2379 member list",
            "kubeadm certs check-expiration",
            "systemctl is-active kubelet",
            "ip route",
        ] {
            assert!(taken(reads), "{reads}");
        }
        for changes in [
            "sysctl -w net.ipv4.ip_forward=1",
            "sysctl net.ipv4.ip_forward=1",
            "etcdctl member remove 8e9e05c52164694d",
            "etcdctl put target x",
            "dpkg --purge foo-lib",
            "systemctl stop is-active-something",
            "rm -l",
        ] {
            assert!(!taken(changes), "{changes}");
        }
    }
}
