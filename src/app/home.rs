//! Where everything is found: this user's folders, the packs at hand, the clock.
//! What is in the history stands in `records`, what runs in `sessions`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{AppError, Kind};
use crate::base::clock::Clock;
use crate::base::dirs::Dirs;
use crate::base::seed::Seed;
use crate::scenario::folder::Folder;
use crate::scenario::load::{SCENARIO_FILE, Scenario};
use crate::scenario::pack::{PACK_FILE, Pack};
use crate::scenario::problem::{self, Problem};
use crate::scenario::{Catalogue, PackError, Severity, lint};

/// The user's folders and the packs at hand.
#[derive(Clone)]
pub struct Home {
    pub dirs: Dirs,
    pub catalogue: Arc<Catalogue>,
    pub clock: Clock,
    /// A pack's folder that was named, beside those installed.
    pub workshop: Option<PathBuf>,
    /// What the next exam is drawn with; by chance when not given.
    pub exam_seed: Option<Seed>,
}

/// The folders of this user.
pub fn dirs() -> Result<Dirs, AppError> {
    Dirs::of_user().ok_or_else(|| {
        AppError::new(Kind::Environment, "there is no place to keep anything", "this user has no home directory")
            .hint("KUBEDRILL_HOME=FOLDER kubedrill … keeps everything there")
    })
}

/// The folder of all sessions.
pub fn sessions(dirs: &Dirs) -> PathBuf {
    dirs.state.join("sessions")
}

/// The errors that lint finds in a pack's folder.
fn faults(folder: &Path) -> Result<Vec<Problem>, PackError> {
    let mut problems = lint::lint(Folder::read(folder)?);
    problems.retain(|problem| problem.severity == Severity::Error);
    Ok(problems)
}

/// Says why a pack cannot be used: what stopped the reader is often not what its author wrote wrong, so lint is asked.
fn unusable(folder: &Path, error: PackError) -> AppError {
    match faults(folder) {
        Ok(problems) if !problems.is_empty() => PackError { problems }.into(),
        _ => error.into(),
    }
}

/// The pack in a folder, if lint finds no error in it: what is proved or installed is without fault.
pub fn sound_pack(folder: &Path) -> Result<Pack, AppError> {
    let pack = Pack::open(folder).map_err(|error| unusable(folder, error))?;
    match faults(folder)? {
        problems if problems.is_empty() => Ok(pack),
        problems => Err(AppError::new(Kind::Pack, "the pack has errors", problem::render(&problems, false))
            .hint("kubedrill pack lint FOLDER shows warnings, too")),
    }
}

impl Home {
    /// The home of this user, with the pack in a folder that was named, if one was.
    pub fn open(workshop: Option<&Path>) -> Result<Self, AppError> {
        let dirs = dirs()?;
        let mut catalogue = Catalogue::of_user(&dirs)?;
        let workshop = workshop.map(std::path::absolute).transpose().map_err(|error| {
            AppError::new(Kind::Usage, "the pack cannot be used", error).hint("kubedrill pack new FOLDER makes one")
        })?;
        if let Some(folder) = &workshop {
            catalogue.add_folder(folder).map_err(|error| unusable(folder, error))?;
        }
        Ok(Self { dirs, catalogue: Arc::new(catalogue), clock: Clock::wall(), workshop, exam_seed: None })
    }

    /// The home in which what was typed is found: a scenario's folder brings its pack along, anything else is a name.
    pub fn with(typed: &str) -> Result<(Self, String), AppError> {
        let path = Path::new(typed);
        if !path.join(SCENARIO_FILE).is_file() {
            return Ok((Self::open(None)?, typed.to_owned()));
        }
        let folder = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let pack = folder.ancestors().skip(1).find(|above| above.join(PACK_FILE).is_file());
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let missing = || {
            AppError::new(
                Kind::Pack,
                "the scenario cannot be used",
                format!("no folder above {typed} has a {PACK_FILE}"),
            )
            .hint("kubedrill pack new FOLDER makes a pack")
        };
        let home = Self::open(Some(pack.ok_or_else(missing)?))?;
        Ok((home, name))
    }

    /// The scenario with this id or name.
    pub fn scenario(&self, name: &str) -> Result<Arc<Scenario>, AppError> {
        // A pack that was named comes first, and what it has is meant.
        let own = self.workshop.as_ref().and_then(|_| self.catalogue.packs().last()?.scenario(name));
        match own {
            Some(scenario) => Ok(scenario.clone()),
            None => Ok(self.catalogue.find(name)?.clone()),
        }
    }

    /// The pack with this name.
    pub fn pack(&self, name: &str) -> Result<Arc<Pack>, AppError> {
        self.catalogue.pack(name).cloned().ok_or_else(|| {
            AppError::new(Kind::Pack, "the pack is gone", format!("no pack called {name} is installed"))
                .hint("kubedrill pack list shows the packs at hand; kubedrill pack install FOLDER adds one")
        })
    }

    /// Why installed packs were left out.
    pub fn broken(&self) -> &[PackError] {
        self.catalogue.broken()
    }

    /// The folder of all sessions.
    pub fn sessions(&self) -> PathBuf {
        sessions(&self.dirs)
    }

    /// The file of all attempts.
    pub fn history(&self) -> PathBuf {
        self.dirs.state.join("history.jsonl")
    }
}
