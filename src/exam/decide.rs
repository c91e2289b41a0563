//! Decides: what a command leads to, given where the session stands and what time it is. Changes nothing.
//! What the events then make of the session stands in `session`.

use jiff::Timestamp;

use super::event::{Command, Event, Refusal};
use super::session::{Session, Stage};

impl Session {
    /// The events a command leads to, to be written down and applied in this order; none when there is nothing to do.
    ///
    /// Once the clock has run out, whatever is asked leads to [`Event::TimeUp`] and nothing else: the learner's late wish is not obeyed.
    pub fn decide(&self, command: Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        self.known(&command)?;
        match (command, self.stage()) {
            (Command::Resume, stage) => Ok(self.resumed(stage, now)),
            (Command::Report { task, report }, _) => self.reported(task, report),
            (Command::Tick | Command::Beat, Stage::Over(..)) => Ok(Vec::new()),
            (_, Stage::Over(..)) => Err(Refusal::Over),
            _ if self.time_is_up(now) => Ok(vec![Event::TimeUp]),
            (Command::Tick, _) => Ok(Vec::new()),
            (Command::Stop, _) => Ok(vec![Event::Stopped]),
            (Command::Pause | Command::Beat, Stage::Paused) => Ok(Vec::new()),
            (_, Stage::Paused) => Err(Refusal::Paused),
            (command, Stage::Running) => self.decide_running(command),
        }
    }

    fn known(&self, command: &Command) -> Result<(), Refusal> {
        let of = self.tasks().len();
        match command {
            Command::Open(task)
            | Command::Hint(task)
            | Command::Solve(task)
            | Command::Reset(task)
            | Command::Grade(task)
            | Command::Flag { task, .. }
            | Command::Note { task, .. }
            | Command::Report { task, .. }
                if *task >= of =>
            {
                Err(Refusal::NoSuchTask { task: *task, of })
            }
            _ => Ok(()),
        }
    }

    fn resumed(&self, stage: Stage, now: Timestamp) -> Vec<Event> {
        let over = matches!(stage, Stage::Over(..));
        if !over && self.time_is_up(now) { vec![Event::Resumed, Event::TimeUp] } else { vec![Event::Resumed] }
    }

    fn reported(&self, task: usize, report: crate::grading::report::Report) -> Result<Vec<Event>, Refusal> {
        let state = &self.tasks()[task];
        let awaited = match self.stage() {
            Stage::Over(..) => !self.finished() && state.report.is_none(),
            Stage::Running | Stage::Paused => state.grading,
        };
        if awaited { Ok(vec![Event::Graded { task, report }]) } else { Err(Refusal::NotAsked { task }) }
    }

    fn decide_running(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        let exam = self.plan().kind.is_exam();
        match command {
            Command::Open(task) => Ok(self.opened(task)),
            Command::Leave => Ok(self.open_task().map(|task| Event::TaskLeft { task }).into_iter().collect()),
            Command::Flag { task, on } if self.tasks()[task].flagged == on => Ok(Vec::new()),
            Command::Flag { task, on } => Ok(vec![Event::Flagged { task, on }]),
            Command::Note { task, text } if self.tasks()[task].note == text => Ok(Vec::new()),
            Command::Note { task, text } => Ok(vec![Event::NoteWritten { task, text }]),
            Command::Hint(_) if exam => Err(Refusal::NoHintsInExam),
            Command::Hint(task) => self.hinted(task),
            Command::Solve(_) if exam => Err(Refusal::NoSolutionsInExam),
            Command::Solve(task) => Ok(vec![Event::SolutionShown { task }]),
            Command::Reset(task) => Ok(vec![Event::TaskReset { task }]),
            Command::Grade(_) if exam => Err(Refusal::GradedAtTheEnd),
            Command::Grade(task) if self.tasks()[task].grading => Ok(Vec::new()),
            Command::Grade(task) => Ok(vec![Event::GradingAsked { task }]),
            Command::Pause if exam => Err(Refusal::ExamRunsOn),
            Command::Pause => Ok(vec![Event::Paused]),
            Command::Submit => Ok(vec![Event::Submitted]),
            Command::Beat => Ok(vec![Event::Alive]),
            Command::Stop | Command::Resume | Command::Tick | Command::Report { .. } => Ok(Vec::new()),
        }
    }

    fn opened(&self, task: usize) -> Vec<Event> {
        match self.open_task() {
            Some(open) if open == task => Vec::new(),
            Some(open) => vec![Event::TaskLeft { task: open }, Event::TaskOpened { task }],
            None => vec![Event::TaskOpened { task }],
        }
    }

    fn hinted(&self, task: usize) -> Result<Vec<Event>, Refusal> {
        let state = &self.tasks()[task];
        if state.hints >= state.task.hints {
            return Err(Refusal::NoMoreHints { task, of: state.task.hints });
        }
        Ok(vec![Event::HintTaken { task, number: state.hints + 1 }])
    }
}
