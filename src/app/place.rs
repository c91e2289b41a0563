//! Where a session's tasks lie on the disk: each its own folder with its cluster, work and solution; opened fresh or as it was left.
//! What is laid there is the lab's.

use std::path::{Path, PathBuf};

use super::driver::Witness;
use super::error::{AppError, Kind};
use super::records::unwritable;
use crate::base::clock::Clock;
use crate::base::files;
use crate::cluster::{self, ClusterError, Origin, Wish};
use crate::lab::{Lab, LabError};
use crate::scenario::variant::Variant;

/// The variable that tells commands typed in the learner's shell which session they are about.
pub const SESSION: &str = "KUBEDRILL_SESSION";

/// One task's folder.
pub struct TaskPlace {
    dir: PathBuf,
    name: String,
}

impl TaskPlace {
    /// The folder of a session's task, counted from 0.
    pub fn of(session: &Path, task: usize) -> Self {
        let id = session.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self { dir: session.join(format!("task-{}", task + 1)), name: format!("{id}-{}", task + 1) }
    }

    /// Written when a lab is laid whole; without it, what is there is half of one.
    fn laid(&self) -> PathBuf {
        self.dir.join("laid")
    }

    /// Whether a lab was laid here whole.
    pub fn is_laid(&self) -> bool {
        self.laid().exists()
    }

    /// Opens the lab: as it was left, or laid anew.
    pub async fn open(&self, origin: &Origin, variant: &Variant, witness: &dyn Witness) -> Result<Lab, AppError> {
        if let Some(what) = variant.topology.only_simulated().filter(|_| *origin != Origin::Embedded) {
            let why = format!("it needs {what}, which only the embedded cluster has");
            return Err(AppError::new(Kind::Environment, "the task cannot be laid on this cluster", why)
                .hint("leave --cluster out to have it on the embedded cluster"));
        }
        let again = self.is_laid();
        if !again {
            self.remove()?;
        }
        witness.progress(if again { "bringing the cluster back as it was" } else { "starting the cluster" }, 0, 2);
        let wish = Wish {
            name: self.name.clone(),
            dir: self.dir.clone(),
            topology: variant.topology.clone(),
            port: 0,
            keep: true,
            clock: Clock::system(),
        };
        let cluster = cluster::open(origin, &wish).await?;
        let lacking = cluster.capabilities().lacking(&variant.requires);
        // What a learner has done to the nodes since, such as drain one, is no reason not to go on.
        if !again && !lacking.is_empty() {
            let words: Vec<&str> = lacking.iter().map(|capability| capability.word()).collect();
            let why = format!("the cluster {} lacks {}", cluster.name(), words.join(", "));
            cluster.close().await?;
            let hint = match origin {
                Origin::Embedded => "kubedrill doctor says why, and how to get it",
                _ => "leave --cluster out to have it on the embedded cluster",
            };
            return Err(AppError::new(Kind::Environment, "the task cannot be laid on this cluster", why).hint(hint));
        }
        witness.progress("laying the task", 1, 2);
        let laid = if again {
            Lab::resume(variant.clone(), cluster.clone(), &self.dir)
        } else {
            Lab::lay(variant.clone(), cluster.clone(), &self.dir).await
        };
        match laid {
            Ok(lab) => {
                files::write_atomic(&self.laid(), b"", 0o600).map_err(|error| unwritable(&self.laid(), &error))?;
                Ok(lab)
            }
            Err(error) => {
                // What was laid before stays, and with it the cluster, where that does not live in this process.
                if (!again || *origin == Origin::Embedded)
                    && let Err(error) = cluster.close().await
                {
                    tracing::warn!("a cluster does not close: {error}");
                }
                Err(error.into())
            }
        }
    }

    /// Takes the folder away.
    pub fn remove(&self) -> Result<(), AppError> {
        files::remove_all(&self.dir).map_err(|error| unwritable(&self.dir, &error))
    }
}

/// Whether a reset failed only because the cluster does not remember how it was laid.
pub fn forgot_its_beginning(error: &LabError) -> bool {
    matches!(error, LabError::Cluster(ClusterError::NoCheckpoint(_)))
}

/// Writes down which pack's folder a session needs beside those installed.
pub fn remember_workshop(session: &Path, workshop: Option<&Path>) -> Result<(), AppError> {
    let Some(workshop) = workshop else { return Ok(()) };
    let path = session.join("pack");
    files::write_atomic(&path, workshop.to_string_lossy().as_bytes(), 0o600).map_err(|error| unwritable(&path, &error))
}

/// The pack's folder a session needs.
pub fn workshop(session: &Path) -> Option<PathBuf> {
    std::fs::read_to_string(session.join("pack")).ok().map(PathBuf::from)
}

/// The shell's `PATH` with this program's folder at its end, so that `kubedrill grade` can be typed there.
pub fn path_with_program(env: &[(String, String)]) -> Option<(String, String)> {
    let program = std::env::current_exe().ok()?;
    let path = env.iter().rev().find(|(name, _)| name == "PATH").map(|(_, path)| path.into());
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path.or_else(|| std::env::var_os("PATH"))?).collect();
    folders.push(program.parent()?.to_owned());
    Some(("PATH".to_owned(), std::env::join_paths(folders).ok()?.into_string().ok()?))
}
