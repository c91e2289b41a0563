//! What the desk was asked and has not answered yet, by ticket. An answer without a ticket here comes too late and is dropped.
//! What an answer means stands in `news`.

use jiff::{SignedDuration, Timestamp};

use super::desk::Progress;

/// Waits shorter than this show nothing, so that nothing flickers.
const SHOWN_AFTER: SignedDuration = SignedDuration::from_millis(150);

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    Catalogue,
    History,
    Open,
    Exam,
    Grade,
    Hint,
    Solution,
    Reset,
    Submit,
    /// Hears what commands do, again and again.
    Attend,
    /// Nothing comes back.
    Quiet,
}

impl Errand {
    /// What is being waited for, when the whole screen waits for it.
    pub fn shown(self) -> Option<&'static str> {
        match self {
            Self::Open => Some("Preparing the task"),
            Self::Exam => Some("Preparing the exam"),
            Self::Reset => Some("Setting the task up anew"),
            Self::Submit => Some("Grading the exam"),
            _ => None,
        }
    }
}

/// Something asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    pub ticket: u64,
    pub errand: Errand,
    pub since: Timestamp,
    pub progress: Option<Progress>,
}

/// All that was asked for and is not answered.
#[derive(Clone, Debug, Default)]
pub struct Errands {
    waits: Vec<Wait>,
    next: u64,
}

impl Errands {
    /// Takes a ticket.
    pub fn begin(&mut self, errand: Errand, now: Timestamp) -> u64 {
        self.next += 1;
        self.waits.push(Wait { ticket: self.next, errand, since: now, progress: None });
        self.next
    }

    pub fn of(&mut self, ticket: u64) -> Option<&mut Wait> {
        self.waits.iter_mut().find(|wait| wait.ticket == ticket)
    }

    /// Gives the ticket back: answered, or no longer wanted.
    pub fn end(&mut self, ticket: u64) -> Option<Errand> {
        let place = self.waits.iter().position(|wait| wait.ticket == ticket)?;
        Some(self.waits.remove(place).errand)
    }

    /// Wants none of these any more.
    pub fn forget(&mut self, errand: Errand) {
        self.waits.retain(|wait| wait.errand != errand);
    }

    pub fn waits_for(&self, errand: Errand) -> bool {
        self.waits.iter().any(|wait| wait.errand == errand)
    }

    /// What the whole screen waits for.
    pub fn modal(&self) -> Option<&Wait> {
        self.waits.iter().find(|wait| wait.errand.shown().is_some())
    }

    /// The same, once it has lasted long enough to be shown.
    pub fn shown(&self, now: Timestamp) -> Option<&Wait> {
        self.modal().filter(|wait| now.duration_since(wait.since) >= SHOWN_AFTER)
    }

    /// Whether something on the screen turns because of one of these.
    pub fn turning(&self) -> bool {
        self.waits.iter().any(|wait| !matches!(wait.errand, Errand::Quiet | Errand::Attend))
    }
}
