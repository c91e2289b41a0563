//! The session itself: its state, what each event makes of it, and how much time is left and was spent.
//! Which events a command leads to stands in `decide`; what was earned in `results`.

use jiff::{SignedDuration, Timestamp};

use super::event::{Effect, Entry, Event};
use super::plan::{Plan, Task};
use crate::grading::report::Report;

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Submitted,
    TimeUp,
    Stopped,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Running,
    Paused,
    /// Over since then. Grading may still be going on: see [`Session::finished`].
    Over(End, Timestamp),
}

/// What became of one task so far.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskState {
    pub task: Task,
    /// Whether it was ever opened, so that there may be a lab.
    pub opened: bool,
    pub flagged: bool,
    pub note: String,
    /// How many hints were taken.
    pub hints: u32,
    pub solution_shown: bool,
    /// What the latest grading said, of the lab as it is now.
    pub report: Option<Report>,
    /// The best of all gradings, those before a reset included.
    pub best: Option<Report>,
    /// Whether a grading was asked for and has not answered yet.
    pub grading: bool,
    /// Time spent on it, without the visit that is going on.
    spent: SignedDuration,
}

/// An exam or a practice under way, as its events made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    plan: Plan,
    started: Timestamp,
    stage: Stage,
    tasks: Vec<TaskState>,
    /// The open task and since when.
    open: Option<(usize, Timestamp)>,
    /// The latest event: after it, only an exam's clock is known to have run.
    last: Timestamp,
}

/// Why a list of events makes no session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    #[error("nothing was written down")]
    Empty,
    #[error("entry {number} should {} the start of the session", if *.number == 1 { "be" } else { "not be" })]
    Start { number: usize },
    #[error("entry {number} is about task {}, and there are {of}", task + 1)]
    NoSuchTask { number: usize, task: usize, of: usize },
}

impl Session {
    /// A session that begins at `at`. Its first entry, to be written down first, is [`Event::Started`] with the same plan and time.
    pub fn start(plan: Plan, at: Timestamp) -> Self {
        let tasks = plan.tasks.iter().cloned().map(TaskState::new).collect();
        Self { plan, started: at, stage: Stage::Running, tasks, open: None, last: at }
    }

    /// The session that a journal's entries make. Effects are not repeated; [`super::event::Command::Resume`] asks for those still due.
    pub fn replay(entries: &[Entry]) -> Result<Self, ReplayError> {
        let (first, rest) = entries.split_first().ok_or(ReplayError::Empty)?;
        let Event::Started { plan } = &first.event else { return Err(ReplayError::Start { number: 1 }) };
        let mut session = Self::start(plan.clone(), first.at);
        for (number, entry) in (2..).zip(rest) {
            if matches!(entry.event, Event::Started { .. }) {
                return Err(ReplayError::Start { number });
            }
            let of = session.tasks.len();
            if let Some(task) = entry.event.task().filter(|task| *task >= of) {
                return Err(ReplayError::NoSuchTask { number, task, of });
            }
            session.apply(entry);
        }
        Ok(session)
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    pub fn started(&self) -> Timestamp {
        self.started
    }

    pub fn stage(&self) -> Stage {
        self.stage
    }

    pub fn tasks(&self) -> &[TaskState] {
        &self.tasks
    }

    /// The task on the screen.
    pub fn open_task(&self) -> Option<usize> {
        self.open.map(|(task, _)| task)
    }

    /// Whether nothing more will happen: over, and all that was to be graded is.
    pub fn finished(&self) -> bool {
        match self.stage {
            Stage::Over(End::Stopped, _) => true,
            Stage::Over(..) => self.awaited().is_empty(),
            Stage::Running | Stage::Paused => false,
        }
    }

    /// When time is up; `None` without a clock.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.plan.kind.allowed().map(|allowed| self.started.saturating_add(allowed).unwrap_or(Timestamp::MAX))
    }

    /// The time left on the clock, from 0 to what the exam allows, even where the wall's clock was set back. `None` without a clock.
    pub fn time_left(&self, now: Timestamp) -> Option<SignedDuration> {
        let allowed = self.plan.kind.allowed()?;
        Some(self.deadline()?.duration_since(self.until(now)).clamp(SignedDuration::ZERO, allowed))
    }

    /// The time since the start, that of pauses included; it stands still when the session is over.
    pub fn elapsed(&self, now: Timestamp) -> SignedDuration {
        self.until(now).duration_since(self.started).max(SignedDuration::ZERO)
    }

    /// The time spent on a task, the visit going on included.
    pub fn spent(&self, task: usize, now: Timestamp) -> SignedDuration {
        let visit = match self.open {
            Some((open, since)) if open == task => self.visit(since, now),
            _ => SignedDuration::ZERO,
        };
        self.tasks.get(task).map_or(SignedDuration::ZERO, |state| state.spent) + visit
    }

    /// Makes an event part of the session, and says what is to be done about it.
    ///
    /// An event about a task that is not there, or a second start, changes nothing; [`Session::replay`] reports them.
    pub fn apply(&mut self, entry: &Entry) -> Vec<Effect> {
        let Entry { at, event } = entry;
        let effects = match event.task() {
            Some(task) if task < self.tasks.len() => self.apply_to_task(task, *at, event),
            Some(_) => Vec::new(),
            None => self.apply_to_all(*at, event),
        };
        self.last = self.last.max(*at);
        effects
    }

    fn apply_to_task(&mut self, task: usize, at: Timestamp, event: &Event) -> Vec<Effect> {
        if let Event::TaskOpened { .. } = event {
            self.close_visit(at);
            self.open = Some((task, at));
            self.tasks[task].opened = true;
            return vec![Effect::OpenLab { task }];
        }
        if let (Event::TaskLeft { .. }, true) = (event, self.open_task() == Some(task)) {
            self.close_visit(at);
        }
        let effects = self.tasks[task].apply(task, event);
        let graded = matches!(event, Event::Graded { .. });
        if graded && self.finished() { vec![Effect::Finish] } else { effects }
    }

    fn apply_to_all(&mut self, at: Timestamp, event: &Event) -> Vec<Effect> {
        match event {
            Event::Resumed => self.resume(at),
            Event::Paused => {
                if let Some((task, _)) = self.open {
                    self.close_visit(at);
                    self.open = Some((task, at));
                }
                self.stage = Stage::Paused;
                Vec::new()
            }
            Event::Submitted => self.end(End::Submitted, at),
            Event::TimeUp => self.end(End::TimeUp, at),
            Event::Stopped => self.end(End::Stopped, at),
            _ => Vec::new(),
        }
    }

    /// Goes on: in practice the time away counts for nothing, in an exam the clock has run. Says again what is still due.
    fn resume(&mut self, at: Timestamp) -> Vec<Effect> {
        let time_is_up = self.time_is_up(at);
        if let Stage::Over(..) = self.stage {
            return self.due_at_end();
        }
        if !self.plan.kind.is_exam() {
            let open = self.open_task();
            self.close_visit(self.last);
            self.open = open.map(|task| (task, at));
        }
        self.stage = Stage::Running;
        for state in &mut self.tasks {
            state.grading = false;
        }
        match self.open {
            Some((task, _)) if !time_is_up => vec![Effect::OpenLab { task }],
            _ => Vec::new(),
        }
    }

    fn end(&mut self, end: End, at: Timestamp) -> Vec<Effect> {
        if let Stage::Over(..) = self.stage {
            return Vec::new();
        }
        let at = self.deadline().map_or(at, |deadline| at.min(deadline));
        self.close_visit(at);
        self.stage = Stage::Over(end, at);
        if end != End::Stopped {
            // What was graded in practice before the end says nothing about the end.
            self.tasks.iter_mut().for_each(|state| state.report = None);
        }
        self.due_at_end()
    }

    fn due_at_end(&self) -> Vec<Effect> {
        if self.finished() { vec![Effect::Finish] } else { vec![Effect::Grade { tasks: self.awaited() }] }
    }

    /// The tasks the end still waits for: of an exam all, of a practice those that were ever opened.
    fn awaited(&self) -> Vec<usize> {
        let counts = |state: &TaskState| state.opened || self.plan.kind.is_exam();
        let awaited = self.tasks.iter().enumerate().filter(|(_, state)| counts(state) && state.report.is_none());
        awaited.map(|(task, _)| task).collect()
    }

    /// When something was heard of it last.
    pub fn last(&self) -> Timestamp {
        self.last
    }

    /// Whether the clock has run out. Not whether the session knows: that is [`Event::TimeUp`].
    pub fn time_is_up(&self, now: Timestamp) -> bool {
        self.deadline().is_some_and(|deadline| now >= deadline)
    }

    fn close_visit(&mut self, at: Timestamp) {
        if let Some((task, since)) = self.open.take() {
            let visit = self.visit(since, at);
            self.tasks[task].spent += visit;
        }
    }

    /// How long a visit was: nothing before its begin, nothing after the deadline or the end, nothing while paused.
    fn visit(&self, since: Timestamp, at: Timestamp) -> SignedDuration {
        if self.stage == Stage::Paused {
            return SignedDuration::ZERO;
        }
        let at = self.deadline().map_or(at, |deadline| at.min(deadline));
        self.until(at).duration_since(since).max(SignedDuration::ZERO)
    }

    /// `now`, or the end when that was before.
    fn until(&self, now: Timestamp) -> Timestamp {
        match self.stage {
            Stage::Over(_, end) => now.min(end),
            Stage::Running | Stage::Paused => now,
        }
    }
}

impl TaskState {
    fn new(task: Task) -> Self {
        Self {
            task,
            opened: false,
            flagged: false,
            note: String::new(),
            hints: 0,
            solution_shown: false,
            report: None,
            best: None,
            grading: false,
            spent: SignedDuration::ZERO,
        }
    }

    fn apply(&mut self, task: usize, event: &Event) -> Vec<Effect> {
        match event {
            Event::Flagged { on, .. } => self.flagged = *on,
            Event::NoteWritten { text, .. } => self.note.clone_from(text),
            Event::HintTaken { number, .. } => self.hints = self.hints.max(*number),
            Event::SolutionShown { .. } => self.solution_shown = true,
            Event::TaskReset { .. } => {
                self.report = None;
                return vec![Effect::ResetLab { task }];
            }
            Event::GradingAsked { .. } => {
                self.grading = true;
                return vec![Effect::Grade { tasks: vec![task] }];
            }
            Event::Graded { report, .. } => {
                let better = |best: &Report| report.earned >= best.earned;
                if report.ungraded.is_none() && self.best.as_ref().is_none_or(better) {
                    self.best = Some(report.clone());
                }
                self.report = Some(report.clone());
                self.grading = false;
            }
            _ => {}
        }
        Vec::new()
    }
}
