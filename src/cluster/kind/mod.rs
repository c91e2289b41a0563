//! Clusters made by the `kind` command: made when wished for, found again when they are there, deleted on closing unless kept.
//! What such a cluster can do is found out as for any that is not ours.

pub mod containers;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::config::Kubeconfig;
use tokio::process::Command;

use containers::Containers;

use super::context::Foreign;
use super::{Capabilities, Capability, Checkpoints, Cluster, ClusterError, Nodes, Traffic, Way, Wish};
use crate::base::clock::Clock;
use crate::base::files;

/// A cluster of `kind`.
pub struct Kind {
    inner: Foreign,
    name: String,
    dir: PathBuf,
    nodes: Arc<Containers>,
}

/// Runs `kind` and gives what it printed.
async fn kind(args: &[&str]) -> Result<String, ClusterError> {
    let ended = Command::new("kind").args(args).stdin(Stdio::null()).output().await.map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no `kind` on the PATH".to_owned(),
            _ => format!("`kind` does not start: {error}"),
        };
        ClusterError::Refused(format!("{why}; https://kind.sigs.k8s.io tells how to install it, and it needs Docker"))
    })?;
    if ended.status.success() {
        return Ok(String::from_utf8_lossy(&ended.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    let said = said.trim();
    let docker = if said.contains("docker") || said.contains("podman") { "; is Docker running?" } else { "" };
    Err(ClusterError::Refused(format!("`kind {}` failed: {said}{docker}", args.join(" "))))
}

/// kind's own words for a cluster with so many workers.
fn topology(workers: u8) -> String {
    let mut text = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n  - role: control-plane\n".to_owned();
    for _ in 0..workers {
        text.push_str("  - role: worker\n");
    }
    text
}

impl Kind {
    /// Makes a cluster, or goes on with the one of this name.
    pub async fn open(wish: &Wish) -> Result<Self, ClusterError> {
        let name = format!("kubedrill-{}", wish.name);
        let kubeconfig = wish.dir.join("kubeconfig");
        let file = |source| ClusterError::File { path: kubeconfig.clone(), source };
        files::private_dir(&wish.dir).map_err(file)?;
        let known = kind(&["get", "clusters"]).await?;
        let path = kubeconfig.to_string_lossy().into_owned();
        if known.lines().any(|line| line.trim() == name) {
            kind(&["export", "kubeconfig", "--name", &name, "--kubeconfig", &path]).await?;
        } else {
            let config = wish.dir.join("kind.yaml");
            files::write_atomic(&config, topology(wish.topology.workers).as_bytes(), 0o600).map_err(file)?;
            let config = config.to_string_lossy().into_owned();
            let wanted =
                ["create", "cluster", "--name", &name, "--kubeconfig", &path, "--config", &config, "--wait", "120s"];
            if let Err(error) = kind(&wanted).await {
                // What was begun is not left behind; why it failed is what matters.
                let _ = kind(&["delete", "cluster", "--name", &name, "--kubeconfig", &path]).await;
                return Err(error);
            }
        }
        let read = Kubeconfig::read_from(&kubeconfig).map_err(|error| {
            ClusterError::Refused(format!("the kubeconfig that kind wrote cannot be read: {error}"))
        })?;
        let server = read.clusters.first().and_then(|named| named.cluster.as_ref()?.server.clone()).unwrap_or_default();
        let inner = Foreign::reach(format!("kind {name}"), read, &server, kubeconfig, wish.clock).await?;
        let nodes = Arc::new(Containers::of(&name).await?);
        Ok(Self { inner, name, dir: wish.dir.clone(), nodes })
    }
}

impl Cluster for Kind {
    fn name(&self) -> String {
        self.inner.name()
    }

    fn client(&self) -> kube::Client {
        self.inner.client()
    }

    fn kubeconfig(&self) -> &Path {
        self.inner.kubeconfig()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities().and(Capability::NodeShell)
    }

    fn clock(&self) -> Clock {
        self.inner.clock()
    }

    fn checkpoints(&self) -> Option<&dyn Checkpoints> {
        None
    }

    fn way_in(&self) -> Option<Way> {
        Some(Way::Kind(self.name.clone()))
    }

    fn nodes(&self) -> Arc<dyn Nodes> {
        self.nodes.clone()
    }

    fn traffic(&self) -> Arc<dyn Traffic> {
        self.inner.traffic()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), ClusterError>> {
        async {
            let kubeconfig = self.dir.join("kubeconfig").to_string_lossy().into_owned();
            kind(&["delete", "cluster", "--name", &self.name, "--kubeconfig", &kubeconfig]).await.map(drop)
        }
        .boxed()
    }
}
