//! The session that is open at the desk: each request becomes a command to its driver, and what follows becomes news.
//! The lists stand in `shelf`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::AbortHandle;

use super::shelf::{self, trouble};
use crate::app::control;
use crate::app::driver::{Driver, Nobody, Witness};
use crate::app::error::{AppError, Kind};
use crate::app::home::Home;
use crate::app::host::{Heard, TaskHost};
use crate::app::{Origin, solution};
use crate::base::seed::Seed;
use crate::exam::event::{Command, Effect};
use crate::exam::plan;
use crate::grading::report::{Outcome, Report};
use crate::tui::desk::{
    CheckLine, ExamOpened, ExamOver, ExamTask, Graded, News, Progress, Replies, Request, Shell, TaskOpened,
};

/// How often a practice writes down that the learner is there.
const BEAT: Duration = Duration::from_secs(60);

/// Where one session can be open.
pub struct Seat {
    home: Home,
    origin: Origin,
    open: Mutex<Option<Open>>,
    /// Where the screens hear of what commands do to the open task.
    attending: Arc<Mutex<Option<Replies>>>,
}

struct Open {
    driver: Arc<Driver>,
    /// The socket for commands, and the beat.
    background: Vec<AbortHandle>,
}

struct Telling<'a>(&'a Replies);

impl Witness for Telling<'_> {
    fn progress(&self, text: &str, done: u32, of: u32) {
        self.0.send(News::Progress(Progress { text: text.to_owned(), done, of }));
    }

    fn settled(&self, _task: usize, check: usize, outcome: &Outcome) {
        self.0.send(News::Settled { check, verdict: outcome.verdict.clone() });
    }
}

/// As [`Telling`], without the checks, which are of many tasks when an exam is graded.
struct Summing<'a>(&'a Replies);

impl Witness for Summing<'_> {
    fn progress(&self, text: &str, done: u32, of: u32) {
        Telling(self.0).progress(text, done, of);
    }
}

impl Seat {
    pub fn new(home: Home, origin: Origin) -> Self {
        Self { home, origin, open: Mutex::default(), attending: Arc::default() }
    }

    /// Takes a request: commands are written down before the next request is taken, what they lead to goes on beside.
    pub async fn take(seat: &Arc<Self>, request: Request, replies: Replies) {
        let (home, origin) = (&seat.home, &seat.origin);
        let told = match request {
            Request::Catalogue => {
                shelf::catalogue(home, origin).map(|catalogue| replies.send(News::Catalogue(catalogue)))
            }
            Request::History => shelf::history(home).map(|history| replies.send(News::History(history))),
            Request::Practise { scenario, seed } => seat.practise(&scenario, seed, &replies).await,
            Request::StartExam { exam } => seat.sit(&exam, &replies).await,
            Request::ResumeExam => seat.resume(&replies).await,
            Request::LeaveTask { .. } => seat.command(Command::Leave).map(drop),
            Request::Flag { task, on } => seat.command(Command::Flag { task, on }).map(drop),
            Request::Note { task, text } => seat.command(Command::Note { task, text }).map(drop),
            Request::Hint { task } => seat.hint(task, &replies),
            Request::Solution { task } => seat.solution(task, &replies),
            Request::Attend => {
                *seat.attending.lock().unwrap_or_else(PoisonError::into_inner) = Some(replies);
                return;
            }
            Request::Open { task } => return seat.follow(Command::Open(task), Then::TaskOpened(task), replies),
            Request::Grade { task } => return seat.follow(Command::Grade(task), Then::Graded(task), replies),
            Request::Reset { task } => return seat.follow(Command::Reset(task), Then::Reset, replies),
            Request::Submit => return seat.follow(Command::Submit, Then::Results, replies),
            Request::Leave => {
                seat.leave().await;
                Ok(())
            }
        };
        if let Err(error) = told {
            replies.fail(trouble(error));
        }
    }

    fn driver(&self) -> Result<Arc<Driver>, AppError> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let driver = open.as_ref().map(|open| open.driver.clone());
        driver.ok_or_else(|| AppError::new(Kind::Usage, "nothing is open", "the session has ended"))
    }

    fn command(&self, command: Command) -> Result<Vec<Effect>, AppError> {
        self.driver()?.command(command)
    }

    fn seat(&self, driver: Arc<Driver>) {
        let mut background = Vec::new();
        match control::listen(driver.dir()) {
            Ok(listener) => {
                let (screen, heard) = unbounded_channel();
                background.push(tokio::spawn(pass_on(heard, driver.clone(), self.attending.clone())).abort_handle());
                let host = Arc::new(TaskHost { driver: driver.clone(), screen: Some(screen) });
                background.push(tokio::spawn(control::serve(listener, host)).abort_handle());
            }
            Err(error) => tracing::warn!("commands in the shell will not find this task: {error}"),
        }
        if !driver.see(|session| session.plan().kind.is_exam()) {
            let (driver, clock) = (driver.clone(), self.home.clock);
            let beat = async move {
                loop {
                    clock.sleep(BEAT).await;
                    if driver.command(Command::Beat).is_err() {
                        return;
                    }
                }
            };
            background.push(tokio::spawn(beat).abort_handle());
        }
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(Open { driver, background });
    }

    fn stand_up(&self) -> Option<Arc<Driver>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        open.background.iter().for_each(AbortHandle::abort);
        Some(open.driver)
    }

    /// Leaves what is open.
    pub async fn leave(&self) {
        let Some(driver) = self.stand_up() else { return };
        let exam = driver.see(|session| session.plan().kind.is_exam());
        let left =
            if exam { driver.command(Command::Leave).map(drop) } else { driver.run(Command::Stop, &Nobody).await };
        if let Err(error) = left {
            tracing::warn!("{error}");
        }
        driver.rest().await;
    }

    async fn practise(&self, scenario: &str, seed: Option<u64>, replies: &Replies) -> Result<(), AppError> {
        self.leave().await;
        let driver = Arc::new(self.home.practise(scenario, seed.map(Seed), &self.origin)?);
        if let Err(error) = driver.run(Command::Open(0), &Telling(replies)).await {
            // A practice that never opened leaves nothing behind.
            let _ = driver.run(Command::Stop, &Nobody).await;
            return Err(error);
        }
        let opened = task_opened(&driver, 0).await?;
        self.seat(driver);
        replies.send(News::TaskOpened(Box::new(opened)));
        Ok(())
    }

    async fn sit(&self, exam: &str, replies: &Replies) -> Result<(), AppError> {
        self.leave().await;
        let driver = Arc::new(self.home.sit(Some(exam), self.home.exam_seed, &self.origin)?);
        replies.send(News::ExamOpened(exam_opened(&driver)));
        self.seat(driver);
        Ok(())
    }

    async fn resume(&self, replies: &Replies) -> Result<(), AppError> {
        self.leave().await;
        crate::app::sessions::need_kubectl()?;
        let found = self.home.under_way().into_iter().next().ok_or_else(|| {
            AppError::new(Kind::Usage, "nothing to go on with", "no exam is under way")
                .hint("start one from the list of exams")
        })?;
        let (driver, due) = Driver::resume(&self.home, &found.dir)?;
        let driver = Arc::new(driver);
        // The list of tasks comes first; a lab is opened when its task is.
        let due = due.into_iter().filter(|effect| !matches!(effect, Effect::OpenLab { .. })).collect();
        driver
            .command(Command::Leave)
            .map(drop)
            .or_else(|error| if driver.see(|s| s.deadline()).is_some() { Ok(()) } else { Err(error) })?;
        driver.perform(due, &Summing(replies)).await?;
        if driver.see(|session| session.finished()) {
            replies.send(News::Results(Box::new(exam_over(&driver))));
        } else {
            replies.send(News::ExamOpened(exam_opened(&driver)));
            self.seat(driver);
        }
        Ok(())
    }

    fn hint(&self, task: usize, replies: &Replies) -> Result<(), AppError> {
        let driver = self.driver()?;
        driver.command(Command::Hint(task))?;
        let number = driver.see(|session| session.tasks()[task].hints);
        let hints = &driver.variant(task)?.hints;
        let text = hints.get(number.saturating_sub(1) as usize).cloned().unwrap_or_default();
        replies.send(News::Hint { number, of: u32::try_from(hints.len()).unwrap_or(u32::MAX), text });
        Ok(())
    }

    fn solution(&self, task: usize, replies: &Replies) -> Result<(), AppError> {
        let driver = self.driver()?;
        driver.command(Command::Solve(task))?;
        replies.send(News::Solution { text: solution::markdown(driver.variant(task)?) });
        Ok(())
    }

    /// Writes a command down, then lets what follows from it go on beside.
    fn follow(self: &Arc<Self>, command: Command, then: Then, replies: Replies) {
        let decided = self.driver().and_then(|driver| {
            if let Then::Graded(task) = then {
                let line = |check: &crate::scenario::Check| CheckLine {
                    name: check.name.clone(),
                    points: check.points,
                    guard: check.guard,
                };
                replies.send(News::Checks(driver.variant(task)?.checks.iter().map(line).collect()));
            }
            let due = match driver.command(command) {
                // Its time ran out, or it was handed in and grading was cut short: what is due then is said on going on.
                Err(error) if then == Then::Results && driver.see(|s| s.deadline().is_some()) => {
                    driver.command(Command::Resume).map_err(|_| error)?
                }
                due => due?,
            };
            Ok((driver, due))
        });
        let (driver, due) = match decided {
            Ok(decided) => decided,
            Err(error) => return replies.fail(trouble(error)),
        };
        let seat = self.clone();
        tokio::spawn(async move {
            match seat.done(&driver, due, then, &replies).await {
                Ok(news) => replies.send(news),
                Err(error) => replies.fail(trouble(error)),
            }
        });
    }

    async fn done(
        &self,
        driver: &Arc<Driver>,
        due: Vec<Effect>,
        then: Then,
        replies: &Replies,
    ) -> Result<News, AppError> {
        match then {
            Then::TaskOpened(task) => {
                driver.perform(due, &Telling(replies)).await?;
                Ok(News::TaskOpened(Box::new(task_opened(driver, task).await?)))
            }
            Then::Graded(task) => {
                match due.is_empty() {
                    true => driver.grade_now(task, &Telling(replies)).await?,
                    false => driver.perform(due, &Telling(replies)).await?,
                }
                let mut graded = graded(driver, task);
                let history = crate::app::records::read(&self.home.history()).unwrap_or_default();
                graded.next = shelf::next(&self.home.suggest(&history, &self.origin), &graded.report.scenario);
                Ok(News::Graded(Box::new(graded)))
            }
            Then::Reset => {
                let task = driver.see(|session| session.open_task()).unwrap_or_default();
                driver.perform(due, &Telling(replies)).await?;
                let after = driver.shell(task).await?;
                // The working directory is a new one, so the old shell stands nowhere.
                Ok(News::Reset { shell: Some(shell(after)) })
            }
            Then::Results => {
                driver.perform(due, &Summing(replies)).await?;
                let over = exam_over(driver);
                self.stand_up();
                Ok(News::Results(Box::new(over)))
            }
        }
    }
}

/// Tells the screens what commands did.
async fn pass_on(mut heard: UnboundedReceiver<Heard>, driver: Arc<Driver>, attending: Arc<Mutex<Option<Replies>>>) {
    while let Some(heard) = heard.recv().await {
        let news = match heard {
            Heard::Hint { number, of, text } => News::Hint { number, of, text },
            Heard::Reset { task } => News::Reset { shell: driver.shell(task).await.ok().map(shell) },
        };
        if let Some(replies) = &*attending.lock().unwrap_or_else(PoisonError::into_inner) {
            replies.send(news);
        }
    }
}

/// What is told when all that is due is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    TaskOpened(usize),
    Graded(usize),
    Reset,
    Results,
}

fn shell(shell: crate::app::Shell) -> Shell {
    let crate::app::Shell { program, args, env, cwd } = shell;
    Shell { program, args, env, cwd }
}

async fn task_opened(driver: &Driver, task: usize) -> Result<TaskOpened, AppError> {
    let now = driver.home.clock.now();
    let (exam, spent) = driver.see(|session| (session.plan().kind.is_exam(), session.spent(task, now).as_secs()));
    let shell = shell(driver.shell(task).await?);
    let variant = driver.variant(task)?;
    Ok(TaskOpened {
        task,
        scenario: variant.id(),
        title: variant.title.clone(),
        domain: shelf::domain_title(&driver.home, &variant.domain),
        difficulty: shelf::difficulty(variant.difficulty),
        seed: variant.seed.0,
        points: variant.checks.iter().filter(|check| !check.guard).map(|check| check.points).sum(),
        minutes: variant.minutes,
        text: variant.task.clone(),
        hints: if exam { 0 } else { u32::try_from(variant.hints.len()).unwrap_or(u32::MAX) },
        shell,
        spent,
    })
}

fn exam_opened(driver: &Driver) -> ExamOpened {
    let now = driver.home.clock.now();
    driver.see(|session| {
        let (minutes, pass) = match &session.plan().kind {
            plan::Kind::Exam { minutes, pass, .. } => (*minutes, *pass),
            plan::Kind::Practice => (0, 0),
        };
        let task = |(number, state): (usize, &crate::exam::session::TaskState)| ExamTask {
            title: state.task.title.clone(),
            domain: shelf::domain_title(&driver.home, &state.task.domain),
            worth: state.task.worth,
            minutes: state.task.minutes,
            opened: state.opened,
            flagged: state.flagged,
            note: state.note.clone(),
            spent: session.spent(number, now).as_secs(),
        };
        ExamOpened {
            title: exam_title(driver, session.plan()),
            minutes,
            pass,
            deadline: session.deadline().unwrap_or(now),
            tasks: session.tasks().iter().enumerate().map(task).collect(),
        }
    })
}

fn exam_title(driver: &Driver, plan: &plan::Plan) -> String {
    match &plan.kind {
        plan::Kind::Exam { exam, .. } => driver.home.exam_title(&format!("{}/{exam}", plan.pack)),
        plan::Kind::Practice => String::new(),
    }
}

fn exam_over(driver: &Driver) -> ExamOver {
    let now = driver.home.clock.now();
    let (title, mut results, count) =
        driver.see(|session| (exam_title(driver, session.plan()), session.results(now), session.tasks().len()));
    for task in &mut results.tasks {
        task.domain = shelf::domain_title(&driver.home, &task.domain);
    }
    for domain in &mut results.domains {
        domain.domain = shelf::domain_title(&driver.home, &domain.domain);
    }
    ExamOver { title, results, tasks: (0..count).map(|task| graded(driver, task)).collect() }
}

fn graded(driver: &Driver, task: usize) -> Graded {
    let now = driver.home.clock.now();
    let (report, spent, of) = driver.see(|session| {
        let state = &session.tasks()[task];
        (state.report.clone(), session.spent(task, now).as_secs(), state.task.clone())
    });
    let report = report.unwrap_or_else(|| Report::ungraded(of.scenario, of.seed, of.points, "it was not graded"));
    let (explain, docs) = driver
        .variant(task)
        .map(|variant| (variant.explain.clone().unwrap_or_default(), variant.docs.clone()))
        .unwrap_or_default();
    Graded { report, explain, docs, spent, next: None }
}
