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
    pub patience: Patience,
}

/// How long a check that is expected to hold is waited for, whatever its `within` comes to on a fast clock: a busy machine must
/// not make a right answer wrong. Nobody, where it is the default.
#[derive(Clone, Debug, Default)]
pub struct Patience {
    /// Of the wall's time.
    pub at_least: Duration,
    /// The checks that are expected to fail.
    pub except: Vec<String>,
    /// How long those are waited for at most, where they take their time by the wall's clock.
    pub at_most: Option<Duration>,
}

impl Patience {
    fn with(&self, check: &Check) -> Duration {
        if self.except.contains(&check.name) { Duration::ZERO } else { self.at_least }
    }

    /// The check's own `within`, or less where it is expected to fail.
    fn limit(&self, check: &Check, within: Duration) -> Duration {
        let most = self.at_most.filter(|_| self.except.contains(&check.name));
        most.map_or(within, |most| most.min(within))
    }
}

/// Grades a task. `settled` is told of each check as its verdict is in, by its place in the scenario.
pub async fn grade(grader: &Grader, variant: &Variant, mut settled: impl FnMut(usize, &Outcome)) -> Report {
    let view = View::new(grader.objects.clone(), grader.clock, grader.answers.clone());
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
    let wall = Clock::system();
    let limit = grader.patience.limit(check, within);
    let end = grader.clock.now() + jiff::SignedDuration::try_from(limit).ok()?;
    let patient = wall.now() + jiff::SignedDuration::try_from(grader.patience.with(check)).ok()?;
    let mut view = view.fresh();
    loop {
        let verdict = checks::look(&check.kind, &view).await;
        if !matches!(verdict, Verdict::Fail { .. }) || (grader.clock.now() >= end && wall.now() >= patient) {
            return Some(verdict);
        }
        tokio::select! {
            () = view.changed() => {}
            () = async { tokio::join!(grader.clock.sleep_until(end), wall.sleep_until(patient)); } => {}
        }
        view = view.fresh();
    }
}
