//! What a session is about: its kind, and its tasks in order. Fixed when it starts.
//! How tasks are chosen stands in `draw`; what becomes of them in `session`.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::blueprint::{Blueprint, Candidate};
use crate::base::seed::Seed;

/// A session as it was planned. Everything needed to go on with it after the program is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    #[serde(flatten)]
    pub kind: Kind,
    /// What the tasks were drawn with.
    pub seed: Seed,
    /// The pack the scenarios are from.
    pub pack: String,
    /// Where labs are laid, in the words of `--cluster`: `embedded`, `kind`, `context:NAME`.
    pub cluster: String,
    pub tasks: Vec<Task>,
}

/// A timed exam or a practice without a clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Kind {
    /// The clock runs, hints and solutions are off, everything is graded at the end.
    Exam {
        /// The blueprint's name.
        exam: String,
        minutes: u32,
        /// Per cent needed to pass.
        pass: u32,
    },
    /// No clock; hints, solutions and grading at any time.
    Practice,
}

impl Kind {
    /// The exam a blueprint makes.
    pub fn exam(blueprint: &Blueprint) -> Self {
        Self::Exam { exam: blueprint.name.clone(), minutes: blueprint.minutes, pass: blueprint.pass }
    }

    pub fn is_exam(&self) -> bool {
        matches!(self, Self::Exam { .. })
    }

    /// How long the session may take; `None` when there is no clock.
    pub fn allowed(&self) -> Option<SignedDuration> {
        match self {
            Self::Exam { minutes, .. } => Some(SignedDuration::from_mins(i64::from(*minutes))),
            Self::Practice => None,
        }
    }
}

/// A scenario with its seed, as one of a session's tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The scenario's id.
    pub scenario: String,
    pub seed: Seed,
    pub title: String,
    pub domain: String,
    pub topics: Vec<String>,
    /// How long a learner should need.
    pub minutes: u32,
    /// Points its checks sum up to.
    pub points: u32,
    /// What it is worth in this session: per cent of an exam, its points in practice.
    pub worth: u32,
    /// How many hints there are to take.
    pub hints: u32,
}

impl Task {
    /// The task a candidate becomes with a seed, worth its points.
    pub fn of(candidate: &Candidate, seed: Seed) -> Self {
        let Candidate { id, title, domain, topics, minutes, points, hints, requires: _ } = candidate.clone();
        Self { scenario: id, seed, title, domain, topics, minutes, points, worth: points, hints }
    }

    /// How long a learner should need.
    pub fn expected(&self) -> SignedDuration {
        SignedDuration::from_mins(i64::from(self.minutes))
    }
}
