//! The words of a session: what a learner asks for, what happened, what is to be done about it, and why not.
//! What they mean stands in `decide` and `session`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use crate::grading::report::Report;

/// What somebody asks of a session. Tasks are counted from 0.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Go on after the program was away, killed or not. The first command to a session read from its journal.
    Resume,
    /// Leave for now; only in practice, where no clock runs.
    Pause,
    /// Show a task and lay its lab; whatever was open is left.
    Open(usize),
    /// Leave the open task for the list.
    Leave,
    Flag {
        task: usize,
        on: bool,
    },
    Note {
        task: usize,
        text: String,
    },
    /// Show the next hint.
    Hint(usize),
    /// Show the solution.
    Solve(usize),
    /// Lay the lab anew.
    Reset(usize),
    /// Grade one task, in practice.
    Grade(usize),
    /// Grading one task has said this. Comes from whoever ran [`Effect::Grade`].
    Report {
        task: usize,
        report: Report,
    },
    /// Hand in; everything is graded.
    Submit,
    /// End without grading.
    Stop,
    /// Look at the clock. To be sent every second or so, and on any clock the caller keeps.
    Tick,
    /// Write down that the program is there, so that time away is not counted as practice. To be sent every minute or so.
    Beat,
}

/// What happened. The journal is a list of these, and a session follows from it alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase")]
pub enum Event {
    Started {
        plan: Plan,
    },
    Resumed,
    Paused,
    TaskOpened {
        task: usize,
    },
    TaskLeft {
        task: usize,
    },
    Flagged {
        task: usize,
        on: bool,
    },
    NoteWritten {
        task: usize,
        text: String,
    },
    /// `number` counts from 1.
    HintTaken {
        task: usize,
        number: u32,
    },
    SolutionShown {
        task: usize,
    },
    TaskReset {
        task: usize,
    },
    GradingAsked {
        task: usize,
    },
    Graded {
        task: usize,
        report: Report,
    },
    Submitted,
    TimeUp,
    Stopped,
    Alive,
}

impl Event {
    /// The task it is about.
    pub fn task(&self) -> Option<usize> {
        match self {
            Self::TaskOpened { task }
            | Self::TaskLeft { task }
            | Self::Flagged { task, .. }
            | Self::NoteWritten { task, .. }
            | Self::HintTaken { task, .. }
            | Self::SolutionShown { task }
            | Self::TaskReset { task }
            | Self::GradingAsked { task }
            | Self::Graded { task, .. } => Some(*task),
            Self::Started { .. } | Self::Resumed | Self::Paused => None,
            Self::Submitted | Self::TimeUp | Self::Stopped | Self::Alive => None,
        }
    }
}

/// An event and when it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub at: Timestamp,
    pub event: Event,
}

/// What is to be done because of an event. The session says it and never does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Have the task's lab ready, laying it if it is not, and show it.
    OpenLab { task: usize },
    /// Lay the task's lab anew.
    ResetLab { task: usize },
    /// Grade these and answer each with [`Command::Report`].
    Grade { tasks: Vec<usize> },
    /// The session has its end: write the history, clean the labs up.
    Finish,
}

/// Why a command is not obeyed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no task {}: this session has {of}", task + 1)]
    NoSuchTask { task: usize, of: usize },
    #[error("the session is over")]
    Over,
    #[error("the session is paused; resume it first")]
    Paused,
    #[error("an exam cannot be paused: its clock runs on. Leave it, and it goes on from here while there is time left")]
    ExamRunsOn,
    #[error("there are no hints in an exam")]
    NoHintsInExam,
    #[error("there are no solutions in an exam; they are shown when it is over")]
    NoSolutionsInExam,
    #[error("an exam is graded when it is over; hand it in first")]
    GradedAtTheEnd,
    #[error("{}", if *of == 0 { "this task has no hints".to_owned() } else { format!("all {of} hints were taken") })]
    NoMoreHints { task: usize, of: u32 },
    #[error("task {} was not asked to be graded", task + 1)]
    NotAsked { task: usize },
}
