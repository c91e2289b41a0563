//! One scenario under all rules, in the order that tells each fault once.
//! The rules stand beside this file.

use std::collections::BTreeSet;

use super::{LAST, RULES, SEEDS, Subject, params};
use crate::base::seed::Seed;
use crate::scenario::load::Scenario;
use crate::scenario::problem::{Problem, Severity, sort};
use crate::scenario::source::Place;

/// All that is wrong with one scenario, without what only its pack can tell.
pub fn lint_scenario(scenario: &Scenario) -> Vec<Problem> {
    let mut problems = Vec::new();
    params::lint(scenario, &mut problems);
    if !params::are_readable(scenario) {
        return problems;
    }
    for seed in 1..=SEEDS {
        let mut found = lint_variant(scenario, Seed(seed), &problems);
        if seed > 1 {
            let told: BTreeSet<_> = problems.iter().map(code_and_line).collect();
            found.retain(|problem| !told.contains(&code_and_line(problem)));
            found.iter_mut().for_each(|problem| tell_seed(problem, seed));
        }
        problems.extend(found);
        if any_error(&problems) {
            break;
        }
    }
    sort(&mut problems);
    problems
}

/// What is wrong with one variant and was not told before.
fn lint_variant(scenario: &Scenario, seed: Seed, before: &[Problem]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let drawing = scenario.draw(seed, &mut problems);
    // A name that nobody declared is told with the parameters too, and not always at the same letter of its line.
    let lines: BTreeSet<_> = before.iter().map(code_and_line).collect();
    problems.retain(|problem| !lines.contains(&code_and_line(problem)));
    let Some(drawing) = drawing else { return problems };
    let subject = Subject { scenario, drawing: &drawing };
    let told: BTreeSet<String> = problems.iter().map(Problem::position).collect();
    let mut found = Vec::new();
    RULES.iter().for_each(|rule| rule(&subject, &mut found));
    // Where something could not be read, what stands in its place is not the author's.
    problems.extend(found.into_iter().filter(|problem| !told.contains(&problem.position())));
    if !any_error(&problems) && !any_error(before) {
        LAST.iter().for_each(|rule| rule(&subject, &mut problems));
    }
    problems
}

/// Says which seed a problem comes with, where the first seed was without.
fn tell_seed(problem: &mut Problem, seed: u64) {
    let before = problem.help.take().map(|help| format!("{help}; ")).unwrap_or_default();
    problem.help = Some(format!("{before}not every variant has this: look at seed {seed}"));
}

fn code_and_line(problem: &Problem) -> (&'static str, String, Option<usize>) {
    (problem.code, problem.file.clone(), problem.place.as_ref().map(Place::line))
}

fn any_error(problems: &[Problem]) -> bool {
    problems.iter().any(|problem| problem.severity == Severity::Error)
}
