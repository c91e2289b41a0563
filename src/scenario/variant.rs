//! A scenario with its parameters drawn from a seed: everything the lab and grading need, with no templates left in it.
//! Laying it on a cluster is the lab's.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::check::Check;
use super::load::{Scenario, TASK_FILE};
use super::manifest;
use super::model::{Capability, Difficulty, ScenarioFile, Solution, Spec, Wrong};
use super::node::{Node, Tree};
use super::problem::{PackError, Problem, unless_errors};
use super::recover::{self, Recovered};
use super::source::Source;
use super::step::Step;
use super::template::Templates;
use crate::base::seed::Seed;
use crate::base::topology::Topology;

const SOLUTION_FOLDER: &str = "solution/";

/// A task as a learner meets it, and all that is known about doing it.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The pack's name.
    pub pack: String,
    /// The scenario's name.
    pub scenario: String,
    /// What the parameters were drawn from.
    pub seed: Seed,
    /// The parameters, in the order of the file.
    pub params: Map<String, Value>,
    /// What it is called in lists.
    pub title: String,
    /// The pack's domain it belongs to.
    pub domain: String,
    /// What it is about.
    pub topics: Vec<String>,
    /// How hard it is.
    pub difficulty: Difficulty,
    /// How long it should take.
    pub minutes: u32,
    /// What the cluster must be able to do.
    pub requires: Vec<Capability>,
    /// What machines it is made of, and which Kubernetes it is born with.
    pub topology: Topology,
    /// What the learner is to do, in Markdown.
    pub task: String,
    /// What is done to the cluster first.
    pub setup: Vec<Step>,
    /// What must hold in the end.
    pub checks: Vec<Check>,
    /// Help, the least first.
    pub hints: Vec<String>,
    /// Ways to do it.
    pub solutions: Vec<Solution>,
    /// Ways to fail.
    pub wrong: Vec<Wrong>,
    /// Why the answer is what it is, in Markdown.
    pub explain: Option<String>,
    /// Pages to read.
    pub docs: Vec<String>,
    /// The files under `$SOLUTION`, by their path there.
    pub files: BTreeMap<String, String>,
}

impl Variant {
    /// The scenario's id, such as `cka/rbac-serviceaccount`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.pack, self.scenario)
    }

    /// What all checks are worth together.
    pub fn points(&self) -> u32 {
        self.checks.iter().map(|check| check.points).sum()
    }
}

/// A variant with the trees it was made of, so that lint can point at what it finds.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// The variant, without what could not be read.
    pub variant: Variant,
    /// The tree of the file `scenario.yaml`, drawn, without what could not be read.
    pub node: Node,
    /// The same with it.
    pub whole: Node,
}

impl Scenario {
    /// Draws the scenario. The same seed always draws the same variant of the same scenario.
    pub fn variant(&self, seed: Seed) -> Result<Variant, PackError> {
        let mut problems = Vec::new();
        let drawing = self.draw(seed, &mut problems);
        unless_errors(drawing.map(|drawing| drawing.variant), problems)
    }

    /// Draws the scenario as far as that can be done, and tells all that is wrong.
    pub fn draw(&self, seed: Seed, problems: &mut Vec<Problem>) -> Option<Drawing> {
        let params = self.draw_params(seed, problems)?;
        let templates = Templates::new(&params);
        let whole = draw_tree(&templates, &self.source, &self.node, problems);
        let told: Vec<String> = problems.iter().map(Problem::position).collect();
        let mut behind = Vec::new();
        let read: Option<Recovered<ScenarioFile>> = recover::read(&self.source, &whole, &mut behind);
        // What could not be drawn is often of the wrong type too; that was said already.
        problems.extend(behind.into_iter().filter(|problem| !told.contains(&problem.position())));
        let Recovered { value, rest: node } = read?;
        let mut spec = value.spec;
        let task = self.task(&templates, spec.task.take(), problems);
        let files = self.solution_files(&templates, problems);
        self.fill(&templates, &node, &mut spec, problems);
        let variant = self.assemble(seed, params, spec, (task, files));
        Some(Drawing { variant, node, whole })
    }

    fn draw_params(&self, seed: Seed, problems: &mut Vec<Problem>) -> Option<Map<String, Value>> {
        let params = self.head.params.draw(seed);
        if params.is_none() {
            let span = self.node.at(&["spec", "params"]).map_or(0..0, |node| node.span.clone());
            let message = "no values can be drawn that differ from each other as `differs` asks";
            problems.push(Problem::at(self.source.place(span), "no-value-left", message));
        }
        params
    }

    fn task(&self, templates: &Templates, inline: Option<String>, problems: &mut Vec<Problem>) -> Option<String> {
        let file = self.folder.get(TASK_FILE);
        let place = |key: &str| self.source.place(self.node.at(&["spec", key]).unwrap_or(&self.node).span.clone());
        match (inline, file) {
            (Some(task), None) => Some(task),
            (None, Some(source)) => templates.draw_file(source).map_err(|problem| problems.push(problem)).ok(),
            (Some(_), Some(_)) => {
                let message = "the task stands both here and in task.md, and the learner can have only one";
                problems.push(Problem::at(place("task"), "two-tasks", message));
                None
            }
            (None, None) => {
                let message = "there is no task: write it under `task`, or into task.md beside this file";
                problems.push(Problem::at(place("title"), "missing-field", message));
                None
            }
        }
    }

    fn solution_files(&self, templates: &Templates, problems: &mut Vec<Problem>) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for (path, source) in self.folder.files() {
            if let Some(inside) = path.strip_prefix(SOLUTION_FOLDER) {
                match templates.draw_file(source) {
                    Ok(text) => drop(files.insert(inside.to_owned(), text)),
                    Err(problem) => problems.push(problem),
                }
            }
        }
        files
    }

    /// Reads the manifests of every `apply`.
    fn fill(&self, templates: &Templates, node: &Node, spec: &mut Spec, problems: &mut Vec<Problem>) {
        let mut fill = |steps: &mut Vec<Step>, way: &[&str]| {
            for (index, step) in steps.iter_mut().enumerate() {
                let Step::Apply(apply) = step else { continue };
                let index = index.to_string();
                let mut way = way.to_vec();
                way.extend([index.as_str(), "apply"]);
                let span = node.at(&way).map_or(0..0, |node| node.span.clone());
                let place = self.source.place(span);
                apply.objects = manifest::read(&self.folder, templates, &apply.text, place, problems);
            }
        };
        fill(&mut spec.setup, &["spec", "setup"]);
        for (index, solution) in spec.solutions.iter_mut().enumerate() {
            fill(&mut solution.steps, &["spec", "solutions", &index.to_string(), "steps"]);
        }
        for (index, wrong) in spec.wrong.iter_mut().enumerate() {
            fill(&mut wrong.steps, &["spec", "wrong", &index.to_string(), "steps"]);
        }
    }

    fn assemble(
        &self,
        seed: Seed,
        params: Map<String, Value>,
        spec: Spec,
        (task, files): (Option<String>, BTreeMap<String, String>),
    ) -> Variant {
        Variant {
            pack: self.pack.clone(),
            scenario: self.name.clone(),
            seed,
            params,
            title: spec.title,
            domain: spec.domain,
            topics: spec.topics,
            difficulty: spec.difficulty,
            minutes: spec.minutes,
            requires: spec.requires,
            topology: spec.cluster,
            task: task.unwrap_or_default(),
            setup: spec.setup,
            checks: spec.checks,
            hints: spec.hints,
            solutions: spec.solutions,
            wrong: spec.wrong,
            explain: spec.explain,
            docs: spec.docs,
            files,
        }
    }
}

/// Draws everything of a scenario's tree but `params`, which is what the templates are drawn with.
fn draw_tree(templates: &Templates, source: &Arc<Source>, node: &Node, problems: &mut Vec<Problem>) -> Node {
    let mut draw_under = |node: &Node, keep: &str, inside: Option<&Node>| {
        let mut entries = Vec::new();
        for (key, value) in node.entries() {
            let drawn = match inside {
                Some(inside) if key.text == keep => inside.clone(),
                None if key.text == keep => value.clone(),
                _ => templates.draw(source, value, problems),
            };
            entries.push((key.clone(), drawn));
        }
        Node { tree: Tree::Map(entries), ..node.clone() }
    };
    let spec = node.get("spec").map(|spec| draw_under(spec, "params", None));
    draw_under(node, "spec", spec.as_ref())
}
