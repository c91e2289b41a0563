//! The embedded backend: a simulated cluster in this process.
//! How it behaves is `sim`'s.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::capability::{Capabilities, Capability};
use super::traffic::Simulated;
use super::{Checkpoints, Cluster, ClusterError, Nodes, Traffic, Way, Wish, entry, nodes};
use crate::base::clock::Clock;
use crate::base::files;

use crate::sim::world::{Checkpoint, Options, World, WorldError};

/// How long a new cluster may take until its nodes and system Pods are ready.
const PATIENCE: Duration = Duration::from_secs(10);

/// A simulated cluster.
pub struct Embedded {
    world: tokio::sync::Mutex<Option<World>>,
    client: kube::Client,
    traffic: Arc<dyn Traffic>,
    clock: Clock,
    kubeconfig: PathBuf,
    workers: u8,
    nodes_socket: PathBuf,
    nodes: Arc<dyn Nodes>,
    /// Where checkpoints are kept, when the cluster is.
    dir: Option<PathBuf>,
    states: Mutex<HashMap<String, Arc<Checkpoint>>>,
}

impl Embedded {
    /// Starts one, or goes on with the one kept in the wish's folder, and waits until it is ready.
    pub async fn start(wish: &Wish) -> Result<Self, ClusterError> {
        let kubeconfig = wish.dir.join("kubeconfig");
        let file = |source| ClusterError::File { path: kubeconfig.clone(), source };
        files::private_dir(&wish.dir).map_err(file)?;
        let dir = wish.keep.then(|| wish.dir.join("cluster"));
        let world = World::start(Options {
            topology: wish.topology.clone(),
            clock: wish.clock,
            port: wish.port,
            dir: dir.clone(),
        })
        .await?;
        world.write_kubeconfig(&kubeconfig).map_err(file)?;
        if !world.ready(PATIENCE).await {
            tracing::warn!("the cluster's system Pods are still not ready");
        }
        world.begin_etcd().await?;
        let client = world.client()?;
        let clock = world.clock();
        let traffic = Arc::new(Simulated(world.network()));
        let nodes_socket = world.nodes_socket().to_owned();
        let nodes = Arc::new(nodes::Simulated(world.inside().clone()));
        Ok(Self {
            world: Some(world).into(),
            client,
            traffic,
            clock,
            kubeconfig,
            workers: wish.topology.workers,
            nodes_socket,
            nodes,
            dir,
            states: Mutex::default(),
        })
    }
}

/// What a simulated cluster with so many workers can do on this machine.
pub fn capabilities(workers: u8) -> Capabilities {
    let several = (workers > 1).then_some(Capability::SeveralNodes);
    let all = [
        Capability::Pods,
        Capability::Nodes,
        Capability::NodeNames,
        Capability::Network,
        Capability::NetworkPolicy,
        Capability::Metrics,
    ];
    let inside = if entry::found().mode.has_shell() { &[Capability::NodeShell, Capability::Etcdctl][..] } else { &[] };
    all.into_iter().chain(several).chain(inside.iter().copied()).collect()
}

impl Embedded {
    fn path(&self, checkpoint: &str) -> Option<PathBuf> {
        self.dir.as_ref().map(|dir| dir.join(format!("checkpoint-{checkpoint}.jsonl")))
    }
}

impl Cluster for Embedded {
    fn name(&self) -> String {
        "embedded".to_owned()
    }

    fn client(&self) -> kube::Client {
        self.client.clone()
    }

    fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    fn capabilities(&self) -> Capabilities {
        capabilities(self.workers)
    }

    fn clock(&self) -> Clock {
        self.clock
    }

    fn checkpoints(&self) -> Option<&dyn Checkpoints> {
        Some(self)
    }

    fn way_in(&self) -> Option<Way> {
        Some(Way::Socket(self.nodes_socket.clone()))
    }

    fn nodes(&self) -> Arc<dyn Nodes> {
        self.nodes.clone()
    }

    fn traffic(&self) -> Arc<dyn Traffic> {
        self.traffic.clone()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), ClusterError>> {
        async {
            if let Some(world) = self.world.lock().await.take() {
                world.stop().await;
            }
            Ok(())
        }
        .boxed()
    }
}

impl Checkpoints for Embedded {
    fn take(&self, name: &str) -> BoxFuture<'_, Result<(), ClusterError>> {
        let name = name.to_owned();
        async move {
            let world = self.world.lock().await;
            let world = world.as_ref().ok_or_else(|| ClusterError::Unreachable("it is closed".to_owned()))?;
            let folder = |error| WorldError::folder(world.machines().folder(), error);
            let still = world.still().await;
            world.machines().keep(&name).map_err(folder)?;
            let checkpoint = Arc::new(world.checkpoint());
            drop(still);
            if let Some(path) = self.path(&name) {
                checkpoint.save(&path).map_err(WorldError::from)?;
            }
            self.states.lock().unwrap_or_else(PoisonError::into_inner).insert(name, checkpoint);
            Ok(())
        }
        .boxed()
    }

    fn restore(&self, name: &str) -> BoxFuture<'_, Result<(), ClusterError>> {
        let name = name.to_owned();
        async move {
            let known = self.states.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
            let known = match (known, self.path(&name)) {
                (Some(known), _) => Some(known),
                // Taken before the program was killed.
                (None, Some(path)) => Checkpoint::load(&path).map_err(WorldError::from)?.map(Arc::new),
                (None, None) => None,
            };
            let known = known.ok_or_else(|| ClusterError::NoCheckpoint(name.clone()))?;
            let world = self.world.lock().await;
            let world = world.as_ref().ok_or_else(|| ClusterError::Unreachable("it is closed".to_owned()))?;
            let folder = |error| WorldError::folder(world.machines().folder(), error);
            let mut still = world.still().await;
            world.machines().bring_back(&name).map_err(folder)?;
            world.restore(&known).await;
            still.forget();
            world.settle_from(still).await;
            Ok(())
        }
        .boxed()
    }
}
