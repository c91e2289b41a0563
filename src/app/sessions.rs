//! Beginning practices and exams, and finding those under way.
//! Driving one stands in `driver`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::driver::Driver;
use super::error::{AppError, Kind};
use super::home::Home;
use super::ledger;
use super::offers::{candidate, promised_words, tasks_of, weights};
use super::records::{self, unwritable};
use crate::base::files;
use crate::base::seed::Seed;
use crate::cluster::Origin;
use crate::exam::blueprint::{Blueprint, Candidate, Weight};
use crate::exam::draw;
use crate::exam::plan::{self, Plan, Task};
use crate::exam::session::Session;
use crate::scenario::pack::{self, Pack, Tasks};

/// A session found on the disk.
#[derive(Clone, Debug)]
pub struct Found {
    pub dir: PathBuf,
    pub session: Session,
    /// Whether some process drives it now.
    pub driven: bool,
}

fn folders(sessions: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(sessions).into_iter().flatten().flatten();
    let mut dirs: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    dirs.sort();
    dirs
}

/// Every session in a folder that can be read, newest first. No pack is read for it.
pub fn found(sessions: &Path) -> Vec<Found> {
    let found = |dir: PathBuf| {
        let session = ledger::look(&dir).ok()?;
        let driven = matches!(ledger::lock(&dir), Ok(None));
        Some(Found { dir, session, driven })
    };
    folders(sessions).into_iter().rev().filter_map(found).collect()
}

/// Why a session cannot be read, if one cannot. A kill before the first line was whole left nothing to read.
fn damaged(sessions: &Path) -> Option<AppError> {
    let begun = |dir: &PathBuf| std::fs::read(dir.join("journal.jsonl")).is_ok_and(|bytes| bytes.contains(&b'\n'));
    folders(sessions).iter().filter(|dir| begun(dir)).find_map(|dir| ledger::look(dir).err())
}

impl Home {
    /// Begins a practice of one scenario.
    pub fn practise(&self, scenario: &str, seed: Option<Seed>, origin: &Origin) -> Result<Driver, AppError> {
        need_kubectl()?;
        let scenario = self.scenario(scenario)?;
        let seed = seed.unwrap_or_else(Seed::random);
        let plan = Plan {
            kind: plan::Kind::Practice,
            seed,
            pack: scenario.pack.clone(),
            cluster: origin.to_string(),
            tasks: vec![Task::of(&candidate(&scenario), seed)],
        };
        self.sweep();
        Driver::begin(self.clone(), plan)
    }

    /// Begins an exam, `pack/name` or `name`; the first there is when none is named.
    pub fn sit(&self, exam: Option<&str>, seed: Option<Seed>, origin: &Origin) -> Result<Driver, AppError> {
        need_kubectl()?;
        if let Some(found) = self.under_way().into_iter().next() {
            let why = if found.driven { "an exam is under way in another terminal" } else { "an exam is under way" };
            return Err(AppError::new(Kind::Usage, "no second exam can begin", why)
                .hint("kubedrill exam goes on with it; hand it in first"));
        }
        // It may be an exam that goes on, and is looked for in vain.
        damaged(&self.sessions()).map_or(Ok(()), Err)?;
        let (pack, exam) = self.catalogue.exam(exam)?;
        let seed = seed.unwrap_or_else(Seed::random);
        let tasks = draw_tasks(pack, exam, seed, origin)?;
        let kind = plan::Kind::Exam { exam: exam.name.clone(), minutes: exam.minutes, pass: exam.pass };
        let plan = Plan { kind, seed, pack: pack.name.clone(), cluster: origin.to_string(), tasks };
        self.sweep();
        Driver::begin(self.clone(), plan)
    }

    /// Every session on the disk that can be read, newest first.
    pub fn found(&self) -> Vec<Found> {
        found(&self.sessions())
    }

    /// The exams that go on, newest first.
    pub fn under_way(&self) -> Vec<Found> {
        let goes_on = |found: &Found| found.session.plan().kind.is_exam() && !found.session.finished();
        self.found().into_iter().filter(goes_on).collect()
    }

    /// Writes down what killed practices brought, and takes them away; and what an exam brought whose end met a full disk.
    pub fn sweep(&self) {
        for found in self.found() {
            let exam = found.session.plan().kind.is_exam();
            if exam && !found.session.finished() {
                continue;
            }
            // Somebody may have begun to drive it, or to sweep it away, since it was found.
            let Ok(Some(_lock)) = ledger::lock(&found.dir) else { continue };
            // What was killed ended when it was last heard of.
            let attempts = crate::progress::attempt::attempts(&found.session, found.session.last());
            let gone = || files::remove_all(&found.dir).map_err(|error| unwritable(&found.dir, &error));
            // An exam keeps its journal, from which its results are read.
            let swept = records::add(&self.history(), &attempts).and_then(|()| if exam { Ok(()) } else { gone() });
            if let Err(error) = swept {
                tracing::warn!("{error}");
            }
        }
    }
}

/// Says so when there is no `kubectl` to practise with.
pub fn need_kubectl() -> Result<(), AppError> {
    if super::machine::on_path("kubectl").is_some() {
        return Ok(());
    }
    Err(AppError::new(Kind::Environment, "there is nothing to practise with", "no kubectl is on the PATH")
        .hint("https://kubernetes.io/docs/tasks/tools/ tells how to install it; kubedrill doctor looks again"))
}

fn draw_tasks(pack: &Arc<Pack>, exam: &pack::Blueprint, seed: Seed, origin: &Origin) -> Result<Vec<Task>, AppError> {
    let candidates: Vec<Candidate> = pack.scenarios.iter().map(|scenario| candidate(scenario)).collect();
    if let Tasks::Scenarios(names) = &exam.tasks {
        return listed(pack, names, &candidates, seed);
    }
    let weights = match &exam.tasks {
        Tasks::OfDomains(counts) => {
            counts.iter().map(|(domain, count)| Weight { domain: domain.clone(), weight: *count }).collect()
        }
        _ => weights(pack),
    };
    let blueprint = Blueprint {
        name: exam.name.clone(),
        minutes: exam.minutes,
        pass: exam.pass,
        tasks: tasks_of(exam) as usize,
        weights,
    };
    // A cluster that is not open yet is taken to have what is asked; the task says so if it has not.
    let needed = || candidates.iter().flat_map(|candidate| candidate.requires.iter().cloned()).collect();
    let capabilities = promised_words(origin).unwrap_or_else(needed);
    draw::draw(&blueprint, &candidates, &capabilities, seed).map_err(|error| {
        AppError::new(Kind::Pack, "the exam cannot be drawn", error)
            .hint("kubedrill exam --list shows the exams there are")
    })
}

fn listed(pack: &Pack, names: &[String], candidates: &[Candidate], seed: Seed) -> Result<Vec<Task>, AppError> {
    let mut tasks = Vec::new();
    for name in names {
        let id = format!("{}/{name}", pack.name);
        let candidate = candidates.iter().find(|candidate| candidate.id == id).ok_or_else(|| {
            AppError::new(Kind::Pack, "the exam cannot be drawn", format!("the pack has no scenario {name}"))
                .hint("kubedrill pack lint FOLDER shows everything at once")
        })?;
        tasks.push(candidate);
    }
    let task = |(number, candidate): (u32, &Candidate)| {
        let drawn = Seed(seed.derive(&format!("task {number}")).0 % 1_000_000);
        Task::of(candidate, drawn)
    };
    let mut tasks: Vec<Task> = (1..).zip(tasks).map(task).collect();
    draw::weigh(&mut tasks, &weights(pack));
    Ok(tasks)
}
