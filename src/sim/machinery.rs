//! The machines of a world: where they are kept, and the ear for what is typed on them.
//! What a machine is stands in `machine`, what is typed there in `shell`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::apiserver::client::Client;
use super::etcd;
use super::etcd::real::{Programs, RealEtcd};
use super::machine::etcd::Real;
use super::machine::{Birth, Born, Machines};
use super::nodes::Kubelet;
use super::nodes::heartbeat::Plan;
use super::shell::call::{Control, Inside};
use super::shell::server::Listening;

/// Where the machines are kept.
enum Place {
    Kept(PathBuf),
    /// Gone with the cluster.
    Gone(tempfile::TempDir),
}

impl Place {
    fn of(dir: Option<&Path>) -> Result<Self, FolderError> {
        match dir {
            Some(dir) => Ok(Self::Kept(dir.join("nodes"))),
            None => Ok(Self::Gone(tempfile::tempdir().map_err(folder_error(&std::env::temp_dir()))?)),
        }
    }

    fn folder(&self) -> &Path {
        match self {
            Self::Kept(folder) => folder,
            Self::Gone(folder) => folder.path(),
        }
    }
}

/// What the system said about a folder of the cluster's.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the cluster's folder {path}: {source}")]
pub struct FolderError {
    path: PathBuf,
    source: std::io::Error,
}

/// Names the folder the system said something about.
pub fn folder_error(path: &Path) -> impl Fn(std::io::Error) -> FolderError + use<> {
    let path = path.to_owned();
    move |source| FolderError { path: path.clone(), source }
}

/// The machines, and who listens for them.
pub struct Machinery {
    pub machines: Arc<Machines>,
    pub inside: Inside,
    /// The real etcd, where there is one.
    pub real: Option<Arc<RealEtcd>>,
    pub listening: Listening,
    _place: Place,
}

impl Machinery {
    /// Machines for all nodes of a cluster kept in `dir`, as planned; `client` is the cluster's own, `birth` what they are born with,
    /// `control` what follows from what is done there; `programs` are those of a real etcd, where one is to hold the cluster.
    pub fn start(
        (dir, plans): (Option<&Path>, &[Plan]),
        (client, kubelet): (Client, Arc<Kubelet>),
        (birth, programs): (impl FnOnce(String) -> Birth, Option<Programs>),
        control: impl FnOnce(&Arc<Machines>, Option<Arc<RealEtcd>>) -> Arc<dyn Control>,
    ) -> Result<Self, FolderError> {
        let place = Place::of(dir)?;
        let failed = folder_error(place.folder());
        let version = plans.first().map(|plan| plan.version.clone()).unwrap_or_default();
        let machines = Arc::new(Machines::new(place.folder().to_owned(), birth(version)));
        for plan in plans {
            let born = Born { address: plan.address(), control_plane: plan.control_plane, blank: plan.blank };
            machines.add(&plan.name, born).map_err(&failed)?;
        }
        let etcd = Arc::new(etcd::Keys(client.server().clone()));
        let log = place.folder().join("etcd.log");
        let real = programs.map(|programs| Arc::new(RealEtcd::new(programs, client.server().clone(), log)));
        let control = control(&machines, real.clone());
        let asked = real.clone().map(|real| real as Arc<dyn Real>);
        let inside = Inside { machines: machines.clone(), client, control, kubelet, etcd, real: asked };
        let listening = Listening::start(place.folder(), inside.clone()).map_err(&failed)?;
        Ok(Self { machines, inside, real, listening, _place: place })
    }
}
