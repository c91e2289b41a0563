//! A scenario as it is read: its head, its tree with templates still in it, and its files.
//! Drawing it stands in `variant`.

use std::path::Path;
use std::sync::Arc;

use super::folder::Folder;
use super::model::{API_VERSION, Head};
use super::node::{Dialect, Node, Tree, parse};
use super::problem::{PackError, Problem, unless_errors};
use super::recover;
use super::source::Source;

/// The file that makes a folder a scenario.
pub const SCENARIO_FILE: &str = "scenario.yaml";
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
        let mut problems = Vec::new();
        let scenario = Self::read(pack, folder, &mut problems);
        unless_errors(scenario, problems)
    }

    /// Reads a scenario from its files as far as it can be read. All that is wrong with the head is told.
    pub fn read(pack: &str, folder: Folder, problems: &mut Vec<Problem>) -> Option<Self> {
        let source = match folder.named(SCENARIO_FILE) {
            Ok(source) => Arc::clone(source),
            Err((code, why, _)) => {
                problems.push(Problem::in_file(folder.root(), code, why));
                return None;
            }
        };
        let node = parse(&source, Dialect::Pack).map_err(|problem| problems.push(problem)).ok()?;
        check_frame(&source, &node, problems);
        let head: Head = recover::read(&source, node.get("spec")?, problems)?.value;
        let name = node.at(&["metadata", "name"]).and_then(Node::text).unwrap_or_default().to_owned();
        Some(Self { pack: pack.to_owned(), name, head, folder, source, node })
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
            tell(
                name_node,
                "bad-value",
                format!(
                    "`{name}` is not a name: at most 63 lower case letters, digits and `-`, with no `-` at either end"
                ),
            );
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
