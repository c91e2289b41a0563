//! The machines below the nodes: their files, services, journal and packages.
//! What runs on them is the kubelets'; how one goes in and what one types there, `shell`'s.

pub mod etcd;
pub mod journal;
mod keeping;
pub mod lay;
pub mod machines;
pub mod packages;
pub mod parameters;
pub mod root;
pub mod services;
pub mod swap;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jiff::Timestamp;

use self::journal::{Entry, Journal};
pub use self::lay::Birth;
pub use self::machines::Machines;
use self::root::Root;
use self::services::Services;

/// How a machine is when it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Born {
    /// Its address.
    pub address: String,
    /// Whether the control plane runs here.
    pub control_plane: bool,
    /// Whether it is in no cluster: nothing of kubeadm's is there, and there is no Node.
    pub blank: bool,
}

/// The machine of one node. Its files are laid when somebody first wants them.
#[derive(Debug)]
pub struct Machine {
    /// The node's name, its host name too.
    pub name: String,
    /// The node's address.
    pub address: String,
    /// Whether the control plane runs here.
    pub control_plane: bool,
    /// Whether it was made outside the cluster.
    pub blank: bool,
    folder: PathBuf,
    root: OnceLock<Root>,
    journal: Journal,
    services: Services,
}

impl Machine {
    /// The machine of a node, kept in `folder`.
    pub fn new(folder: PathBuf, name: &str, born: Born) -> Self {
        let journal = Journal::open(folder.join("journal.jsonl"));
        let services = Services::open(folder.join("services.json"));
        Self {
            name: name.to_owned(),
            address: born.address,
            control_plane: born.control_plane,
            blank: born.blank,
            folder,
            root: OnceLock::new(),
            journal,
            services,
        }
    }

    /// Where the machine is kept: its `root`, and what is known of it beside.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its files, if they are laid.
    pub fn files(&self) -> Option<&Root> {
        self.root.get()
    }

    /// Its journal.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Its services.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Whether a control plane is here: from its birth, or since it joined as one.
    pub fn has_control_plane(&self) -> bool {
        self.control_plane
            || self.files().is_some_and(|root| root.exists("/etc/kubernetes/manifests/kube-apiserver.yaml"))
    }

    /// Writes a line of a unit's program into the journal.
    pub fn log(&self, (unit, pid): (&str, u32), time: Timestamp, text: impl Into<String>) {
        let program = unit.trim_end_matches(".service").to_owned();
        self.journal.write(Entry { time, unit: unit.to_owned(), program, pid, text: text.into() });
    }
}
