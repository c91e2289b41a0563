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
    let mut found = Vec::new();
    let first = scenario.draw(Seed(1), &mut found);
    // A name that nobody declared is told by both, and not always at the same letter of its line.
    let lines: BTreeSet<_> = problems.iter().map(code_and_line).collect();
    found.retain(|problem| !lines.contains(&code_and_line(problem)));
    problems.extend(found);
    if let Some(drawing) = first {
        let subject = Subject { scenario, drawing: &drawing };
        let told: BTreeSet<String> = problems.iter().map(Problem::position).collect();
        let mut found = Vec::new();
        RULES.iter().for_each(|rule| rule(&subject, &mut found));
        // Where something could not be read, what stands in its place is not the author's.
        problems.extend(found.into_iter().filter(|problem| !told.contains(&problem.position())));
        if !any_error(&problems) {
            LAST.iter().for_each(|rule| rule(&subject, &mut problems));
        }
    }
    for seed in 2..=SEEDS {
        if !any_error(&problems) {
            scenario.draw(Seed(seed), &mut problems);
        }
    }
    sort(&mut problems);
    problems
}

fn code_and_line(problem: &Problem) -> (&'static str, String, Option<usize>) {
    (problem.code, problem.file.clone(), problem.place.as_ref().map(Place::line))
}

fn any_error(problems: &[Problem]) -> bool {
    problems.iter().any(|problem| problem.severity == Severity::Error)
}
