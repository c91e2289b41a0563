//! A machine's journal: what its services wrote, as `journalctl` shows it.
//! Who writes what is the services' own.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// How many entries are kept; older ones are vacuumed.
const KEPT: usize = 4000;

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub time: Timestamp,
    /// The unit that wrote it, such as `kubelet.service`.
    pub unit: String,
    /// The program as syslog names it, such as `kubelet` or `systemd`.
    pub program: String,
    pub pid: u32,
    pub text: String,
}

/// The journal of one machine.
#[derive(Debug)]
pub struct Journal {
    entries: Mutex<VecDeque<Entry>>,
    /// How many entries were ever written, so that who follows knows of new ones.
    written: watch::Sender<u64>,
    file: PathBuf,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Journal {
    /// The journal kept in `file`, with what an earlier program left there. A torn line is left out.
    pub fn open(file: PathBuf) -> Self {
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        let entries: VecDeque<Entry> = kept.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let written = watch::Sender::new(entries.len() as u64);
        Self { entries: Mutex::new(entries), written, file }
    }

    /// Writes an entry. It reaches the disk with [`Journal::save`].
    pub fn write(&self, entry: Entry) {
        let mut entries = lock(&self.entries);
        entries.push_back(entry);
        if entries.len() > KEPT {
            entries.pop_front();
        }
        drop(entries);
        self.written.send_modify(|written| *written += 1);
    }

    /// All entries there are, oldest first: what a program did at its start may be written down a moment later.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = lock(&self.entries).iter().cloned().collect();
        entries.sort_by_key(|entry| entry.time);
        entries
    }

    /// How many entries were ever written, and those after the first `known` of them.
    pub fn since(&self, known: u64) -> (u64, Vec<Entry>) {
        let entries = lock(&self.entries);
        let written = *self.written.borrow();
        let new = usize::try_from(written.saturating_sub(known)).unwrap_or(usize::MAX).min(entries.len());
        (written, entries.iter().skip(entries.len() - new).cloned().collect())
    }

    /// Tells when more is written.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }

    /// Puts all of it on the disk.
    pub fn save(&self) -> std::io::Result<()> {
        self.save_as(&self.file)
    }

    /// The same in another file.
    pub fn save_as(&self, file: &Path) -> std::io::Result<()> {
        let lines: Vec<String> = self.entries().iter().filter_map(|entry| serde_json::to_string(entry).ok()).collect();
        crate::base::files::write_whole(file, (lines.join("\n") + "\n").as_bytes(), 0o600)
    }

    /// Holds what a file does, as after a restore.
    pub fn load(&self, file: &Path) {
        self.restore(Self::open(file.to_owned()).entries());
    }

    /// Replaces what it holds by what `entries` say, as after a restore.
    pub fn restore(&self, entries: Vec<Entry>) {
        *lock(&self.entries) = entries.into();
        self.written.send_modify(|written| *written += 1);
    }
}
