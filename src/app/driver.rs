//! The one driver: takes commands to a session, and does what is due because of them, with labs, grading and the history.
//! What is due is said by the exam layer; showing it is the faces'.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::MutexGuard;

use super::error::{AppError, Kind};
use super::home::Home;
use super::ledger::Ledger;
use super::{place, records};
use crate::base::files;
use crate::cluster::{Origin, Way};
use crate::exam::event::{Command, Effect};
use crate::exam::plan::Plan;
use crate::exam::session::Session;
use crate::grading::report::{Outcome, Report, Verdict, tally};
use crate::grading::{Grader, Patience, grade};
use crate::lab::{Lab, Shell};
use crate::progress::attempt::attempts;
use crate::scenario::step::Step;
use crate::scenario::variant::Variant;

/// How often is looked whether a grading has ended.
const LOOK: Duration = Duration::from_millis(50);

/// Who is told how far things are.
pub trait Witness: Sync {
    /// Where something that takes long stands; `of` is 0 when nobody knows.
    fn progress(&self, _text: &str, _done: u32, _of: u32) {}
    /// Check number `check` of a task has its verdict.
    fn settled(&self, _task: usize, _check: usize, _outcome: &Outcome) {}
}

/// Tells nobody.
pub struct Nobody;

impl Witness for Nobody {}

/// One session under way in this process.
pub struct Driver {
    pub home: Home,
    ledger: Ledger,
    pub origin: Origin,
    variants: Vec<Variant>,
    labs: Vec<tokio::sync::Mutex<Option<Lab>>>,
}

impl Driver {
    /// Begins a session, in a new folder.
    pub fn begin(home: Home, plan: Plan) -> Result<Self, AppError> {
        let origin = Origin::from_str(&plan.cluster)?;
        let variants = draw(&home, &plan)?;
        let now = home.clock.now();
        let dir = home.sessions().join(format!("{}-{}", now.as_millisecond(), std::process::id()));
        let ledger = Ledger::begin(&dir, plan, home.clock)?;
        place::remember_workshop(&dir, home.workshop.as_deref())?;
        Ok(Self::of(home, ledger, origin, variants))
    }

    /// Goes on with the session in a folder. The effects are what is still due.
    pub fn resume(home: &Home, dir: &Path) -> Result<(Self, Vec<Effect>), AppError> {
        // Its pack may be another by now.
        let lost = |error: AppError| {
            error.hint(format!("put the pack back, or move {} away to go on without this session", dir.display()))
        };
        let home = match place::workshop(dir) {
            Some(folder) => Home::open(Some(&folder)).map_err(lost)?,
            None => home.clone(),
        };
        let plan = super::ledger::look(dir)?.plan().clone();
        let origin = Origin::from_str(&plan.cluster)?;
        let variants = draw(&home, &plan).map_err(lost)?;
        let (ledger, due) = Ledger::resume(dir, home.clock)?;
        Ok((Self::of(home, ledger, origin, variants), due))
    }

    fn of(home: Home, ledger: Ledger, origin: Origin, variants: Vec<Variant>) -> Self {
        let labs = variants.iter().map(|_| tokio::sync::Mutex::default()).collect();
        Self { home, ledger, origin, variants, labs }
    }

    /// The session's folder.
    pub fn dir(&self) -> &Path {
        &self.ledger.dir
    }

    /// Looks at the session.
    pub fn see<T>(&self, look: impl FnOnce(&Session) -> T) -> T {
        self.ledger.see(look)
    }

    /// A task, drawn.
    pub fn variant(&self, task: usize) -> Result<&Variant, AppError> {
        self.variants
            .get(task)
            .ok_or_else(|| AppError::new(Kind::Usage, "nothing to show", format!("there is no task {}", task + 1)))
    }

    /// Writes a command's events down; what is due because of them is for [`Driver::perform`].
    pub fn command(&self, command: Command) -> Result<Vec<Effect>, AppError> {
        self.ledger.command(command)
    }

    /// Does what is due, and what is due because of that.
    pub async fn perform(&self, effects: Vec<Effect>, witness: &dyn Witness) -> Result<(), AppError> {
        let mut due: VecDeque<Effect> = effects.into();
        while let Some(effect) = due.pop_front() {
            match effect {
                Effect::OpenLab { task } => drop(self.lab(task, witness).await?),
                Effect::ResetLab { task } => self.reset(task, witness).await?,
                Effect::Grade { tasks } => due.extend(self.grade_all(tasks, witness).await?),
                Effect::Finish => self.finish().await?,
            }
        }
        Ok(())
    }

    /// A command with all that follows from it.
    pub async fn run(&self, command: Command, witness: &dyn Witness) -> Result<(), AppError> {
        let due = self.command(command)?;
        self.perform(due, witness).await
    }

    /// Grades a task as it is now: a grading that is under way looked before, and ends first.
    pub async fn grade_now(&self, task: usize, witness: &dyn Witness) -> Result<(), AppError> {
        loop {
            let due = self.command(Command::Grade(task))?;
            if !due.is_empty() {
                return self.perform(due, witness).await;
            }
            self.home.clock.sleep(LOOK).await;
        }
    }

    /// The learner's shell in a task, whose lab is opened if it is not.
    pub async fn shell(&self, task: usize) -> Result<Shell, AppError> {
        let lab = self.lab(task, &Nobody).await?;
        let lab = lab.as_ref().ok_or_else(gone)?;
        let mut shell = lab.shell()?;
        shell.env.push((place::SESSION.to_owned(), self.dir().to_string_lossy().into_owned()));
        shell.env.extend(place::path_with_program(&shell.env));
        Ok(shell)
    }

    /// The kubeconfig of a task's lab, which is opened if it is not.
    pub async fn kubeconfig(&self, task: usize) -> Result<PathBuf, AppError> {
        let lab = self.lab(task, &Nobody).await?;
        Ok(lab.as_ref().ok_or_else(gone)?.cluster.kubeconfig().to_owned())
    }

    /// The way into the nodes of a task's cluster.
    pub async fn way_in(&self, task: usize) -> Result<Option<Way>, AppError> {
        let lab = self.lab(task, &Nobody).await?;
        Ok(lab.as_ref().ok_or_else(gone)?.cluster.way_in())
    }

    /// Where the learner's answers to a task are written.
    pub async fn work(&self, task: usize) -> Result<PathBuf, AppError> {
        let lab = self.lab(task, &Nobody).await?;
        Ok(lab.as_ref().ok_or_else(gone)?.work())
    }

    /// Does on a task's lab what a solution does.
    pub async fn answer(&self, task: usize, steps: &[Step]) -> Result<(), AppError> {
        let lab = self.lab(task, &Nobody).await?;
        Ok(lab.as_ref().ok_or_else(gone)?.answer(steps).await?)
    }

    /// Closes all labs and leaves everything as it is, to go on later. Clusters that do not live in this process stay.
    pub async fn rest(&self) {
        for lab in &self.labs {
            if let Some(lab) = lab.lock().await.take()
                && self.origin == Origin::Embedded
                && let Err(error) = lab.cluster.close().await
            {
                tracing::warn!("a cluster does not close: {error}");
            }
        }
    }

    async fn lab(&self, task: usize, witness: &dyn Witness) -> Result<MutexGuard<'_, Option<Lab>>, AppError> {
        let mut slot = self.labs.get(task).ok_or_else(gone)?.lock().await;
        if slot.is_none() {
            let at = place::TaskPlace::of(self.dir(), task);
            *slot = Some(at.open(&self.origin, self.variant(task)?, witness).await?);
        }
        Ok(slot)
    }

    async fn reset(&self, task: usize, witness: &dyn Witness) -> Result<(), AppError> {
        let mut slot = self.lab(task, witness).await?;
        witness.progress("bringing the task back to its beginning", 0, 0);
        let Some(mut lab) = slot.take() else { return Err(gone()) };
        match lab.reset().await {
            Ok(()) => *slot = Some(lab),
            // A cluster that went on from its journal has no checkpoint to go back to: it is made anew.
            Err(error) if place::forgot_its_beginning(&error) => {
                lab.cluster.close().await?;
                drop(lab);
                let at = place::TaskPlace::of(self.dir(), task);
                at.remove()?;
                *slot = Some(at.open(&self.origin, self.variant(task)?, witness).await?);
            }
            Err(error) => {
                *slot = Some(lab);
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Grades tasks at once and writes the reports down.
    async fn grade_all(&self, tasks: Vec<usize>, witness: &dyn Witness) -> Result<Vec<Effect>, AppError> {
        let of = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
        let done = std::sync::atomic::AtomicU32::new(0);
        witness.progress("grading", 0, of);
        let graded = tasks.into_iter().map(|task| {
            let done = &done;
            async move {
                let report = self.grade_one(task, witness).await;
                let number = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
                witness.progress("grading", number, of);
                self.command(Command::Report { task, report })
            }
        });
        let mut due = Vec::new();
        for effects in join_all(graded).await {
            due.extend(effects?);
        }
        Ok(due)
    }

    async fn grade_one(&self, task: usize, witness: &dyn Witness) -> Report {
        let variant = &self.variants[task];
        if !self.see(|session| session.tasks()[task].opened) {
            return never_opened(variant);
        }
        let grader = match self.lab(task, witness).await {
            Ok(lab) => lab.as_ref().map(|lab| Grader {
                objects: lab.objects.clone(),
                clock: lab.cluster.clock(),
                answers: lab.work(),
                patience: Patience::default(),
            }),
            Err(error) => return Report::ungraded(variant.id(), variant.seed, points(variant), error.to_string()),
        };
        match grader {
            Some(grader) => grade(&grader, variant, |check, outcome| witness.settled(task, check, outcome)).await,
            None => Report::ungraded(variant.id(), variant.seed, points(variant), gone().to_string()),
        }
    }

    /// Writes the history, takes the labs away.
    async fn finish(&self) -> Result<(), AppError> {
        let now = self.home.clock.now();
        records::add(&self.home.history(), &self.see(|session| attempts(session, now)))?;
        let mut failure = None;
        for (task, lab) in self.labs.iter().enumerate() {
            let at = place::TaskPlace::of(self.dir(), task);
            let mut lab = lab.lock().await;
            // What an earlier process laid on a cluster that is not ours has to be taken away there, too.
            if lab.is_none() && self.origin != Origin::Embedded && at.is_laid() {
                match at.open(&self.origin, self.variant(task)?, &Nobody).await {
                    Ok(found) => *lab = Some(found),
                    Err(error) => {
                        failure = Some(error);
                        continue;
                    }
                }
            }
            if let Some(lab) = lab.take() {
                failure = lab.clean().await.err().map(AppError::from).or(failure);
                failure = lab.cluster.close().await.err().map(AppError::from).or(failure);
            }
            failure = at.remove().err().or(failure);
        }
        if !self.see(|session| session.plan().kind.is_exam()) {
            // A practice leaves nothing but its line in the history.
            let _ = files::remove_all(self.dir());
        }
        failure.map_or(Ok(()), Err)
    }
}

fn gone() -> AppError {
    AppError::new(Kind::Environment, "there is no cluster", "the task's lab is closed")
}

fn points(variant: &Variant) -> u32 {
    variant.checks.iter().filter(|check| !check.guard).map(|check| check.points).sum()
}

/// What a task earns that nobody looked at: nothing, and that is certain without a cluster.
fn never_opened(variant: &Variant) -> Report {
    let outcomes = variant.checks.iter().map(|check| Outcome {
        name: check.name.clone(),
        points: check.points,
        guard: check.guard,
        after: check.after.clone(),
        verdict: if check.guard {
            Verdict::Pass
        } else {
            Verdict::Fail { findings: vec![crate::grading::report::Finding::told("the task was never opened")] }
        },
    });
    tally(variant.id(), variant.seed, outcomes.collect())
}

fn draw(home: &Home, plan: &Plan) -> Result<Vec<Variant>, AppError> {
    let variant = |task: &crate::exam::plan::Task| Ok(home.scenario(&task.scenario)?.variant(task.seed)?);
    plan.tasks.iter().map(variant).collect()
}
