//! One session on the disk: its folder, the lock that keeps a second process away, and the journal that is written before anything is done.
//! What the events mean is the exam layer's.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::error::{AppError, Kind};
use super::records::unwritable;
use crate::base::clock::Clock;
use crate::base::files::{self, LineFile};
use crate::exam::event::{Command, Effect, Entry, Event, Refusal};
use crate::exam::journal;
use crate::exam::plan::Plan;
use crate::exam::session::Session;

/// A session and its journal.
pub struct Ledger {
    pub dir: PathBuf,
    clock: Clock,
    state: Mutex<State>,
    /// Held as long as the session is driven; the system lets go of it when the process dies.
    _lock: Lock,
}

/// A folder's lock, as long as this is held.
pub struct Lock(File);

impl Drop for Lock {
    /// Closing the file is not enough: a program that is just being started has a copy of it until it has begun.
    fn drop(&mut self) {
        // What is not let go of now is with the last copy.
        let _ = self.0.unlock();
    }
}

struct State {
    session: Session,
    /// `None` after a line could not be written: it is opened anew before the next.
    file: Option<LineFile>,
}

/// The lock of a session's folder, or `None` when another process drives it.
pub fn lock(dir: &Path) -> Result<Option<Lock>, AppError> {
    let path = dir.join("lock");
    let failed = |error| unwritable(&path, &error);
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Reads a session without driving it.
pub fn look(dir: &Path) -> Result<Session, AppError> {
    let path = dir.join("journal.jsonl");
    let unreadable = |why: String| {
        AppError::new(Kind::Environment, "the session cannot be read", format!("{}: {why}", path.display()))
            .hint("move its folder away to go on without it")
    };
    let bytes = std::fs::read(&path).map_err(|error| unreadable(error.to_string()))?;
    let journal = journal::read(&bytes).map_err(|error| unreadable(error.to_string()))?;
    Session::replay(&journal.entries).map_err(|error| unreadable(error.to_string()))
}

fn driven_elsewhere() -> AppError {
    AppError::new(Kind::Usage, "the session is open already", "another kubedrill drives it")
        .hint("go on there, or end that one first")
}

impl Ledger {
    /// Begins a session in a folder of its own.
    pub fn begin(dir: &Path, plan: Plan, clock: Clock) -> Result<Self, AppError> {
        files::private_dir(dir).map_err(|error| unwritable(dir, &error))?;
        let lock = lock(dir)?.ok_or_else(driven_elsewhere)?;
        let at = clock.now();
        let session = Session::start(plan.clone(), at);
        let ledger = Self { dir: dir.to_owned(), clock, state: State { session, file: None }.into(), _lock: lock };
        let mut file = ledger.open_file()?;
        ledger.append(&mut file, &Entry { at, event: Event::Started { plan } })?;
        ledger.state.lock().unwrap_or_else(PoisonError::into_inner).file = Some(file);
        Ok(ledger)
    }

    /// Goes on with a session, killed or left. The effects are what is still due.
    pub fn resume(dir: &Path, clock: Clock) -> Result<(Self, Vec<Effect>), AppError> {
        let lock = lock(dir)?.ok_or_else(driven_elsewhere)?;
        let session = look(dir)?;
        let ledger = Self { dir: dir.to_owned(), clock, state: State { session, file: None }.into(), _lock: lock };
        let mut state = ledger.state.lock().unwrap_or_else(PoisonError::into_inner);
        let due = ledger.reopen(&mut state)?;
        drop(state);
        Ok((ledger, due))
    }

    fn path(&self) -> PathBuf {
        self.dir.join("journal.jsonl")
    }

    fn open_file(&self) -> Result<LineFile, AppError> {
        LineFile::open(&self.path()).map_err(|error| unwritable(&self.path(), &error))
    }

    fn append(&self, file: &mut LineFile, entry: &Entry) -> Result<(), AppError> {
        file.append(&journal::write(entry)).map_err(|error| unwritable(&self.path(), &error))
    }

    /// Opens the file anew and goes on, as after a kill.
    fn reopen(&self, state: &mut State) -> Result<Vec<Effect>, AppError> {
        state.file = Some(self.open_file()?);
        self.obey(state, Command::Resume)
    }

    fn obey(&self, state: &mut State, command: Command) -> Result<Vec<Effect>, AppError> {
        let at = self.clock.now();
        let mut due = Vec::new();
        for event in state.session.decide(command, at)? {
            let entry = Entry { at, event };
            if let Some(mut file) = state.file.take() {
                self.append(&mut file, &entry)?;
                state.file = Some(file);
            }
            due.extend(state.session.apply(&entry));
        }
        Ok(due)
    }

    /// Does what is asked of the session: written down first, then applied. What is to be done about it is for the caller to do.
    pub fn command(&self, command: Command) -> Result<Vec<Effect>, AppError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = Vec::new();
        if state.file.is_none() {
            due.extend(self.reopen(&mut state)?);
        }
        due.extend(self.obey(&mut state, command)?);
        Ok(due)
    }

    /// Looks at the session.
    pub fn see<T>(&self, look: impl FnOnce(&Session) -> T) -> T {
        look(&self.state.lock().unwrap_or_else(PoisonError::into_inner).session)
    }
}

impl From<Refusal> for AppError {
    fn from(refusal: Refusal) -> Self {
        let hint = match refusal {
            Refusal::NoHintsInExam | Refusal::NoSolutionsInExam | Refusal::GradedAtTheEnd => {
                "F4 shows the list of tasks, where the exam is handed in"
            }
            Refusal::NoMoreHints { .. } => "kubedrill solve shows the solution",
            Refusal::Over => "kubedrill start SCENARIO begins anew",
            _ => "kubedrill --help shows every command",
        };
        Self::new(Kind::Usage, "that is not possible now", refusal).hint(hint)
    }
}
