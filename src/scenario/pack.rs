//! `pack.yaml` as types, and a pack as a whole: its head and its scenarios.
//! Where packs come from stands in `catalogue`.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

use super::folder::Folder;
use super::form::schema_of_form;
use super::load::{SCENARIO_FILE, Scenario};
use super::model::{ApiVersion, Metadata};
use super::node::{Dialect, Node, parse};
use super::problem::{PackError, Problem, unless_errors};
use super::recover;
use super::source::Source;

/// The file that makes a folder a pack.
pub const PACK_FILE: &str = "pack.yaml";

/// A pack: what its scenarios are about, and the exams drawn from them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(rename = "Pack")]
pub struct PackFile {
    /// The format's version.
    pub api_version: ApiVersion,
    /// `Pack`.
    pub kind: PackKind,
    /// The pack's name.
    pub metadata: Metadata,
    /// Everything else.
    pub spec: PackSpec,
}

/// `Pack`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum PackKind {
    /// The only one there is.
    Pack,
}

/// What a pack is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackSpec {
    /// What it is called in lists.
    pub title: String,
    /// The pack's own version, such as `1.4.0`.
    pub version: String,
    /// The Kubernetes version it is written for, such as `"1.35"`.
    #[serde(default)]
    pub kubernetes: Option<String>,
    /// What its scenarios are sorted by.
    pub domains: Vec<Domain>,
    /// Its mock exams.
    #[serde(default)]
    pub exams: Vec<Blueprint>,
}

/// A part of the subject.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// The word scenarios name it by.
    pub id: String,
    /// What it is called in lists.
    pub title: String,
    /// Its share of an exam, in percent.
    pub weight: u32,
}

/// How a mock exam is drawn.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Blueprint {
    /// What it is called on the command line.
    pub name: String,
    /// What it is called in lists.
    pub title: String,
    /// How long it takes.
    pub minutes: u32,
    /// How much of the points must be earned, in percent.
    pub pass: u32,
    /// Which tasks it has.
    pub tasks: Tasks,
}

/// Which tasks an exam has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tasks {
    /// So many, spread over the domains by their weights.
    Count(u32),
    /// So many of each domain, in the order of the file.
    OfDomains(Vec<(String, u32)>),
    /// These scenarios, in this order.
    Scenarios(Vec<String>),
}

/// How many tasks, spread over the domains by weight; or how many of each domain; or the names of scenarios.
#[derive(JsonSchema)]
#[schemars(rename = "Tasks", untagged)]
#[allow(dead_code, reason = "only its schema is used")]
enum TasksForm {
    /// So many, spread over the domains by their weights.
    Count(u32),
    /// So many of each domain.
    OfDomains(std::collections::BTreeMap<String, u32>),
    /// These scenarios, in this order.
    Scenarios(Vec<String>),
}

schema_of_form!(Tasks, TasksForm);

impl<'de> Deserialize<'de> for Tasks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TasksVisitor)
    }
}

struct TasksVisitor;

impl<'de> Visitor<'de> for TasksVisitor {
    type Value = Tasks;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number of tasks, a number for each domain, or a list of scenarios")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Tasks, E> {
        let count = u32::try_from(value).ok().filter(|count| *count > 0);
        count.map(Tasks::Count).ok_or_else(|| E::custom("an exam needs at least one task"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Tasks, A::Error> {
        let mut scenarios = Vec::new();
        while let Some(scenario) = access.next_element()? {
            scenarios.push(scenario);
        }
        Ok(Tasks::Scenarios(scenarios))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Tasks, A::Error> {
        let mut domains = Vec::new();
        while let Some(entry) = access.next_entry()? {
            domains.push(entry);
        }
        Ok(Tasks::OfDomains(domains))
    }
}

/// A pack with its scenarios, all heads read.
#[derive(Clone, Debug)]
pub struct Pack {
    /// The name, first part of its scenarios' ids.
    pub name: String,
    /// What `pack.yaml` says.
    pub spec: PackSpec,
    /// Its scenarios, in the order of their folders.
    pub scenarios: Vec<Arc<Scenario>>,
    /// All its files.
    pub folder: Folder,
    /// The tree of `pack.yaml`, for positions.
    pub node: Node,
    /// `pack.yaml`.
    pub source: Arc<Source>,
}

impl Pack {
    /// Reads the pack in a folder of the disk.
    pub fn open(path: &Path) -> Result<Self, PackError> {
        Self::of_folder(Folder::read(path)?)
    }

    /// Reads a pack from its files.
    pub fn of_folder(folder: Folder) -> Result<Self, PackError> {
        let mut problems = Vec::new();
        let pack = Self::read(folder, &mut problems);
        unless_errors(pack, problems)
    }

    /// Reads a pack from its files as far as it can be read; scenarios that cannot be read are left out. All that is wrong is told.
    pub fn read(folder: Folder, problems: &mut Vec<Problem>) -> Option<Self> {
        let source = match folder.named(PACK_FILE) {
            Ok(source) => Arc::clone(source),
            Err((_, why, _)) => {
                let help = "a pack is a folder with a pack.yaml; `kubedrill pack new` makes one";
                let why = if why.contains("there is no file") { "there is no pack.yaml here".to_owned() } else { why };
                problems.push(Problem::in_file(folder.root(), "missing-file", why).help(help));
                return None;
            }
        };
        let node = parse(&source, Dialect::Pack).map_err(|problem| problems.push(problem)).ok()?;
        let PackFile { metadata: Metadata { name }, spec, .. } = recover::read(&source, &node, problems)?.value;
        let read = |place: String| Scenario::read(&name, folder.below(&place), problems).map(Arc::new);
        let scenarios = scenario_folders(&folder).into_iter().filter_map(read).collect();
        Some(Self { name, spec, scenarios, folder, node, source })
    }

    /// The scenario with this name, without the pack's.
    pub fn scenario(&self, name: &str) -> Option<&Arc<Scenario>> {
        self.scenarios.iter().find(|scenario| scenario.name == name)
    }

    /// The exam with this name.
    pub fn exam(&self, name: &str) -> Option<&Blueprint> {
        self.spec.exams.iter().find(|exam| exam.name == name)
    }

    /// The domain with this id.
    pub fn domain(&self, id: &str) -> Option<&Domain> {
        self.spec.domains.iter().find(|domain| domain.id == id)
    }
}

fn scenario_folders(folder: &Folder) -> Vec<String> {
    let place = |path: &str| path.strip_suffix(SCENARIO_FILE)?.strip_suffix('/').map(str::to_owned);
    folder.files().filter_map(|(path, _)| place(path)).collect()
}
