//! Grades a task: all checks at once over one view, those that may take time until they hold or their time is up.
//! What each kind of check looks at stands in `checks/`; points are the report's.

use std::collections::HashMap;
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

/// How long a cluster that answered before may say nothing while a check is waited for, and how soon it is asked again.
const SILENCE: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(200);

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

/// How those ended that a check comes after.
#[derive(Clone, Copy, Default)]
struct Before {
    /// One of them had to wait: what was looked at until then is of another time.
    waited: bool,
    /// One of them does not hold: there is nothing to wait for.
    failed: bool,
}

/// How those ended that `check` comes after; `None` while one of them is still looked at.
fn before(check: &Check, known: &[Check], ended: &HashMap<&str, Before>) -> Option<Before> {
    let mut before = Before::default();
    // Names that nobody has are lint's.
    for name in check.after.iter().filter(|name| known.iter().any(|other| other.name == **name)) {
        let one = ended.get(name.as_str())?;
        before = Before { waited: before.waited || one.waited, failed: before.failed || one.failed };
    }
    Some(before)
}

/// Grades a task: each check when those have ended that it comes after, the others at once. `settled` is told of each as its verdict is
/// in, by its place in the scenario.
pub async fn grade(grader: &Grader, variant: &Variant, mut settled: impl FnMut(usize, &Outcome)) -> Report {
    let view = View::new(grader.objects.clone(), grader.clock, grader.answers.clone());
    let mut due: Vec<usize> = (0..variant.checks.len()).collect();
    let mut ended: HashMap<&str, Before> = HashMap::new();
    let mut looking = FuturesUnordered::new();
    let mut outcomes: Vec<(usize, Outcome)> = Vec::new();
    loop {
        due.retain(|index| {
            let check = &variant.checks[*index];
            let ready = before(check, &variant.checks, &ended);
            ready.into_iter().for_each(|before| looking.push(look(grader, &view, (*index, check), before)));
            ready.is_none()
        });
        if looking.is_empty() {
            // What is left waits for each other.
            let left = std::mem::take(&mut due).into_iter();
            looking.extend(left.map(|at| look(grader, &view, (at, &variant.checks[at]), Before::default())));
        }
        let Some((index, verdict, waited)) = looking.next().await else { break };
        let check = &variant.checks[index];
        ended.insert(&check.name, Before { waited, failed: !matches!(verdict, Verdict::Pass) });
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

/// The verdict on a check, and whether it, or one before it, had to wait.
async fn look(grader: &Grader, view: &View, (index, check): (usize, &Check), before: Before) -> (usize, Verdict, bool) {
    let anew = before.waited.then(|| view.fresh());
    let view = anew.as_ref().unwrap_or(view);
    let first = checks::look(&check.kind, view).await;
    match (check.within, &first) {
        (Some(within), Verdict::Fail { .. }) if !before.failed => {
            (index, wait(grader, view, check, within).await.unwrap_or(first), true)
        }
        _ => (index, first, before.waited),
    }
}

/// Looks again whenever what was looked at changes, until the check holds, its time is up, or nobody has answered for a while.
async fn wait(grader: &Grader, view: &View, check: &Check, within: Duration) -> Option<Verdict> {
    let wall = Clock::system();
    let limit = grader.patience.limit(check, within);
    let end = grader.clock.now() + jiff::SignedDuration::try_from(limit).ok()?;
    let patient = wall.now() + jiff::SignedDuration::try_from(grader.patience.with(check)).ok()?;
    let mut view = view.fresh();
    // Since when nobody answers. Not since the last answer: where nothing changes nobody asks.
    let mut silent = None;
    loop {
        let verdict = checks::look(&check.kind, &view).await;
        let broken = matches!(verdict, Verdict::Broken { .. });
        silent = broken.then(|| silent.unwrap_or_else(|| wall.now()));
        let over = match verdict {
            Verdict::Pass => true,
            Verdict::Fail { .. } => grader.clock.now() >= end && wall.now() >= patient,
            Verdict::Broken { .. } => silent.is_some_and(|since| wall.now().duration_since(since) >= SILENCE),
        };
        if over {
            return Some(verdict);
        }
        tokio::select! {
            () = wall.sleep(AGAIN), if broken => {}
            () = view.changed(), if !broken => {}
            () = async { tokio::join!(grader.clock.sleep_until(end), wall.sleep_until(patient)); }, if !broken => {}
        }
        view = view.fresh();
    }
}
