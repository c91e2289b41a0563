//! One attempt at a scenario, as the history keeps it, and the attempts a finished session leaves.
//! What follows from many attempts stands in `standing` and `next`.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::memory::Grade;
use crate::base::seed::Seed;
use crate::exam::plan::Kind;
use crate::exam::session::{Session, Stage, TaskState};

/// One attempt. It says all that history needs, so that packs may change or go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    pub pack: String,
    /// The scenario's id.
    pub scenario: String,
    pub seed: Seed,
    pub domain: String,
    #[serde(default)]
    pub topics: Vec<String>,
    pub started: Timestamp,
    pub ended: Timestamp,
    /// Seconds spent on it.
    pub spent: i64,
    /// Seconds a learner should need.
    pub expected: i64,
    pub earned: u32,
    pub out_of: u32,
    /// How many hints were taken.
    #[serde(default)]
    pub hints: u32,
    /// Whether the solution was shown before the end.
    #[serde(default)]
    pub solution_shown: bool,
    /// The exam it was part of; `None` in practice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exam: Option<String>,
}

/// Below this share of the points, a scenario counts as forgotten.
const REMEMBERED: f64 = 0.5;

impl Attempt {
    /// The share of points earned, 0 to 1.
    pub fn share(&self) -> f64 {
        if self.out_of == 0 { 0.0 } else { f64::from(self.earned) / f64::from(self.out_of) }
    }

    /// How well it was remembered: full marks alone are good, in half the time easy, with help hard; less than half is forgotten.
    pub fn grade(&self) -> Grade {
        let full = self.earned >= self.out_of;
        if self.solution_shown || self.share() < REMEMBERED {
            Grade::Again
        } else if !full || self.hints > 0 {
            Grade::Hard
        } else if self.spent * 2 <= self.expected {
            Grade::Easy
        } else {
            Grade::Good
        }
    }
}

/// The attempts a session leaves: of each task that was opened and could be graded, its best grading in practice, its last in an exam.
pub fn attempts(session: &Session, now: Timestamp) -> Vec<Attempt> {
    (0..)
        .zip(session.tasks())
        .filter_map(|(task, state)| attempt(session, state, session.spent(task, now), now))
        .collect()
}

fn attempt(session: &Session, state: &TaskState, spent: SignedDuration, now: Timestamp) -> Option<Attempt> {
    let plan = session.plan();
    let (report, exam) = match &plan.kind {
        Kind::Exam { exam, .. } => (state.report.as_ref(), Some(exam.clone())),
        Kind::Practice => (state.best.as_ref(), None),
    };
    let report = report.filter(|report| state.opened && report.ungraded.is_none())?;
    let ended = match session.stage() {
        Stage::Over(_, end) => end,
        Stage::Running | Stage::Paused => now,
    };
    Some(Attempt {
        pack: plan.pack.clone(),
        scenario: state.task.scenario.clone(),
        seed: state.task.seed,
        domain: state.task.domain.clone(),
        topics: state.task.topics.clone(),
        started: session.started(),
        ended,
        spent: spent.as_secs(),
        expected: state.task.expected().as_secs(),
        earned: report.earned,
        out_of: report.out_of,
        hints: state.hints,
        solution_shown: state.solution_shown,
        exam,
    })
}
