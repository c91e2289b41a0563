//! The store's changes on disk, so that a cluster killed at any moment comes back as it was.
//! One JSON line a change; a torn last line is a change that did not happen.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use super::kept::Kept;
use super::{Checkpoint, Key};
use crate::base::files;
use crate::object::meta;

/// A journal is begun anew when it has grown by this many bytes and by so many times what it began with.
const GROWTH: u64 = 8 << 20;
const TIMES: u64 = 4;

/// Why a journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("cannot write the cluster's journal {path}: {source}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("cannot read the cluster's journal {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("line {line} of the cluster's journal {path} is damaged: {why}")]
    Damaged { path: PathBuf, line: usize, why: String },
}

/// What a line says, read.
#[derive(Deserialize)]
struct Line {
    revision: u64,
    resource: String,
    #[serde(default)]
    put: Option<Value>,
    #[serde(default)]
    take: Option<Key>,
}

/// What happened to an object: it was put, as this JSON, or taken away; or nothing that has a line of its own.
enum Said<'a> {
    Put(&'a [u8]),
    Take(&'a Key),
    Nothing,
}

/// The journal of one store. Writes reach the kernel at once (a killed process loses nothing); they are not forced to the disk.
pub struct Journal {
    path: PathBuf,
    file: Option<File>,
    failed: bool,
    /// Bytes at the beginning, and written since.
    began: u64,
    grown: u64,
}

impl Journal {
    /// A journal at `path`; nothing is written before the store hands over what it holds.
    pub fn at(path: PathBuf) -> Self {
        Self { path, file: None, failed: false, began: 0, grown: 0 }
    }

    /// What the journal at `path` holds, or `None` when there is none.
    pub fn load(path: &Path) -> Result<Option<Checkpoint>, JournalError> {
        let read = |source| JournalError::Read { path: path.to_owned(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(read(error)),
        };
        Checkpoint::from_lines(BufReader::new(file), path).map(Some)
    }

    /// Starts the file anew with what the store holds.
    pub(super) fn begin(&mut self, checkpoint: &Checkpoint) -> Result<(), JournalError> {
        checkpoint.save(&self.path)?;
        let write = |source| JournalError::Write { path: self.path.clone(), source };
        let file = File::options().append(true).open(&self.path).map_err(write)?;
        (self.began, self.grown) = (file.metadata().map_err(write)?.len(), 0);
        self.file = Some(file);
        Ok(())
    }

    /// Whether most of it is about states that are long gone.
    pub(super) fn is_long(&self) -> bool {
        self.file.is_some() && self.grown > GROWTH.max(TIMES * self.began)
    }

    /// An object was stored; `object` is its JSON.
    pub(super) fn put(&mut self, revision: u64, resource: &str, object: &[u8]) {
        self.write(revision, resource, &Said::Put(object));
    }

    pub(super) fn take(&mut self, revision: u64, resource: &str, key: &Key) {
        self.write(revision, resource, &Said::Take(key));
    }

    fn write(&mut self, revision: u64, resource: &str, said: &Said) {
        let Some(file) = &mut self.file else { return };
        let mut text = Vec::new();
        push_line(&mut text, revision, resource, said);
        self.grown += text.len() as u64;
        if let Err(error) = file.write_all(&text)
            && !self.failed
        {
            // A full disk must not stop the learner's cluster; it only stops being recoverable, which is said once.
            self.failed = true;
            tracing::error!(path = %self.path.display(), %error, "the cluster's journal can no longer be written");
        }
    }
}

/// Objects are JSON already when they come here: a line is put together, not serialised.
fn push_line(text: &mut Vec<u8>, revision: u64, resource: &str, said: &Said) {
    text.extend_from_slice(format!("{{\"revision\":{revision},\"resource\":{}", json!(resource)).as_bytes());
    match said {
        Said::Put(object) => {
            text.extend_from_slice(b",\"put\":");
            text.extend_from_slice(object);
        }
        Said::Take(key) => text.extend_from_slice(format!(",\"take\":{}", json!(key)).as_bytes()),
        Said::Nothing => {}
    }
    text.extend_from_slice(b"}\n");
}

impl Checkpoint {
    /// Writes it to a file that [`Journal::load`] reads; like the journal it is not forced to the disk.
    pub fn save(&self, path: &Path) -> Result<(), JournalError> {
        let write = |source| JournalError::Write { path: path.to_owned(), source };
        files::write_whole(path, &self.to_lines(), 0o600).map_err(write)
    }

    /// Reads what [`Checkpoint::to_lines`] or a journal wrote; `path` is where it was, for errors.
    pub fn from_lines(lines: impl BufRead, path: &Path) -> Result<Self, JournalError> {
        let mut checkpoint = Checkpoint::default();
        let mut torn: Option<(usize, String)> = None;
        // Lines are cut as bytes: a torn one may end within a letter.
        for (number, line) in lines.split(b'\n').enumerate() {
            let line = line.map_err(|source| JournalError::Read { path: path.to_owned(), source })?;
            if let Some((line, why)) = torn.take() {
                return Err(JournalError::Damaged { path: path.to_owned(), line, why });
            }
            match serde_json::from_slice::<Line>(&line) {
                Ok(line) => checkpoint.apply(line),
                Err(error) => torn = Some((number + 1, error.to_string())),
            }
        }
        Ok(checkpoint)
    }

    /// All of it as a journal's lines.
    pub fn to_lines(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for (resource, objects) in &self.objects {
            for kept in objects.values() {
                push_line(&mut text, kept.revision, resource, &Said::Put(kept.text()));
            }
        }
        // The newest revision may belong to an object that is gone.
        push_line(&mut text, self.revision, "", &Said::Nothing);
        text
    }

    /// Every object: its resource, its key, the revision of its newest change, and its JSON.
    pub fn each(&self) -> impl Iterator<Item = (&str, &Key, u64, &[u8])> {
        let all = self.objects.iter().flat_map(|(resource, objects)| objects.iter().map(move |one| (resource, one)));
        all.map(|(resource, (key, kept))| (resource.as_str(), key, kept.revision, kept.text()))
    }

    fn apply(&mut self, line: Line) {
        self.revision = self.revision.max(line.revision);
        if let Some(object) = line.put {
            let key = (meta::namespace(&object).to_owned(), meta::name(&object).to_owned());
            self.objects.entry(line.resource).or_default().insert(key, Kept::new(object.into()));
        } else if let Some(key) = line.take
            && let Some(objects) = self.objects.get_mut(&line.resource)
        {
            objects.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Storage;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_killed_store_comes_back_without_its_torn_line() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("cluster.jsonl");
        let storage = Storage::new();
        let key = |name: &str| ("ns".to_owned(), name.to_owned());
        let object = |name: &str| json!({"metadata": {"name": name, "namespace": "ns"}});
        storage.insert("pods", key("before"), object("before")).expect("new");
        storage.keep(Journal::at(path.clone()))?;
        storage.insert("pods", key("after"), object("after")).expect("new");
        storage.remove("pods", key("before"), None).expect("there");
        let revision = storage.revision();
        File::options().append(true).open(&path)?.write_all(b"{\"revision\":99,\"reso")?;

        let back = Storage::from_checkpoint(Journal::load(&path)?.unwrap_or_default());
        assert_eq!(back.revision(), revision);
        assert!(back.get("pods", "ns", "before").is_none());
        assert!(back.get("pods", "ns", "after").is_some());
        Ok(())
    }
}
