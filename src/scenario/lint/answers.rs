//! Solutions and wrong answers: that there are some, that wrong ones lose something, and that shell text finds its files.
//! That they do what they say is proved on a cluster.

use std::collections::BTreeSet;

use super::Subject;
use super::params::is_drawn;
use crate::scenario::load::TASK_FILE;
use crate::scenario::nearest::nearest;
use crate::scenario::node::Node;
use crate::scenario::problem::Problem;
use crate::scenario::step::Step;

/// Looks at all that is done.
pub fn lint(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    let variant = &subject.drawing.variant;
    let count = |key: &str| subject.drawing.whole.at(&["spec", key]).map_or(0, |list| list.items().len());
    if count("solutions") == 0 {
        let place = subject.place(subject.drawing.whole.get("spec"));
        let message = "there is no solution, so nothing proves that the task can be done";
        problems.push(Problem::at(place, "no-solution", message));
    }
    if count("wrong") == 0 {
        let place = subject.place(subject.drawing.whole.get("spec"));
        let message = "there is no wrong answer, so nothing proves that mistakes are found";
        problems.push(Problem::at(place, "no-wrong", message).warning());
    }
    subject.unique_names("solutions", "solution", problems);
    subject.unique_names("wrong", "wrong answer", problems);
    for (step, node) in variant.setup.iter().zip(subject.items("setup")) {
        if matches!(step, Step::Run(_)) {
            let message = "setup runs no shell text: it must do the same on every machine, without tools";
            problems.push(
                Problem::at(subject.place(Some(node)), "run-in-setup", message).help("use apply, patch or delete"),
            );
        }
    }
    for (solution, node) in variant.solutions.iter().zip(subject.items("solutions")) {
        steps(subject, &solution.steps, node, problems);
    }
    for (wrong, node) in variant.wrong.iter().zip(subject.items("wrong")) {
        steps(subject, &wrong.steps, node, problems);
        loses(subject, &wrong.loses, node, problems);
    }
}

fn steps(subject: &Subject<'_>, steps: &[Step], node: &Node, problems: &mut Vec<Problem>) {
    if steps.is_empty() {
        problems.push(Problem::at(
            subject.place(Some(node)),
            "bad-value",
            "an answer does something: `steps` is empty",
        ));
    }
    for (index, step) in steps.iter().enumerate() {
        let Step::Run(run) = step else { continue };
        let at = node.get("run").or_else(|| node.at(&["steps", &index.to_string(), "run"]));
        shell(subject, &run.0, at, problems);
    }
}

/// Shell text: that it does something, and finds the files it names.
fn shell(subject: &Subject<'_>, text: &str, node: Option<&Node>, problems: &mut Vec<Problem>) {
    let files = &subject.drawing.variant.files;
    if text.trim().is_empty() {
        problems.push(Problem::at(subject.place(node), "bad-value", "there is nothing to run"));
    }
    for word in words(text) {
        if let Some(path) = solution_path(word).filter(|path| !path.is_empty() && !path.contains(['*', '$'])) {
            if !files.contains_key(path) {
                let message = format!("there is no file `solution/{path}`");
                let problem = Problem::at(subject.place_of(word, node), "missing-file", message);
                let near =
                    nearest(path, files.keys().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
                problems.push(Problem { help: near, ..problem });
            }
        } else if word.strip_prefix("./").unwrap_or(word).starts_with("solution/") {
            let message = format!("`{word}` is not there when this runs: the working directory is the learner's");
            let problem = Problem::at(subject.place_of(word, node), "missing-file", message);
            problems.push(problem.help("write \"$SOLUTION/…\""));
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter.is_whitespace() || "'\"=<>|;&()`".contains(letter))
}

/// The path of a file under `$SOLUTION`; empty for the folder itself.
fn solution_path(word: &str) -> Option<&str> {
    let path = word.strip_prefix("$SOLUTION").or_else(|| word.strip_prefix("${SOLUTION}"))?;
    if path.is_empty() { Some(path) } else { path.strip_prefix('/') }
}

fn loses(subject: &Subject<'_>, names: &[String], node: &Node, problems: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let place = subject.place(node.at(&["loses", &index.to_string()]));
        if !seen.insert(name) {
            problems.push(Problem::at(place.clone(), "duplicate-name", format!("`{name}` stands here twice")));
        }
        subject.known_check(name, place, problems);
    }
    if names.is_empty() {
        let place = subject.place(Some(node));
        problems.push(Problem::at(
            place,
            "bad-value",
            "a wrong answer that loses nothing is a solution: `loses` is empty",
        ));
    }
}

/// Looks for files of the scenario that no step uses.
pub fn lint_files(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    let variant = &subject.drawing.variant;
    let answers = variant.solutions.iter().map(|it| &it.steps).chain(variant.wrong.iter().map(|it| &it.steps));
    let mut applied = BTreeSet::new();
    let mut run = BTreeSet::new();
    for step in answers.flatten().chain(&variant.setup) {
        match step {
            Step::Apply(apply) => applied.extend(apply.text.path().map(|path| path.strip_prefix("./").unwrap_or(path))),
            Step::Run(text) => run.extend(words(&text.0).filter_map(solution_path)),
            _ => {}
        }
    }
    // Text that names the folder, or files by a pattern, may use any of them.
    let any = run.iter().any(|path| path.is_empty() || path.ends_with('/') || path.contains(['*', '$']));
    for (path, file) in subject.scenario.folder.files().filter(|(path, _)| is_drawn(path) && *path != TASK_FILE) {
        let is_run = path.strip_prefix("solution/").is_some_and(|inside| any || run.contains(inside));
        if !is_run && !applied.contains(path) {
            problems.push(Problem::in_file(&file.path, "unused-file", "no step uses this file").warning());
        }
    }
}
