//! A scenario as it is read: its head, its tree with templates still in it, and its files.
//! Drawing it stands in `variant`.

use std::path::Path;
use std::sync::Arc;

use super::model::{API_VERSION, Head};
use super::node::{Dialect, Node, Tree, parse};
use super::pack::SCENARIO_FILE;
use super::problem::{PackError, Problem, unless_errors};
use super::recover;
use super::source::{Folder, Source};

/// The file a long task may stand in.
pub const TASK_FILE: &str = "task.md";

/// A scenario, not yet drawn.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The pack's name.
    pub pack: String,
    /// The name, that of its folder.
    pub name: String,
    /// What is known before anything is drawn.
    pub head: Head,
    /// The files of its folder.
    pub folder: Folder,
    /// `scenario.yaml`.
    pub source: Arc<Source>,
    /// Its tree.
    pub node: Node,
}

impl Scenario {
    /// Reads the scenario in a folder of the disk.
    pub fn open(pack: &str, path: &Path) -> Result<Self, PackError> {
        Self::of_folder(pack, Folder::read(path)?)
    }

    /// Reads a scenario from its files. Only the head is looked at; `variant` and `lint` read the rest.
    pub fn of_folder(pack: &str, folder: Folder) -> Result<Self, PackError> {
        let source = match folder.named(SCENARIO_FILE) {
            Ok(source) => Arc::clone(source),
            Err((code, why, _)) => return Err(Problem::in_file(folder.root(), code, why).into()),
        };
        let node = parse(&source, Dialect::Pack)?;
        let mut problems = Vec::new();
        check_frame(&source, &node, &mut problems);
        let head: Option<Head> = node.get("spec").and_then(|spec| recover::read(&source, spec, &mut problems));
        let name = node.at(&["metadata", "name"]).and_then(Node::text).unwrap_or_default().to_owned();
        let scenario = head.map(|head| Self { pack: pack.to_owned(), name, head, folder, source, node });
        unless_errors(scenario, problems)
    }

    /// The pack's and the scenario's name, with a `/` between them.
    pub fn id(&self) -> String {
        format!("{}/{}", self.pack, self.name)
    }

    /// What all checks are worth together.
    pub fn points(&self) -> u32 {
        let checks = self.node.at(&["spec", "checks"]).map(Node::items).unwrap_or_default();
        let points = |check: &Node| match check.get("points")?.tree {
            Tree::Int(points) => u32::try_from(points).ok(),
            _ => None,
        };
        checks.iter().filter_map(points).sum()
    }

    /// How many hints there are.
    pub fn hints(&self) -> usize {
        self.node.at(&["spec", "hints"]).map_or(0, |hints| hints.items().len())
    }

    /// How many different variants a seed can draw, at most.
    pub fn variety(&self) -> u64 {
        self.head.params.0.iter().fold(1, |all, (_, param)| all.saturating_mul(param.values.count()))
    }
}

/// What stands around `spec`. The typed reading says the same later, in less helpful words.
fn check_frame(source: &Arc<Source>, node: &Node, problems: &mut Vec<Problem>) {
    let mut tell = |node: &Node, code, message: String| {
        problems.push(Problem::at(source.place(node.span.clone()), code, message));
    };
    if !matches!(node.tree, Tree::Map(_)) {
        return tell(node, "bad-value", format!("a scenario is a mapping, and this is {}", node.words()));
    }
    match node.get("apiVersion").map(|version| (version, version.text())) {
        Some((_, Some(API_VERSION))) => {}
        Some((version, _)) => {
            tell(
                version,
                "bad-value",
                format!("this program reads scenarios of apiVersion {API_VERSION}, not {}", version.words()),
            );
        }
        None => tell(node, "missing-field", format!("the field `apiVersion: {API_VERSION}` is missing here")),
    }
    match node.at(&["metadata", "name"]).and_then(Node::text) {
        Some(name) if is_name(name) => {}
        Some(name) => {
            let name_node = node.at(&["metadata", "name"]).unwrap_or(node);
            tell(name_node, "bad-value", format!("`{name}` is not a name of lower case letters, digits and `-`"));
        }
        None => tell(node, "missing-field", "the field `metadata.name` is missing here".to_owned()),
    }
    if node.get("spec").is_none() {
        tell(node, "missing-field", "the field `spec` is missing here".to_owned());
    }
}

/// Whether this can be the name of a pack, a scenario or an exam.
pub fn is_name(name: &str) -> bool {
    let letters = name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-');
    letters && !name.is_empty() && name.len() <= 63 && !name.starts_with('-') && !name.ends_with('-')
}
