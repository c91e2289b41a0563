//! Clusters of one's own, without a task: begun, found, reset, ended.
//! Where clusters come from is the cluster layer's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::mpsc::UnboundedSender;

use super::control::{self, Ask, Host, Say, Status};
use super::error::{AppError, Kind};
use super::home;
use super::ledger;
use super::machine::server_of;
use super::records::unwritable;
use crate::base::clock::Clock;
use crate::base::files;
use crate::base::topology::Topology;
use crate::cluster::{self, Cluster, Origin, Wish};

/// The state a reset goes back to.
const BORN: &str = "born";

/// How a cluster of one's own is to be.
#[derive(Clone, Debug)]
pub struct OwnWish {
    pub name: String,
    /// Its machines and its version.
    pub topology: Topology,
    /// 0 for any that is free.
    pub port: u16,
    /// How many of its seconds pass in one of the wall's.
    pub speed: f64,
    /// Where its kubeconfig is written besides.
    pub kubeconfig: Option<PathBuf>,
}

/// Answers for a cluster that runs in this process.
pub struct ClusterHost {
    dir: PathBuf,
    status: Status,
    cluster: Arc<dyn Cluster>,
    _lock: ledger::Lock,
}

/// The folder of a cluster.
fn folder(name: &str) -> Result<PathBuf, AppError> {
    Ok(home::dirs()?.state.join("clusters").join(name))
}

impl ClusterHost {
    /// Starts a cluster.
    pub async fn start(wish: &OwnWish) -> Result<Self, AppError> {
        let dir = folder(&wish.name)?;
        files::private_dir(&dir).map_err(|error| unwritable(&dir, &error))?;
        let lock = ledger::lock(&dir)?.ok_or_else(|| {
            AppError::new(Kind::Usage, "no second cluster starts", format!("one called {} is up already", wish.name))
                .hint(format!("kubedrill cluster down --name {} ends it; --name NAME starts another one", wish.name))
        })?;
        let asked = Wish {
            name: wish.name.clone(),
            dir: dir.clone(),
            topology: wish.topology.clone(),
            port: wish.port,
            keep: false,
            clock: Clock::fast(wish.speed),
        };
        let cluster = cluster::open(&Origin::Embedded, &asked).await?;
        if let Some(checkpoints) = cluster.checkpoints() {
            checkpoints.take(BORN).await?;
        }
        let mut kubeconfig = cluster.kubeconfig().to_owned();
        if let Some(copy) = &wish.kubeconfig {
            let copied = std::fs::read(&kubeconfig).and_then(|text| files::write_atomic(copy, &text, 0o600));
            copied.map_err(|error| unwritable(copy, &error))?;
            kubeconfig = std::path::absolute(copy).unwrap_or_else(|_| copy.clone());
        }
        let status = Status {
            name: wish.name.clone(),
            title: match wish.topology.workers {
                1 => "a control plane and 1 worker".to_owned(),
                workers => format!("a control plane and {workers} workers"),
            },
            cluster: Origin::Embedded.to_string(),
            server: server_of(cluster.kubeconfig()),
            kubeconfig,
            nodes: cluster.way_in(),
            pid: std::process::id(),
            ..Status::default()
        };
        Ok(Self { dir, status, cluster, _lock: lock })
    }

    /// Where it is kept.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What runs.
    pub fn status(&self) -> Status {
        self.status.clone()
    }

    async fn answered(&self, ask: Ask) -> Result<Say, AppError> {
        match ask {
            Ask::Status => Ok(Say::Status(Box::new(self.status()))),
            Ask::Reset => {
                if let Some(checkpoints) = self.cluster.checkpoints() {
                    checkpoints.restore(BORN).await?;
                }
                Ok(Say::Done)
            }
            Ask::Stop => close(self).await.map(|()| Say::Done),
            _ => Err(AppError::new(Kind::Usage, "that is not possible here", "this is a cluster without a task")
                .hint("kubedrill start SCENARIO opens a task")),
        }
    }
}

impl Host for ClusterHost {
    fn answer(&self, ask: Ask, say: UnboundedSender<Say>) -> BoxFuture<'_, ()> {
        async move {
            let _ = say.send(self.answered(ask).await.unwrap_or_else(Say::Failed));
        }
        .boxed()
    }
}

/// Ends a cluster of this process; a second time does nothing.
pub async fn close(host: &ClusterHost) -> Result<(), AppError> {
    host.cluster.close().await?;
    if host.status.kubeconfig.exists() {
        let _ = std::fs::remove_file(&host.status.kubeconfig);
    }
    let _ = std::fs::remove_file(control::socket(&host.dir));
    files::remove_all(&host.dir).map_err(|error| unwritable(&host.dir, &error))
}

/// The names of the clusters that are up.
pub fn up() -> Result<Vec<String>, AppError> {
    let entries = std::fs::read_dir(home::dirs()?.state.join("clusters")).into_iter().flatten().flatten();
    let running = |dir: &Path| matches!(ledger::lock(dir), Ok(None));
    let mut names: Vec<String> = entries
        .filter(|entry| running(&entry.path()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

/// Asks a cluster that is up.
pub async fn ask(name: &str, ask: Ask) -> Result<Say, AppError> {
    if !up()?.iter().any(|known| known == name) {
        return Err(AppError::new(Kind::Usage, "there is nothing open", format!("no cluster called {name} is up"))
            .hint("kubedrill cluster up --detach starts one; kubedrill cluster list shows those that are up"));
    }
    control::ask(&folder(name)?, ask, |_| {}).await
}
