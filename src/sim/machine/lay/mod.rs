//! What a fresh machine holds, as kubeadm and the distribution's packages leave it.
//! The files are data in `assets/machine`; keys and kubeconfigs are made in `pki`.

mod files;
mod pki;

pub use self::pki::{CERTIFICATE_FILES, Names, certificate, holder};

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::root::Root;
use super::{Machine, etcd, packages};
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

pub(super) use self::files::{manifests, text};

/// Lays everything. `others` are the cluster's nodes with their addresses.
pub(super) fn lay(machine: &Machine, root: &Root, (birth, others): (&Birth, &[(String, String)])) -> io::Result<()> {
    files::lay(machine, root, (birth, others))?;
    packages::lay(root, &birth.version)?;
    if machine.control_plane {
        etcd::data::run(root, "/var/lib/etcd", 0)?;
    }
    if machine.blank { Ok(()) } else { pki::lay(machine, root, birth) }
}

/// The manifest of a component, as a control plane on this machine would have it.
pub(super) fn manifest(machine: &Machine, component: &str, whole: (&Birth, &[(String, String)])) -> Option<String> {
    files::manifest(machine, component, whole)
}

pub(super) use self::files::kubelet;
pub(super) use self::pki::join;
