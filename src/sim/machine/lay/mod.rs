//! What a fresh machine holds, as kubeadm and the distribution's packages leave it.
//! The files are data in `assets/machine`; keys and kubeconfigs are made in `pki`.

mod files;
mod pki;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::root::Root;
use super::{Machine, etcd};
use crate::sim::apiserver::pki::Authority;

/// What the machines of a cluster are born with.
pub struct Birth {
    /// The version of Kubernetes, such as `v1.35.4`.
    pub version: String,
    /// When the cluster was made.
    pub now: Timestamp,
    /// Where its API server listens.
    pub api: SocketAddr,
    pub authority: Arc<Authority>,
    /// The API server's certificate and key, PEM.
    pub serving: (String, String),
    /// The keys of ServiceAccount tokens: private and public, PEM.
    pub tokens: (String, String),
}

pub(super) use self::files::manifests;

/// Lays everything. `others` are the cluster's nodes with their addresses.
pub(super) fn lay(machine: &Machine, root: &Root, (birth, others): (&Birth, &[(String, String)])) -> io::Result<()> {
    files::lay(machine, root, (birth, others))?;
    if machine.control_plane {
        etcd::data::run(root, "/var/lib/etcd")?;
    }
    pki::lay(machine, root, birth)
}
