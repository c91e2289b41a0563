//! What is written for people: title, task, hints, explanation, pages to read, and how long it takes.
//! Markdown is not checked.

use super::Subject;
use crate::scenario::load::TASK_FILE;
use crate::scenario::node::Node;
use crate::scenario::problem::Problem;
use crate::scenario::template::is_template;

/// Looks at all texts.
pub fn lint(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    let variant = &subject.drawing.variant;
    let spec = subject.drawing.whole.get("spec");
    let at = |key: &str| spec.and_then(|spec| spec.get(key));
    let place = |key: &str| subject.place(at(key).or(spec));
    let written = subject.scenario.node.at(&["spec", "title"]).and_then(Node::text);
    if written.is_some_and(is_template) {
        let message = "the title is shown before anything is drawn, and cannot use parameters";
        problems.push(Problem::at(place("title"), "template", message));
    }
    for key in ["title", "task"] {
        if at(key).and_then(Node::text).is_some_and(|text| text.trim().is_empty()) {
            problems.push(Problem::at(place(key), "bad-value", format!("the {key} is empty")));
        }
    }
    if let Some(file) = subject.scenario.folder.get(TASK_FILE).filter(|file| file.text.trim().is_empty()) {
        problems.push(Problem::in_file(&file.path, "bad-value", "the task is empty"));
    }
    if !(1..=120).contains(&variant.minutes) {
        problems.push(Problem::at(place("minutes"), "bad-value", "a task takes between 1 and 120 minutes"));
    }
    let missing = [
        ("hints", variant.hints.is_empty(), "there is no hint for somebody who is stuck"),
        ("explain", variant.explain.as_ref().is_none_or(|text| text.trim().is_empty()), "nothing explains the answer"),
        ("docs", variant.docs.is_empty(), "no page is named where one can read on"),
        ("topics", variant.topics.is_empty(), "there are no topics to find the scenario by"),
    ];
    for (key, is_missing, message) in missing {
        if is_missing {
            let problem = Problem::at(place(key), "missing-text", message).warning();
            problems.push(problem.help(format!("write `{key}`")));
        }
    }
    for (index, page) in variant.docs.iter().enumerate() {
        if !page.starts_with("https://") {
            let node = at("docs").and_then(|docs| docs.items().get(index));
            problems.push(Problem::at(
                subject.place(node),
                "bad-value",
                format!("`{page}` is not an https:// address"),
            ));
        }
    }
}
