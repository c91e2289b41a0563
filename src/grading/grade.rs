//! Grades a task: all checks at once over one view, those that may take time until they hold or their time is up.
//! What each kind of check looks at stands in `checks/`; points are the report's.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::checks;
use super::report::{Outcome, Report, Verdict, tally};
use super::view::View;
use crate::base::clock::Clock;
use crate::cluster::Objects;
use crate::scenario::check::Check;
use crate::scenario::variant::Variant;

/// Where grading looks.
#[derive(Clone)]
pub struct Grader {
    pub objects: Arc<Objects>,
    /// The clock the cluster's objects live by: `within` is counted on it.
    pub clock: Clock,
    /// The task's working directory.
    pub answers: PathBuf,
}

/// Grades a task. `settled` is told of each check as its verdict is in, by its place in the scenario.
pub async fn grade(grader: &Grader, variant: &Variant, mut settled: impl FnMut(usize, &Outcome)) -> Report {
    let view = View::new(grader.objects.clone(), grader.answers.clone());
    let mut looking: FuturesUnordered<_> =
        variant.checks.iter().enumerate().map(|(index, check)| look(grader, &view, index, check)).collect();
    let mut outcomes: Vec<(usize, Outcome)> = Vec::new();
    while let Some((index, verdict)) = looking.next().await {
        let check = &variant.checks[index];
        let outcome = Outcome {
            name: check.name.clone(),
            points: check.points,
            guard: check.guard,
            after: check.after.clone(),
            verdict,
        };
        settled(index, &outcome);
        outcomes.push((index, outcome));
    }
    outcomes.sort_by_key(|(index, _)| *index);
    tally(variant.id(), variant.seed, outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

async fn look(grader: &Grader, view: &View, index: usize, check: &Check) -> (usize, Verdict) {
    let first = checks::look(&check.kind, view).await;
    match (check.within, &first) {
        (Some(within), Verdict::Fail { .. }) => (index, wait(grader, view, check, within).await.unwrap_or(first)),
        _ => (index, first),
    }
}

/// Looks again whenever what was looked at changes, until the check holds or its time is up.
async fn wait(grader: &Grader, view: &View, check: &Check, within: Duration) -> Option<Verdict> {
    let end = grader.clock.now() + jiff::SignedDuration::try_from(within).ok()?;
    let mut view = view.fresh();
    loop {
        let verdict = checks::look(&check.kind, &view).await;
        if !matches!(verdict, Verdict::Fail { .. }) || grader.clock.now() >= end {
            return Some(verdict);
        }
        tokio::select! {
            () = view.changed() => {}
            () = grader.clock.sleep_until(end) => {}
        }
        view = view.fresh();
    }
}
