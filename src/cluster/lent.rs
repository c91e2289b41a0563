//! A cluster that several labs use at once, each with a kubeconfig of its own: what a learner or an answer sets there is nobody else's.
//! It is closed by who opened it, not by who borrows it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Capabilities, Checkpoints, Cluster, ClusterError, Nodes, Traffic, Way};
use crate::base::clock::Clock;
use crate::base::files;

/// A cluster that is lent.
pub struct Lent {
    owner: Arc<dyn Cluster>,
    kubeconfig: PathBuf,
}

impl Lent {
    /// Borrows a cluster; the copy of its kubeconfig goes into `dir`.
    pub fn of(owner: Arc<dyn Cluster>, dir: &Path) -> Result<Self, ClusterError> {
        let kubeconfig = dir.join("kubeconfig");
        let copied = files::private_dir(dir)
            .and_then(|()| std::fs::read(owner.kubeconfig()))
            .and_then(|text| files::write_atomic(&kubeconfig, &text, 0o600));
        copied.map_err(|source| ClusterError::File { path: kubeconfig.clone(), source })?;
        Ok(Self { owner, kubeconfig })
    }
}

impl Cluster for Lent {
    fn name(&self) -> String {
        self.owner.name()
    }

    fn client(&self) -> kube::Client {
        self.owner.client()
    }

    fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    fn capabilities(&self) -> Capabilities {
        self.owner.capabilities()
    }

    fn clock(&self) -> Clock {
        self.owner.clock()
    }

    fn checkpoints(&self) -> Option<&dyn Checkpoints> {
        None
    }

    fn way_in(&self) -> Option<Way> {
        self.owner.way_in()
    }

    fn nodes(&self) -> Arc<dyn Nodes> {
        self.owner.nodes()
    }

    fn traffic(&self) -> Arc<dyn Traffic> {
        self.owner.traffic()
    }

    fn stays(&self) -> bool {
        true
    }

    fn close(&self) -> BoxFuture<'_, Result<(), ClusterError>> {
        async { Ok(()) }.boxed()
    }
}
