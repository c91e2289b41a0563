//! All packs at hand: the ones inside the program, installed ones, and folders that were named.
//! Finding a scenario by what somebody typed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use super::folder::Folder;
use super::load::Scenario;
use super::nearest::nearest;
use super::pack::{PACK_FILE, Pack};
use super::problem::{PackError, Problem};
use crate::base::dirs::Dirs;
use crate::base::files;

include!(concat!(env!("OUT_DIR"), "/packs.rs"));

/// The packs at hand.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    packs: Vec<Arc<Pack>>,
    broken: Vec<PackError>,
}

/// Nothing has the name that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// No scenario is called so.
    #[error("there is no scenario `{name}`{}", advice(.near))]
    Scenario {
        /// What was asked for.
        name: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// Several packs have a scenario called so.
    #[error("several packs have a scenario `{name}`: {}", .ids.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// The ids it may mean.
        ids: Vec<String>,
    },
    /// No exam is called so.
    #[error("there is no exam `{name}`{}", advice(.near))]
    Exam {
        /// What was asked for.
        name: String,
        /// What was probably meant.
        near: Option<String>,
    },
}

fn advice(near: &Option<String>) -> String {
    near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

impl Catalogue {
    /// The packs inside the program.
    pub fn embedded() -> Result<Self, PackError> {
        let mut catalogue = Self::default();
        for (name, files) in EMBEDDED {
            catalogue.packs.push(Arc::new(Pack::of_folder(Folder::of_texts(name, files.iter().copied()))?));
        }
        Ok(catalogue)
    }

    /// The packs inside the program and the ones this user installed. Of two with the same name the installed one counts; one that
    /// cannot be read is left out, and told by [`Catalogue::broken`].
    pub fn of_user(dirs: &Dirs) -> Result<Self, PackError> {
        let mut catalogue = Self::embedded()?;
        for folder in installed(dirs) {
            match Pack::open(&folder) {
                Ok(pack) => drop(catalogue.add(pack)),
                Err(error) => catalogue.broken.push(error),
            }
        }
        Ok(catalogue)
    }

    /// Why installed packs were left out.
    pub fn broken(&self) -> &[PackError] {
        &self.broken
    }

    /// Adds the pack of a folder that was named.
    pub fn add_folder(&mut self, path: &Path) -> Result<Arc<Pack>, PackError> {
        Ok(self.add(Pack::open(path)?))
    }

    /// Adds a pack, in place of one with the same name.
    pub fn add(&mut self, pack: Pack) -> Arc<Pack> {
        let pack = Arc::new(pack);
        self.packs.retain(|known| known.name != pack.name);
        self.packs.push(Arc::clone(&pack));
        pack
    }

    /// All packs.
    pub fn packs(&self) -> &[Arc<Pack>] {
        &self.packs
    }

    /// The pack with this name.
    pub fn pack(&self, name: &str) -> Option<&Arc<Pack>> {
        self.packs.iter().find(|pack| pack.name == name)
    }

    /// All scenarios of all packs.
    pub fn scenarios(&self) -> impl Iterator<Item = &Arc<Scenario>> {
        self.packs.iter().flat_map(|pack| &pack.scenarios)
    }

    /// The scenario with this id (`pack/scenario`), or with this name where only one pack has it.
    pub fn find(&self, name: &str) -> Result<&Arc<Scenario>, NotFound> {
        let called =
            |scenario: &Scenario| if name.contains('/') { scenario.id() == name } else { scenario.name == name };
        let mut found = self.scenarios().filter(|scenario| called(scenario));
        match (found.next(), found.next()) {
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => {
                let ids = self.scenarios().filter(|scenario| called(scenario)).map(|scenario| scenario.id()).collect();
                Err(NotFound::Ambiguous { name: name.to_owned(), ids })
            }
            (None, _) => {
                let ids: Vec<String> = self.scenarios().map(|scenario| scenario.id()).collect();
                let names = self.scenarios().map(|scenario| scenario.name.as_str());
                let near = nearest(name, names.chain(ids.iter().map(String::as_str))).map(str::to_owned);
                Err(NotFound::Scenario { name: name.to_owned(), near })
            }
        }
    }

    /// The pack and exam with this name: `exam` or `pack/exam`; the first pack's first exam where none is named.
    pub fn exam(&self, name: Option<&str>) -> Result<(&Arc<Pack>, &super::pack::Blueprint), NotFound> {
        let all = || self.packs.iter().flat_map(|pack| pack.spec.exams.iter().map(move |exam| (pack, exam)));
        let Some(name) = name else {
            return all().next().ok_or(NotFound::Exam { name: "mock".to_owned(), near: None });
        };
        let called = |(pack, exam): &(&Arc<Pack>, &super::pack::Blueprint)| {
            exam.name == name || format!("{}/{}", pack.name, exam.name) == name
        };
        all().find(called).ok_or_else(|| {
            let near = nearest(name, all().map(|(_, exam)| exam.name.as_str())).map(str::to_owned);
            NotFound::Exam { name: name.to_owned(), near }
        })
    }
}

/// Where a pack of this name is or would be installed.
pub fn install_path(dirs: &Dirs, name: &str) -> PathBuf {
    dirs.data.join("packs").join(name)
}

/// Copies a pack to where [`Catalogue::of_user`] finds it, in place of one with the same name. Returns the folder.
pub fn install(dirs: &Dirs, pack: &Pack) -> io::Result<PathBuf> {
    let place = install_path(dirs, &pack.name);
    let parent = dirs.data.join("packs");
    files::private_dir(&parent)?;
    let new = tempfile::Builder::new().prefix(".new-").tempdir_in(&parent)?;
    for (path, file) in pack.folder.files() {
        let path = new.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(new.path()))?;
        fs::write(path, file.text.as_bytes())?;
    }
    // The old one is moved away first: a folder cannot be replaced by another in one step.
    let old = tempfile::Builder::new().prefix(".old-").tempdir_in(&parent)?;
    match fs::rename(&place, old.path().join("pack")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => fs::rename(new.keep(), &place)?,
    }
    Ok(place)
}

fn installed(dirs: &Dirs) -> Vec<PathBuf> {
    let entries = fs::read_dir(dirs.data.join("packs")).into_iter().flatten().flatten();
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let is_pack = |path: &PathBuf| !hidden(path) && path.join(PACK_FILE).is_file();
    let mut folders: Vec<_> = entries.map(|entry| entry.path()).filter(is_pack).collect();
    folders.sort();
    folders
}

impl From<NotFound> for PackError {
    fn from(error: NotFound) -> Self {
        Problem::in_file("catalogue", "not-found", error.to_string()).into()
    }
}
