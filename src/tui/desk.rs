//! What the screens ask of the program, and what they are told: plain data, and the one small trait between.
//! The trait is implemented above this layer, over the use cases; tests have a desk of their own. No screen knows how anything is done.

use std::path::PathBuf;

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;

use super::message::Message;
use crate::exam::results::Results;
use crate::grading::report::{Report, Verdict};

/// Who does what the screens ask.
///
/// At most one session is open at a desk: a practice with one task, number 0, or an exam with several. A session may still be open when
/// the learner quits; whoever made the desk closes it then.
pub trait Desk: Send + Sync {
    /// Takes a request and returns at once; what comes of it is sent with `replies`, which is dropped when no more will come.
    fn ask(&self, request: Request, replies: Replies);
}

/// What the screens ask. Tasks are counted from 0.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// All there is to practise. Answer: [`News::Catalogue`].
    Catalogue,
    /// What was done. Answer: [`News::History`].
    History,
    /// Tell what commands do to the open task, such as those typed in its shell, as long as the screens are there.
    /// Answer: [`News::Hint`], [`News::Reset`]…
    Attend,
    /// Open a practice; `seed` is drawn when not given. Answer: [`News::Progress`]…, [`News::TaskOpened`].
    Practise { scenario: String, seed: Option<u64> },
    /// Start an exam. Answer: [`News::Progress`]…, [`News::ExamOpened`].
    StartExam { exam: String },
    /// Go on with the exam under way. Answer: as for a start.
    ResumeExam,
    /// Show a task of the exam, laying its lab if it is not. Answer: [`News::Progress`]…, [`News::TaskOpened`].
    Open { task: usize },
    /// Leave the open task for the list. No answer.
    LeaveTask { task: usize },
    /// No answer.
    Flag { task: usize, on: bool },
    /// No answer.
    Note { task: usize, text: String },
    /// Answer: [`News::Checks`], [`News::Settled`]…, [`News::Graded`].
    Grade { task: usize },
    /// The next hint. Answer: [`News::Hint`].
    Hint { task: usize },
    /// Answer: [`News::Solution`].
    Solution { task: usize },
    /// Lay the lab anew. Answer: [`News::Progress`]…, [`News::Reset`].
    Reset { task: usize },
    /// Hand the exam in; sent by itself when its time is up. Answer: [`News::Progress`]…, [`News::Results`].
    Submit,
    /// Leave the session: a practice ends and its lab is taken down; an exam's clock runs on. No answer.
    Leave,
}

/// What is shown first.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Opening {
    #[default]
    Home,
    Practise {
        scenario: String,
        seed: Option<u64>,
    },
    StartExam {
        exam: String,
    },
    ResumeExam,
}

/// What the screens are told. Each may also be answered with [`News::Trouble`], which ends it.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    Catalogue(Catalogue),
    History(History),
    /// Where something that takes long stands.
    Progress(Progress),
    TaskOpened(Box<TaskOpened>),
    ExamOpened(ExamOpened),
    /// Grading begins; these will settle, in the author's order.
    Checks(Vec<CheckLine>),
    /// Check number `check` has its verdict. Points follow with the report.
    Settled {
        check: usize,
        verdict: Verdict,
    },
    Graded(Box<Graded>),
    /// `number` counts from 1.
    Hint {
        number: u32,
        of: u32,
        text: String,
    },
    /// Markdown.
    Solution {
        text: String,
    },
    /// The lab is as it was. `shell` when the old shell is of no use any more.
    Reset {
        shell: Option<Shell>,
    },
    Results(Box<ExamOver>),
    Trouble(Trouble),
}

/// All there is to practise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    /// The pack's name and version, such as `cka 0.1.0`.
    pub pack: String,
    /// In the order to be shown.
    pub domains: Vec<Domain>,
    /// In the order to be shown within their domains.
    pub scenarios: Vec<Scenario>,
    pub exams: Vec<Exam>,
    /// What to do now.
    pub next: Option<Next>,
    /// The exam that goes on.
    pub under_way: Option<UnderWay>,
}

/// A part of the curriculum.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Domain {
    pub id: String,
    pub title: String,
    /// Per cent of the exam.
    pub weight: u32,
}

/// How hard a scenario is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Difficulty {
    Easy,
    #[default]
    Medium,
    Hard,
}

/// A scenario as the catalogue shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scenario {
    pub id: String,
    pub title: String,
    /// A domain's id.
    pub domain: String,
    pub topics: Vec<String>,
    pub difficulty: Difficulty,
    pub minutes: u32,
    pub points: u32,
    /// A few lines of markdown: what it is about.
    pub summary: String,
    /// Best score in per cent; `None` when never graded.
    pub best: Option<u32>,
    pub attempts: u32,
    /// When last, in words: `2 days ago`.
    pub last: Option<String>,
    /// When to repeat, in words: `due today`, `in 3 days`.
    pub due: Option<String>,
    /// Why it cannot be practised here, and how to get what it lacks.
    pub missing: Option<String>,
}

/// An exam's blueprint as the catalogue shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exam {
    pub id: String,
    pub title: String,
    pub minutes: u32,
    pub tasks: u32,
    /// Per cent needed.
    pub pass: u32,
    /// Domain titles with their weights in per cent.
    pub weights: Vec<(String, u32)>,
    pub best: Option<u32>,
    pub attempts: u32,
    /// Why it cannot be sat here.
    pub missing: Option<String>,
}

/// The scenario to do now, and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Next {
    pub scenario: String,
    pub why: String,
}

/// An exam that was left and goes on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnderWay {
    pub title: String,
    pub deadline: Timestamp,
}

/// A step of something that takes long.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// What is being done: `starting the control plane`.
    pub text: String,
    pub done: u32,
    /// 0 when nobody knows.
    pub of: u32,
}

/// A program to run in the terminal pane.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shell {
    pub program: String,
    pub args: Vec<String>,
    /// Added to this process's environment.
    pub env: Vec<(String, String)>,
    pub cwd: PathBuf,
}

/// A task with its lab laid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskOpened {
    pub task: usize,
    /// The scenario's id.
    pub scenario: String,
    pub title: String,
    /// The domain's title.
    pub domain: String,
    pub difficulty: Difficulty,
    pub seed: u64,
    pub points: u32,
    pub minutes: u32,
    /// Markdown.
    pub text: String,
    /// How many hints there are; 0 in an exam.
    pub hints: u32,
    pub shell: Shell,
    /// Seconds spent on it before.
    pub spent: i64,
}

/// An exam, new or gone on with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExamOpened {
    pub title: String,
    pub minutes: u32,
    /// Per cent needed.
    pub pass: u32,
    pub deadline: Timestamp,
    pub tasks: Vec<ExamTask>,
}

/// One task of an exam's list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExamTask {
    pub title: String,
    /// The domain's title.
    pub domain: String,
    /// Per cent of the exam.
    pub worth: u32,
    pub minutes: u32,
    pub opened: bool,
    pub flagged: bool,
    pub note: String,
    /// Seconds spent on it.
    pub spent: i64,
}

/// A check before it is settled.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckLine {
    pub name: String,
    pub points: u32,
    pub guard: bool,
}

/// A graded task.
#[derive(Clone, Debug, PartialEq)]
pub struct Graded {
    pub report: Report,
    /// Markdown: why the answer is what it is.
    pub explain: String,
    pub docs: Vec<String>,
    /// Seconds spent.
    pub spent: i64,
    /// What to do after this one.
    pub next: Option<Next>,
}

/// An exam's end.
#[derive(Clone, Debug, PartialEq)]
pub struct ExamOver {
    pub title: String,
    pub results: Results,
    /// Per task, in the order of the exam.
    pub tasks: Vec<Graded>,
}

/// What was done so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Newest first.
    pub attempts: Vec<Attempt>,
    pub domains: Vec<Standing>,
    /// Weakest first.
    pub topics: Vec<Standing>,
}

/// One practice or exam.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attempt {
    /// When, in words: `today 14:05`, `12 Mar`.
    pub when: String,
    pub title: String,
    /// The scenario's id; empty for an exam.
    pub scenario: String,
    pub exam: bool,
    pub domain: String,
    /// Per cent; `None` when it was never graded.
    pub score: Option<u32>,
    pub spent: i64,
    pub expected: i64,
    /// What does not count as solved by oneself: `solution shown`, `2 hints`.
    pub remark: String,
}

/// How well a domain or a topic goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    pub title: String,
    /// Mean of the best scores in per cent; `None` when never practised.
    pub score: Option<u32>,
    pub practised: u32,
    pub of: u32,
}

/// What went wrong, why, and what to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trouble {
    /// What kind of thing happened: `The cluster does not start`.
    pub kind: String,
    pub cause: String,
    /// What to do or to type next.
    pub hint: String,
}

/// Where a request's answers go.
#[derive(Debug)]
pub struct Replies {
    ticket: u64,
    sender: UnboundedSender<Message>,
}

impl Replies {
    pub fn new(ticket: u64, sender: UnboundedSender<Message>) -> Self {
        Self { ticket, sender }
    }

    /// Tells the screens. Nobody may be there any more, which is nobody's fault.
    pub fn send(&self, news: News) {
        let _ = self.sender.send(Message::News { ticket: self.ticket, news });
    }

    /// Ends the request with what went wrong.
    pub fn fail(self, trouble: Trouble) {
        self.send(News::Trouble(trouble));
    }
}

impl Drop for Replies {
    fn drop(&mut self) {
        let _ = self.sender.send(Message::Ended { ticket: self.ticket });
    }
}
