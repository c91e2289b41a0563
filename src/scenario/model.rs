//! `scenario.yaml` as types, with no templates left in it.
//! Reading it stands in `load`, filling its templates in `variant`.

pub use crate::base::capability::Capability;
pub use crate::base::topology::Topology;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Check;
use super::form::schema_of_form;
use super::param::Params;
use super::step::{Run, Step};

/// The format's version, as `apiVersion` of both files.
pub const API_VERSION: &str = "kubedrill/v1alpha1";

/// A scenario: a task's template with its setup, checks, solutions and wrong answers. Strings may hold templates: `{{ param }}`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(rename = "Scenario")]
pub struct ScenarioFile {
    /// The format's version.
    pub api_version: ApiVersion,
    /// `Scenario`.
    pub kind: ScenarioKind,
    /// The scenario's name.
    pub metadata: Metadata,
    /// Everything else.
    pub spec: Spec,
}

/// The format's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The only one there is.
    #[serde(rename = "kubedrill/v1alpha1")]
    V1Alpha1,
}

/// `Scenario`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ScenarioKind {
    /// The only one there is.
    Scenario,
}

/// What a pack or a scenario is called.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// Lower case letters, digits and `-`; a scenario's is the name of its folder.
    pub name: String,
}

/// What is known of a scenario before anything is drawn.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// What it is called in lists.
    pub title: String,
    /// One of the pack's domains.
    pub domain: String,
    /// What it is about.
    #[serde(default)]
    pub topics: Vec<String>,
    /// How hard it is.
    pub difficulty: Difficulty,
    /// How long it should take.
    pub minutes: u32,
    /// What the cluster must be able to do.
    #[serde(default)]
    pub requires: Vec<Capability>,
    /// What is drawn anew for each seed.
    #[serde(default)]
    pub params: Params,
    /// Pages to read.
    #[serde(default)]
    pub docs: Vec<String>,
}

/// What a scenario is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Spec {
    /// What it is called in lists. It gives nothing away, and has no templates.
    pub title: String,
    /// One of the pack's domains.
    pub domain: String,
    /// What it is about, such as `rbac`; lists can be filtered by it.
    #[serde(default)]
    pub topics: Vec<String>,
    /// How hard it is.
    pub difficulty: Difficulty,
    /// How long it should take.
    #[schemars(range(min = 1, max = 120))]
    pub minutes: u32,
    /// What the cluster must be able to do beyond its API.
    #[serde(default)]
    pub requires: Vec<Capability>,
    /// What machines the cluster is made of, and which Kubernetes it is born with. It has no templates.
    #[serde(default)]
    pub cluster: Topology,
    /// What is drawn anew for each seed, by the name templates use.
    #[serde(default)]
    pub params: Params,
    /// What the learner is to do, in Markdown. Leave it out to keep it in `task.md`.
    #[serde(default)]
    pub task: Option<String>,
    /// What is done to the cluster before the learner sees the task.
    #[serde(default)]
    pub setup: Vec<Step>,
    /// What must hold when the task is done.
    pub checks: Vec<Check>,
    /// Help in steps, the least first.
    #[serde(default)]
    pub hints: Vec<String>,
    /// Ways to do the task; each alone earns all points.
    #[serde(default)]
    pub solutions: Vec<Solution>,
    /// Plausible mistakes; each loses exactly the checks it names.
    #[serde(default)]
    pub wrong: Vec<Wrong>,
    /// Why the answer is what it is, and what to remember, in Markdown.
    #[serde(default)]
    pub explain: Option<String>,
    /// Pages to read.
    #[serde(default)]
    pub docs: Vec<String>,
}

/// How hard a scenario is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Difficulty {
    /// One thing to know.
    Easy,
    /// A few things to put together.
    Medium,
    /// Much to find out.
    Hard,
}

/// A way to do the task; alone it earns all points.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "SolutionForm")]
pub struct Solution {
    /// What sets it apart from the others.
    pub name: String,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// A way to do the task; alone it earns all points.
#[derive(Deserialize, JsonSchema)]
#[serde(rename = "Solution", deny_unknown_fields)]
struct SolutionForm {
    /// What sets it apart from the others.
    name: String,
    /// Shell text that does it all; or give `steps`.
    #[serde(default)]
    run: Option<String>,
    /// What is done, in order. Leaving one out must lose points.
    #[serde(default)]
    steps: Option<Vec<Step>>,
}

schema_of_form!(Solution, SolutionForm);

impl TryFrom<SolutionForm> for Solution {
    type Error = &'static str;

    fn try_from(form: SolutionForm) -> Result<Self, &'static str> {
        Ok(Self { name: form.name, steps: steps(form.run, form.steps)? })
    }
}

/// A plausible mistake; it loses exactly the checks it names.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "WrongForm")]
pub struct Wrong {
    /// What is wrong with it.
    pub name: String,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// Exactly the checks that do not hold after this alone.
    pub loses: Vec<String>,
}

/// A plausible mistake; it loses exactly the checks it names.
#[derive(Deserialize, JsonSchema)]
#[serde(rename = "Wrong", deny_unknown_fields)]
struct WrongForm {
    /// What is wrong with it.
    name: String,
    /// Shell text that does it all; or give `steps`.
    #[serde(default)]
    run: Option<String>,
    /// What is done, in order.
    #[serde(default)]
    steps: Option<Vec<Step>>,
    /// Exactly the checks that do not hold after this alone; an `after` check counts as lost with the one it waits for.
    loses: Vec<String>,
}

schema_of_form!(Wrong, WrongForm);

impl TryFrom<WrongForm> for Wrong {
    type Error = &'static str;

    fn try_from(form: WrongForm) -> Result<Self, &'static str> {
        Ok(Self { name: form.name, steps: steps(form.run, form.steps)?, loses: form.loses })
    }
}

fn steps(run: Option<String>, steps: Option<Vec<Step>>) -> Result<Vec<Step>, &'static str> {
    match (run, steps) {
        (Some(run), None) => Ok(vec![Step::Run(Run(run))]),
        (None, Some(steps)) => Ok(steps),
        _ => Err("an answer has either `run` or `steps`"),
    }
}
