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

pub use self::definition::{Definition, words};
pub use self::systemd::{Systemd, Unknown};
pub use self::table::{QUIET, Quiet};

/// The unit of the kubelet.
pub const KUBELET: &str = "kubelet.service";
/// The unit of the container runtime.
pub const CONTAINERD: &str = "containerd.service";

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

/// What the kubelet that runs here read when it started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeletRun {
    /// The folder of the static Pods, if it has one.
    pub static_pods: Option<String>,
    /// Where it looks for the API server.
    pub server: String,
    /// Why it cannot talk to the API server, however well that one is.
    pub deaf: Option<String>,
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
        Self { kept: Mutex::new(kept.unwrap_or_default()), file }
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

    /// Notes what a kubelet read.
    pub fn set_kubelet(&self, run: KubeletRun) {
        self.kept().kubelet = Some(run);
    }

    /// Whether a unit's process has only just begun, so that nobody can tell yet what becomes of it.
    pub fn is_fresh(&self, name: &str) -> bool {
        self.kept().units.get(name).is_some_and(|unit| unit.fresh)
    }

    /// The same, asked once.
    pub fn take_fresh(&self, name: &str) -> bool {
        self.kept().units.get_mut(name).is_some_and(|unit| std::mem::take(&mut unit.fresh))
    }

    /// When the next unit is started by itself.
    pub fn due(&self) -> Option<Timestamp> {
        self.kept().units.values().filter_map(|unit| unit.again).min()
    }
}
