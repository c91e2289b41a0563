//! A machine's services as systemd keeps them: each unit's state, its process, and what it waits for.
//! What a unit's files say is `definition`; starting and stopping, `systemd`. What a process does is its owner's: the kubelet's is `nodes`.

mod definition;
mod systemd;
mod table;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sim::network::ClusterDns;

pub use self::definition::{Definition, words};
pub use self::systemd::{Systemd, Unknown};
pub use self::table::{QUIET, Quiet};

/// The unit of the kubelet.
pub const KUBELET: &str = "kubelet.service";
/// The unit of the container runtime.
pub const CONTAINERD: &str = "containerd.service";
/// The paths of the one socket on which it listens; `/var/run` is a link to `/run`.
pub const CONTAINERD_SOCKETS: [&str; 2] = ["/run/containerd/containerd.sock", "/var/run/containerd/containerd.sock"];

/// Whether a unit runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Active {
    Running,
    Dead,
    Failed,
    /// It ended, and is started again by itself.
    AutoRestart,
}

impl Active {
    /// As `systemctl is-active` says it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "active",
            Self::Dead => "inactive",
            Self::Failed => "failed",
            Self::AutoRestart => "activating",
        }
    }

    /// The finer word beside it.
    pub fn sub(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Dead => "dead",
            Self::Failed => "failed",
            Self::AutoRestart => "auto-restart",
        }
    }
}

/// The state of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    pub active: Active,
    /// Since when.
    pub since: Timestamp,
    /// Its process, or the last one it had; 0 for none.
    pub pid: u32,
    /// When that process started and, if it has, ended.
    pub started: Timestamp,
    /// With what code the last process ended by itself.
    pub exit: Option<u8>,
    /// How often it was started by itself.
    pub restarts: u32,
    /// When it is started again.
    pub again: Option<Timestamp>,
    /// Its process has only just begun: whoever owns it has not looked yet.
    pub fresh: bool,
    /// What its files said when they were read last.
    pub loaded: Option<Definition>,
}

/// A kubeconfig's current context: where the API server is, and what is shown to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The server's address, with scheme and port.
    pub server: String,
    /// The certificate of the authority it believes, as PEM.
    pub authority: String,
    /// The client certificate, as PEM.
    pub client: String,
    pub token: String,
    /// Whether it believes whoever answers.
    pub trusting: bool,
}

/// What the kubelet that runs here read when it started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeletRun {
    /// The folder of the static Pods, if it has one.
    pub static_pods: Option<String>,
    /// The way to the API server, as its kubeconfig had it then; without one it takes care of static Pods only.
    #[serde(default)]
    pub access: Option<Access>,
    /// Whether it has found the API server since, and is known there.
    #[serde(default)]
    pub registered: bool,
    /// Parameters of the kernel, or patterns of them, that Pods may set beside the safe ones.
    #[serde(default)]
    pub unsafe_sysctls: Vec<String>,
    /// The DNS its Pods are told of.
    #[serde(default)]
    pub dns: ClusterDns,
    /// With what it registers its Node.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub taints: Vec<Value>,
    /// `capacity` and `allocatable` of its Node.
    #[serde(default)]
    pub resources: Option<Value>,
}

#[derive(Default, Serialize, Deserialize)]
struct Kept {
    units: BTreeMap<String, Unit>,
    kubelet: Option<KubeletRun>,
    last_pid: u32,
}

/// The services of one machine.
#[derive(Debug)]
pub struct Services {
    kept: Mutex<Kept>,
    file: PathBuf,
    /// Held by whoever starts or ends a process: commands do, and looks at the machine beside them.
    turn: Mutex<()>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Kept").field("units", &self.units).finish_non_exhaustive()
    }
}

impl Services {
    /// The services kept in `file`, with what an earlier program left there.
    pub fn open(file: PathBuf) -> Self {
        let kept = std::fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str(&text).ok());
        Self { kept: Mutex::new(kept.unwrap_or_default()), file, turn: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything as text, as the file holds it.
    pub fn save(&self) -> String {
        let text = serde_json::to_string(&*self.kept()).unwrap_or_default();
        if let Err(error) = crate::base::files::write_whole(&self.file, text.as_bytes(), 0o600) {
            tracing::warn!(%error, "the services of a machine are not kept");
        }
        text
    }

    /// Goes back to what [`Services::save`] said.
    pub fn restore(&self, text: &str) {
        *self.kept() = serde_json::from_str(text).unwrap_or_default();
        self.save();
    }

    /// Whether a unit runs.
    pub fn is_running(&self, name: &str) -> bool {
        self.kept().units.get(name).is_some_and(|unit| unit.active == Active::Running)
    }

    /// Whether a unit does not run. Before anybody has looked at a machine its units run.
    pub fn is_down(&self, name: &str) -> bool {
        self.unit(name).is_some_and(|unit| unit.active != Active::Running)
    }

    /// The state of a unit, once it has one.
    pub fn unit(&self, name: &str) -> Option<Unit> {
        self.kept().units.get(name).cloned()
    }

    /// What the kubelet read that runs; `None` while none does.
    pub fn kubelet(&self) -> Option<KubeletRun> {
        let kept = self.kept();
        let runs = kept.units.get(KUBELET).is_some_and(|unit| unit.active == Active::Running && !unit.fresh);
        kept.kubelet.clone().filter(|_| runs)
    }

    /// Notes what the kubelet of this process read, unless another one has begun since.
    pub fn set_kubelet(&self, pid: u32, run: KubeletRun) {
        let mut kept = self.kept();
        if let Some(unit) = kept.units.get_mut(KUBELET).filter(|unit| unit.pid == pid) {
            unit.fresh = false;
            kept.kubelet = Some(run);
        }
    }

    /// Whether a unit's process has only just begun, so that nobody can tell yet what becomes of it.
    pub fn is_fresh(&self, name: &str) -> bool {
        self.kept().units.get(name).is_some_and(|unit| unit.fresh)
    }

    /// Waits until nobody else starts or ends a process.
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same as [`Services::is_fresh`], asked once.
    pub fn take_fresh(&self, name: &str) -> bool {
        self.kept().units.get_mut(name).is_some_and(|unit| std::mem::take(&mut unit.fresh))
    }

    /// When the next unit is started by itself.
    pub fn due(&self) -> Option<Timestamp> {
        self.kept().units.values().filter_map(|unit| unit.again).min()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_kubelet_that_began_meanwhile_is_still_to_be_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let services = Services::open(folder.path().join("services.json"));
        let begins = |pid: u32| {
            let unit = json!({ "active": "Running", "since": Timestamp::UNIX_EPOCH, "pid": pid,
                "started": Timestamp::UNIX_EPOCH, "exit": null, "restarts": 0, "again": null, "fresh": true, "loaded": null });
            services.kept().units.insert(KUBELET.to_owned(), serde_json::from_value(unit).unwrap());
        };
        let read = |folder: &str| KubeletRun { static_pods: Some(folder.to_owned()), ..KubeletRun::default() };
        begins(1207);
        begins(1214);
        services.set_kubelet(1207, read("/old"));
        assert!(services.is_fresh(KUBELET) && services.kubelet().is_none());
        services.set_kubelet(1214, read("/new"));
        assert_eq!(services.kubelet(), Some(read("/new")));
    }
}
