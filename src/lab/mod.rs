//! Lays a scenario on a cluster, resets, solves, cleans up.
//! Judging what the learner did is grading's.

pub mod claims;
mod foreign;
mod inside;
mod nodes;
mod shell;
mod steps;
mod traces;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use shell::Shell;

use crate::base::capability::Capability;
use crate::base::files;
use crate::cluster::{AskError, Cluster, ClusterError, Objects};
use crate::scenario::step::Step;
use crate::scenario::variant::Variant;

/// The state of a cluster right after a scenario was laid on it.
const LAID: &str = "laid";

/// Why a lab is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    #[error("{what}: {source}")]
    Ask { what: String, source: AskError },
    #[error("waited {seconds} s for {what}, in vain: {why}")]
    Waited { what: String, seconds: u64, why: String },
    #[error("the commands ended with {code}:\n{output}")]
    Run { code: String, output: String },
    #[error("{0}")]
    Foreign(String),
    #[error("{0}")]
    Node(String),
    #[error("cannot use {path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

/// A task laid on a cluster.
pub struct Lab {
    pub variant: Variant,
    pub cluster: Arc<dyn Cluster>,
    pub objects: Arc<Objects>,
    dir: PathBuf,
    foreign: Option<foreign::Footprint>,
}

impl Lab {
    /// Lays a variant on a cluster. `dir` is the lab's own folder; an earlier lab's files there are gone.
    pub async fn lay(variant: Variant, cluster: Arc<dyn Cluster>, dir: &Path) -> Result<Self, LabError> {
        let mut lab = Self::at(variant, cluster, dir);
        lab.write_files(true)?;
        if lab.cluster.checkpoints().is_none() {
            lab.foreign = Some(foreign::Footprint::before(&lab).await?);
        }
        for step in lab.variant.setup.clone() {
            if let Err(error) = steps::run(&lab, &step).await {
                // Half of a task is of no use on somebody's cluster; why it is not whole is what matters.
                let _ = lab.clean().await;
                return Err(error);
            }
        }
        if let Some(checkpoints) = lab.cluster.checkpoints() {
            checkpoints.take(LAID).await?;
        }
        Ok(lab)
    }

    /// A lab that was laid before, on a cluster that is still as the learner left it. Nothing is changed.
    pub fn resume(variant: Variant, cluster: Arc<dyn Cluster>, dir: &Path) -> Result<Self, LabError> {
        let lab = Self::at(variant, cluster, dir);
        lab.write_files(false)?;
        let foreign = match lab.cluster.checkpoints() {
            Some(_) => None,
            None => Some(foreign::Footprint::load(&lab)?),
        };
        Ok(Self { foreign, ..lab })
    }

    fn at(variant: Variant, cluster: Arc<dyn Cluster>, dir: &Path) -> Self {
        let objects = Arc::new(Objects::of(cluster.as_ref()));
        Self { variant, cluster, objects, dir: dir.to_owned(), foreign: None }
    }

    /// The task's working directory: the learner's shell starts here, and answers are written here.
    pub fn work(&self) -> PathBuf {
        self.dir.join("work")
    }

    /// Where the files of the solution stand, drawn.
    fn solution(&self) -> PathBuf {
        self.dir.join("solution")
    }

    /// Brings cluster and working directory back to how they were laid.
    pub async fn reset(&mut self) -> Result<(), LabError> {
        self.write_files(true)?;
        match self.cluster.checkpoints() {
            Some(checkpoints) => Ok(checkpoints.restore(LAID).await?),
            // What was done inside of nodes can be anything: such a cluster is made anew.
            None if self.variant.requires.contains(&Capability::NodeShell) => {
                Err(ClusterError::NoCheckpoint(LAID.to_owned()).into())
            }
            None => {
                self.erase().await?;
                for step in self.variant.setup.clone() {
                    steps::run(self, &step).await?;
                }
                Ok(())
            }
        }
    }

    /// Does what a solution or a wrong answer does.
    pub async fn answer(&self, steps: &[Step]) -> Result<(), LabError> {
        let before = match self.foreign {
            Some(_) => Some(traces::loose(self).await?),
            None => None,
        };
        let mut done = Ok(());
        for step in steps {
            done = steps::run(self, step).await;
            if done.is_err() {
                break;
            }
        }
        if let Some(before) = before {
            traces::keep(self, &before).await?;
        }
        done
    }

    /// Takes away what was laid on a cluster that goes on existing. A cluster of our own is closed by who opened it.
    pub async fn clean(&self) -> Result<(), LabError> {
        if self.cluster.stays() { self.erase().await } else { Ok(()) }
    }

    async fn erase(&self) -> Result<(), LabError> {
        match &self.foreign {
            Some(footprint) => footprint.erase(self).await,
            None => Ok(()),
        }
    }

    /// The learner's shell for this task.
    pub fn shell(&self) -> Result<Shell, LabError> {
        shell::of(self)
    }

    fn write_files(&self, anew: bool) -> Result<(), LabError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| LabError::File { path, source }
        };
        let (work, solution) = (self.work(), self.solution());
        for folder in [&work, &solution] {
            if anew {
                files::remove_all(folder).map_err(failed(folder))?;
            }
            files::private_dir(folder).map_err(failed(folder))?;
        }
        for (name, text) in &self.variant.files {
            let path = solution.join(name);
            let folder = path.parent().unwrap_or(&solution);
            files::private_dir(folder)
                .and_then(|()| files::write_atomic(&path, text.as_bytes(), 0o600))
                .map_err(failed(&path))?;
        }
        Ok(())
    }
}
