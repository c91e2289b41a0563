//! The history's file: read whole, added to at the end of a session, no attempt twice.
//! What follows from attempts is progress's.

use std::io;
use std::path::Path;

use super::error::{AppError, Kind};
use crate::base::files::{self, LineFile};
use crate::progress::attempt::Attempt;
use crate::progress::history::{self, History};

/// Reads the history; an absent file is an empty one.
pub fn read(path: &Path) -> Result<History, AppError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(History::read(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(History::default()),
        Err(error) => {
            let why = format!("{}: {error}", path.display());
            Err(AppError::new(Kind::Environment, "the history cannot be read", why))
        }
    }
}

/// Adds attempts; those that are there already, from a session that was killed while it ended, are not added again.
pub fn add(path: &Path, attempts: &[Attempt]) -> Result<(), AppError> {
    let write = || -> io::Result<()> {
        if let Some(folder) = path.parent() {
            files::private_dir(folder)?;
        }
        let mut file = LineFile::open(path)?;
        // Another process may be adding the same.
        file.lock()?;
        let known = History::read(&std::fs::read(path)?);
        let same = |a: &Attempt, b: &Attempt| (&a.scenario, a.seed, a.started) == (&b.scenario, b.seed, b.started);
        for attempt in attempts {
            if !known.attempts().iter().any(|known| same(known, attempt)) {
                file.append(&history::write(attempt))?;
            }
        }
        Ok(())
    };
    write().map_err(|error| unwritable(path, &error))
}

/// What is told when something that must be kept cannot be written.
pub fn unwritable(path: &Path, error: &io::Error) -> AppError {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space on the disk, then do the same again; nothing that was done before is lost"
        }
        _ => "kubedrill doctor tells where things are kept; KUBEDRILL_HOME=FOLDER keeps them elsewhere",
    };
    AppError::new(Kind::Environment, "a file cannot be written or removed", format!("{}: {error}", path.display()))
        .hint(hint)
}
