//! Lint: everything that is wrong with a pack or a scenario, at once, with places. One subject, one file, one row below.
//! Problems that keep a file from being read at all come from those who read it; here they are only gathered.

mod answers;
mod checks;
mod manifests;
mod names;
mod pack;
mod params;
mod scenario;
mod texts;

use super::folder::Folder;
use super::load::Scenario;
use super::pack::Pack;
use super::problem::{Problem, sort};
use super::variant::Drawing;
pub use scenario::lint_scenario;

/// How many variants are drawn of each scenario.
pub const SEEDS: u64 = 5;

/// A scenario with its first variant.
pub struct Subject<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// Its variant for the first seed, as far as it could be drawn.
    pub drawing: &'a Drawing,
}

type Rule = fn(&Subject<'_>, &mut Vec<Problem>);

const RULES: &[Rule] = &[answers::lint, checks::lint, manifests::lint, texts::lint];

/// Rules that say something only where nothing is an error: they would take what could not be read for missing.
const LAST: &[Rule] = &[names::lint, answers::lint_files];

/// All that is wrong with a pack and its scenarios, sorted by file and place.
pub fn lint(folder: Folder) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(pack) = Pack::read(folder, &mut problems) {
        pack::lint(&pack, &mut problems);
        for scenario in &pack.scenarios {
            problems.extend(lint_scenario(scenario));
        }
    }
    sort(&mut problems);
    problems
}
