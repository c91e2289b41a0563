//! The real programs of etcd, where this machine has them: on its search path.
//! Debian's packages are `etcd-server` and `etcd-client`; up to 3.4 `etcdctl` also does what is `etcdutl`'s since.

use std::path::PathBuf;

use crate::base::program::on_path;

/// The programs found.
#[derive(Clone, Debug)]
pub struct Programs {
    pub etcd: PathBuf,
    pub etcdctl: PathBuf,
    /// Absent where `etcdctl` still does its work.
    pub etcdutl: Option<PathBuf>,
}

/// A program that is not there.
#[derive(Debug, thiserror::Error)]
#[error("there is no {0} on this machine; Debian has it in the packages etcd-server and etcd-client")]
pub struct NoProgram(&'static str);

impl Programs {
    /// Looks for them.
    pub fn find() -> Result<Self, NoProgram> {
        let need = |name: &'static str| on_path(name).ok_or(NoProgram(name));
        Ok(Self { etcd: need("etcd")?, etcdctl: need("etcdctl")?, etcdutl: on_path("etcdutl") })
    }
}
