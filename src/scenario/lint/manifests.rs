//! Manifests that steps apply, patches, and objects that steps wait for: kinds and fields that exist.
//! What the check `object` asks for is looked at with the checks.

use std::sync::Arc;

use super::Subject;
use crate::scenario::inspect::Inspect;
use crate::scenario::manifest;
use crate::scenario::node::Node;
use crate::scenario::problem::Problem;
use crate::scenario::source::Source;
use crate::scenario::step::{Patch, PatchType, Step};
use crate::scenario::template::Templates;

/// Looks at all steps.
pub fn lint(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    let variant = &subject.drawing.variant;
    let answers = variant.solutions.iter().map(|it| &it.steps).zip(subject.items("solutions"));
    let wrong = variant.wrong.iter().map(|it| &it.steps).zip(subject.items("wrong"));
    let setup = variant.setup.iter().zip(subject.items("setup"));
    let below = answers.chain(wrong).flat_map(|(steps, node)| {
        let nodes = node.get("steps").map(Node::items).unwrap_or_default();
        steps.iter().zip(nodes)
    });
    for (step, node) in setup.chain(below) {
        let Some(node) = node.get(step.key()) else { continue };
        lint_step(subject, step, node, problems);
    }
}

fn lint_step(subject: &Subject<'_>, step: &Step, node: &Node, problems: &mut Vec<Problem>) {
    let source = &subject.scenario.source;
    match step {
        Step::Apply(apply) => {
            let templates = Templates::new(&subject.drawing.variant.params);
            let folder = &subject.scenario.folder;
            let place = subject.place(Some(node));
            // What keeps a manifest from being read was told when the variant was drawn.
            for document in manifest::documents(folder, &templates, &apply.text, place, &mut Vec::new()) {
                object(&document.source, &document.node, &[], problems);
            }
        }
        Step::Delete(delete) => {
            Inspect::new(source, node, problems).kind(&[], &delete.0.api_version, &delete.0.kind);
        }
        Step::Patch(patch) => lint_patch(source, node, patch, problems),
        Step::WaitFor(_) => object(source, node, &["object"], problems),
        Step::Run(_) | Step::NodeFile(_) | Step::NodeCommand(_) | Step::Certificate(_) => {}
    }
}

fn lint_patch(source: &Arc<Source>, node: &Node, patch: &Patch, problems: &mut Vec<Problem>) {
    match patch.patch_type {
        PatchType::Json if !patch.patch.is_array() => {
            let place = source.place(node.get("patch").unwrap_or(node).span.clone());
            problems.push(Problem::at(place, "bad-value", "a patch of type json is a list of operations"));
        }
        PatchType::Json => {
            Inspect::new(source, node, problems).kind(&[], &patch.api_version, &patch.kind);
        }
        PatchType::Strategic | PatchType::Merge => {
            Inspect::new(source, node, problems).partial(&["patch"], &patch.api_version, &patch.kind);
        }
    }
}

fn object(source: &Arc<Source>, node: &Node, way: &[&str], problems: &mut Vec<Problem>) {
    let text = |key: &str| node.at(way)?.get(key)?.text().map(str::to_owned);
    if let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) {
        Inspect::new(source, node, problems).partial(way, &api_version, &kind);
    }
}
