//! All machines of a cluster, and how they come to be: each laid once, from what the cluster was born with.
//! What a fresh machine holds is `lay`'s.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::{Birth, Born, Machine, lay};
use crate::sim::apiserver::pki::Authority;
use crate::sim::machine::root::Root;
use crate::sim::machine::services::Systemd;

/// The machines of a cluster, by name.
pub struct Machines {
    folder: PathBuf,
    birth: Birth,
    authority: Mutex<Arc<Authority>>,
    all: Mutex<BTreeMap<String, Arc<Machine>>>,
    laying: Mutex<()>,
    /// Somebody did something on a machine: what follows from its files is to be looked at again.
    pub touched: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Machines {
    /// No machines yet; what they hold goes into `folder`.
    pub fn new(folder: PathBuf, birth: Birth) -> Self {
        let authority = Mutex::new(birth.authority.clone());
        Self { folder, birth, authority, all: Mutex::default(), laying: Mutex::default(), touched: Notify::new() }
    }

    /// Where they are kept.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What machines of this cluster are born with.
    pub fn birth(&self) -> &Birth {
        &self.birth
    }

    /// The cluster's authority: the one it was born with, or that of the last `kubeadm init`.
    pub fn authority(&self) -> Arc<Authority> {
        lock(&self.authority).clone()
    }

    /// From now on the cluster's authority is this one.
    pub fn set_authority(&self, authority: Arc<Authority>) {
        *lock(&self.authority) = authority;
    }

    /// Adds a machine. One whose files were laid by an earlier program has them again.
    pub fn add(&self, name: &str, born: Born) -> io::Result<Arc<Machine>> {
        let folder = self.folder.join(name);
        let machine = Machine::new(folder.clone(), name, born);
        if folder.join("laid").exists() {
            let _ = machine.root.set(Root::open(&folder.join("root"))?);
        }
        let machine = Arc::new(machine);
        lock(&self.all).insert(name.to_owned(), machine.clone());
        Ok(machine)
    }

    /// A machine.
    pub fn get(&self, name: &str) -> Option<Arc<Machine>> {
        lock(&self.all).get(name).cloned()
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<Arc<Machine>> {
        lock(&self.all).values().cloned().collect()
    }

    /// Lays what a fresh machine holds.
    pub(super) fn lay(&self, machine: &Machine, root: &Root) -> io::Result<()> {
        lay::lay(machine, root, (&self.birth, &self.others()))?;
        Systemd { machine, root, now: self.birth.now }.boot();
        Ok(())
    }

    /// The nodes with their addresses.
    fn others(&self) -> Vec<(String, String)> {
        self.all().iter().map(|other| (other.name.clone(), other.address.clone())).collect()
    }

    /// The manifests of static Pods a machine is born with: where, and the text.
    pub fn manifests(&self, machine: &Machine) -> Vec<(String, String)> {
        lay::manifests(machine, (&self.birth, &self.others()))
    }

    /// What a file of a machine holds, whether or not its files are laid; `None` where there is none.
    pub fn file(&self, machine: &Machine, path: &str) -> Option<Vec<u8>> {
        match machine.root.get() {
            Some(root) => root.read(path).ok(),
            None => lay::text(machine, path, (&self.birth, &self.others())).map(String::into_bytes),
        }
    }

    /// The manifest of a component, as a control plane on this machine would have it.
    pub fn manifest(&self, machine: &Machine, component: &str) -> Option<String> {
        lay::manifest(machine, component, (&self.birth, &self.others()))
    }

    /// Lays what a kubelet is configured with.
    pub fn configure(&self, machine: &Machine) -> io::Result<()> {
        lay::kubelet(machine, self.files(machine)?, (&self.birth, &self.others()))
    }

    /// Lays the authority's certificate, and the kubelet's certificate and key that were just signed, with the kubeconfig that names them.
    pub fn join(&self, machine: &Machine, (certificate, key): (&str, &str), now: Timestamp) -> io::Result<()> {
        lay::join(machine, self.files(machine)?, (&self.birth, &self.authority()), (certificate, key, now))
    }

    /// The machine's files, laid first if they are not.
    pub fn files<'a>(&self, machine: &'a Machine) -> io::Result<&'a Root> {
        if let Some(root) = machine.root.get() {
            return Ok(root);
        }
        let _one = lock(&self.laying);
        if machine.root.get().is_none() {
            let root = Root::open(&machine.folder.join("root"))?;
            self.lay(machine, &root)?;
            // From here on the files are the learner's: a kill before it lays them anew.
            crate::base::files::write_whole(&machine.folder.join("laid"), b"", 0o600)?;
            let _ = machine.root.set(root);
            self.touched.notify_one();
        }
        machine.root.get().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
