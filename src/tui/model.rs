//! What the screens know. Changed by `update` alone, read by `view`.
//! The state of each screen stands with it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::desk::{Opening, Request};
use super::errand::{Errand, Errands};
use super::message::{Effect, ShellId};
use super::overlays::Overlay;
use super::screens::exam::Sitting;
use super::screens::grading::Grading;
use super::screens::history::Past;
use super::screens::home::Home;
use super::screens::results::Outcome;
use super::screens::task::Task;
use super::theme::Theme;

/// The smallest terminal that is drawn on, in columns and rows.
pub const SMALLEST: (u16, u16) = (60, 16);
/// Seconds a short note stays on the key bar.
const NOTE_SECONDS: i64 = 4;

/// Which screen is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Home,
    History,
    Task,
    Grading,
    Exam,
    Results,
}

/// A short note on the key bar, until then.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    pub text: String,
    pub until: Timestamp,
}

/// All that the screens know.
#[derive(Clone, Debug)]
pub struct Model {
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    pub now: Timestamp,
    /// Goes on with every tick, for what turns while one waits.
    pub turn: usize,
    pub theme: Theme,
    pub place: Place,
    pub home: Home,
    pub past: Past,
    /// The open tasks by number; one in practice, number 0.
    pub tasks: BTreeMap<usize, Task>,
    /// The task on the screen, also while its grading is shown.
    pub task: Option<usize>,
    pub exam: Option<Sitting>,
    pub grading: Option<Grading>,
    pub outcome: Option<Outcome>,
    /// Dialogs, the last on top.
    pub overlays: Vec<Overlay>,
    pub errands: Errands,
    pub note: Option<Note>,
    /// The shell that follows the mouse until its button is let go.
    pub dragging: Option<(ShellId, ratatui::layout::Rect)>,
    next_shell: ShellId,
}

impl Model {
    pub fn new(size: (u16, u16), now: Timestamp, theme: Theme) -> Self {
        Self {
            size,
            now,
            turn: 0,
            theme,
            place: Place::Home,
            home: Home::default(),
            past: Past::default(),
            tasks: BTreeMap::new(),
            task: None,
            exam: None,
            grading: None,
            outcome: None,
            overlays: Vec::new(),
            errands: Errands::default(),
            note: None,
            dragging: None,
            next_shell: 1,
        }
    }

    /// What is to be done first: ask what there is, and for what shall be shown first.
    pub fn begin(&mut self, opening: Opening) -> Vec<Effect> {
        let mut effects = self.ask(Errand::Attend, Request::Attend);
        effects.extend(self.ask(Errand::Catalogue, Request::Catalogue));
        effects.extend(match opening {
            Opening::Home => Vec::new(),
            Opening::Practise { scenario, seed } => self.ask(Errand::Open, Request::Practise { scenario, seed }),
            Opening::StartExam { exam } => self.ask(Errand::Exam, Request::StartExam { exam }),
            Opening::ResumeExam => self.ask(Errand::Exam, Request::ResumeExam),
        });
        effects
    }

    /// Asks the desk, and remembers what for.
    pub fn ask(&mut self, errand: Errand, request: Request) -> Vec<Effect> {
        let ticket = self.errands.begin(errand, self.now);
        vec![Effect::Ask { ticket, request }]
    }

    /// Asks the desk for something that has no answer.
    pub fn tell(&mut self, request: Request) -> Vec<Effect> {
        self.ask(Errand::Quiet, request)
    }

    /// The task on the screen.
    pub fn task(&self) -> Option<&Task> {
        self.tasks.get(&self.task?)
    }

    pub fn task_mut(&mut self) -> Option<&mut Task> {
        self.tasks.get_mut(&self.task?)
    }

    /// The shell that can be seen now.
    pub fn visible_shell(&self) -> Option<ShellId> {
        self.task().filter(|_| self.place == Place::Task).map(|task| task.shell)
    }

    /// A name for a new shell.
    pub fn new_shell(&mut self) -> ShellId {
        self.next_shell += 1;
        self.next_shell - 1
    }

    /// Says something short on the key bar.
    pub fn say(&mut self, text: impl Into<String>) {
        let until = self.now.saturating_add(jiff::SignedDuration::from_secs(NOTE_SECONDS)).unwrap_or(Timestamp::MAX);
        self.note = Some(Note { text: text.into(), until });
    }

    /// Whether the terminal is too small to be drawn on.
    pub fn too_small(&self) -> bool {
        self.size.0 < SMALLEST.0 || self.size.1 < SMALLEST.1
    }

    /// Seconds since then.
    pub fn since(&self, then: Timestamp) -> i64 {
        self.now.duration_since(then).as_secs().max(0)
    }

    /// Seconds until then, never below 0.
    pub fn until(&self, then: Timestamp) -> i64 {
        then.duration_since(self.now).as_secs().max(0)
    }

    /// How often the screen changes by itself.
    pub fn pace(&self) -> Pace {
        if self.errands.turning() {
            return Pace::Turning;
        }
        let clock = matches!(self.place, Place::Task | Place::Exam) || self.exam.is_some();
        if clock || self.note.is_some() { Pace::Clock } else { Pace::Still }
    }
}

/// How often the screen changes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Something turns: ten times a second.
    Turning,
    /// A clock is shown: once a second.
    Clock,
    /// Never.
    Still,
}
