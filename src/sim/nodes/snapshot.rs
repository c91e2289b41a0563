//! What the runtimes of all nodes hold at one moment: the volumes' files, and every Pod's runs; in memory and as lines of a file.
//! Who takes one is `runtime.rs`; `keeping.rs` writes them down as time goes by.
//!
//! A file is a series of batches of JSON lines, each batch a change that happened whole or, when its end is missing, not at all.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::process::record::Record;
use super::process::sandbox::Sandbox;
use super::process::stream::{self, Stream, Written};
use super::process::tree::{Difference, Tree};
use crate::base::files;

/// Why what Pods have written could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("cannot write what the cluster's Pods have written to {path}: {source}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("cannot read what the cluster's Pods have written from {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
}

/// A Pod's runs as they were at some moment, with what they have written.
#[derive(Clone, Debug, PartialEq)]
pub struct PodRecord {
    pub now: Timestamp,
    pub runs: Vec<(Record, Written)>,
}

impl PodRecord {
    /// That of a sandbox as it is.
    pub fn of(sandbox: &Sandbox) -> Self {
        let mut runs: Vec<_> = sandbox.front().all().iter().map(|(id, run)| Record::of(id, run)).collect();
        runs.sort_by_key(|(record, _)| record.number);
        Self { now: sandbox.now(), runs }
    }

    /// Whether nothing can be told apart but the time.
    pub fn is_like(&self, other: &Self) -> bool {
        self.runs.len() == other.runs.len()
            && self.runs.iter().zip(&other.runs).all(|((record, written), (known, before))| {
                record == known && written.count() == before.count() && written.unfinished == before.unfinished
            })
    }

    /// A run by its id.
    pub fn run(&self, id: &str) -> Option<&(Record, Written)> {
        self.runs.iter().find(|(record, _)| record.id == id)
    }
}

/// Everything the runtimes hold. Shares what it can, so it costs little.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Files by what they belong to.
    pub kept: BTreeMap<String, Arc<Tree>>,
    /// By uid.
    pub pods: BTreeMap<String, Arc<PodRecord>>,
}

/// One line of a file.
#[derive(Serialize, Deserialize)]
enum Line {
    Volume {
        name: String,
        change: Difference,
    },
    VolumeGone(String),
    Pod(PodLine),
    PodGone(String),
    /// What stands before it holds.
    End,
}

/// What has become of a Pod: the runs that are new or another, and what all have written since.
#[derive(Serialize, Deserialize)]
struct PodLine {
    uid: String,
    now: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    runs: Vec<Record>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gone: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    logs: Vec<LogPart>,
}

#[derive(Serialize, Deserialize)]
struct LogPart {
    id: String,
    /// Whether it is all there is.
    whole: bool,
    /// How many lines of those that there were are gone.
    gone: usize,
    lines: Vec<(Timestamp, Arc<str>)>,
    /// Which of the lines were written to standard error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    errors: Vec<usize>,
    /// Which of the lines have no line break.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    open: Vec<usize>,
    #[serde(default)]
    unfinished: [Vec<u8>; 2],
}

impl LogPart {
    fn between(id: &str, before: Option<&Written>, after: &Written) -> Option<Self> {
        let nothing = Written::default();
        let known = before.filter(|before| goes_on(before, after));
        let count = known.unwrap_or(&nothing).count();
        if known.is_some_and(|known| known.unfinished == after.unfinished && count == after.count()) {
            return None;
        }
        let new = || after.lines.iter().skip(count.saturating_sub(after.gone));
        let those = |fits: fn(&stream::Line) -> bool| {
            new().enumerate().filter_map(|(at, line)| fits(line).then_some(at)).collect()
        };
        Some(Self {
            id: id.to_owned(),
            whole: known.is_none(),
            gone: after.gone,
            lines: new().map(|line| (line.time, line.text.clone())).collect(),
            errors: those(|line| line.stream == Stream::Errors),
            open: those(|line| line.open),
            unfinished: after.unfinished.clone(),
        })
    }

    fn apply(self, written: &mut Written) {
        if self.whole {
            *written = Written { gone: self.gone, ..Written::default() };
        }
        let (mut errors, mut open) = (self.errors.into_iter().peekable(), self.open.into_iter().peekable());
        for (at, (time, text)) in self.lines.into_iter().enumerate() {
            let stream = if errors.next_if_eq(&at).is_some() { Stream::Errors } else { Stream::Output };
            let open = open.next_if_eq(&at).is_some();
            written.push(stream::Line { time, stream, text, open });
        }
        written.unfinished = self.unfinished;
    }
}

/// Whether `after` is `before` with more lines.
fn goes_on(before: &Written, after: &Written) -> bool {
    let last = |written: &Written| {
        let index = before.count().checked_sub(written.gone + 1)?;
        written.lines.get(index).cloned()
    };
    before.gone <= after.gone && before.count() <= after.count() && (before.count() == 0 || last(before) == last(after))
}

impl PodLine {
    fn between(uid: &str, before: Option<&PodRecord>, after: &PodRecord) -> Self {
        let mut line =
            Self { uid: uid.to_owned(), now: after.now, runs: Vec::new(), gone: Vec::new(), logs: Vec::new() };
        for (record, written) in &after.runs {
            let known = before.and_then(|before| before.run(&record.id));
            if known.is_none_or(|(known, _)| known != record) {
                line.runs.push(record.clone());
            }
            line.logs.extend(LogPart::between(&record.id, known.map(|(_, written)| written), written));
        }
        let known = before.iter().flat_map(|before| &before.runs);
        line.gone =
            known.filter(|(record, _)| after.run(&record.id).is_none()).map(|(record, _)| record.id.clone()).collect();
        line
    }

    fn apply(self, pod: &mut PodRecord) {
        pod.now = self.now;
        pod.runs.retain(|(record, _)| !self.gone.contains(&record.id));
        for record in self.runs {
            match pod.runs.iter_mut().find(|(known, _)| known.id == record.id) {
                Some((known, _)) => *known = record,
                None => pod.runs.push((record, Written::default())),
            }
        }
        for part in self.logs {
            if let Some((_, written)) = pod.runs.iter_mut().find(|(record, _)| record.id == part.id) {
                part.apply(written);
            }
        }
    }
}

impl Snapshot {
    /// The batch of lines that makes this of `before`; empty when nothing has changed.
    pub fn since(&self, before: &Self) -> Vec<u8> {
        let mut text = Vec::new();
        let nothing = Arc::default();
        for (name, tree) in &self.kept {
            let known = before.kept.get(name);
            let change = Difference::between(known.unwrap_or(&nothing), tree);
            if known.is_none() || !change.is_empty() {
                push(&mut text, &Line::Volume { name: name.clone(), change });
            }
        }
        for name in before.kept.keys().filter(|name| !self.kept.contains_key(*name)) {
            push(&mut text, &Line::VolumeGone(name.clone()));
        }
        for (uid, pod) in &self.pods {
            let known = before.pods.get(uid);
            let same = |known: &Arc<PodRecord>| Arc::ptr_eq(known, pod) || (known.now == pod.now && known.is_like(pod));
            if !known.is_some_and(same) {
                push(&mut text, &Line::Pod(PodLine::between(uid, known.map(Arc::as_ref), pod)));
            }
        }
        for uid in before.pods.keys().filter(|uid| !self.pods.contains_key(*uid)) {
            push(&mut text, &Line::PodGone(uid.clone()));
        }
        if !text.is_empty() {
            push(&mut text, &Line::End);
        }
        text
    }

    fn apply(&mut self, line: Line) {
        match line {
            Line::Volume { name, change } => change.apply(self.kept.entry(name).or_default()),
            Line::VolumeGone(name) => drop(self.kept.remove(&name)),
            Line::Pod(line) => {
                let nothing = || Arc::new(PodRecord { now: line.now, runs: Vec::new() });
                let pod = self.pods.entry(line.uid.clone()).or_insert_with(nothing);
                line.apply(Arc::make_mut(pod));
            }
            Line::PodGone(uid) => drop(self.pods.remove(&uid)),
            Line::End => {}
        }
    }

    /// Writes it to a file that [`Snapshot::load`] reads; it survives a kill of the program, not the end of the machine.
    pub fn save(&self, path: &Path) -> Result<(), SnapshotError> {
        files::write_whole(path, &self.since(&Self::default()), 0o600)
            .map_err(|source| SnapshotError::Write { path: path.to_owned(), source })
    }

    /// What the file at `path` holds, up to the last batch that is whole; nothing when there is no file.
    pub fn load(path: &Path) -> Result<Self, SnapshotError> {
        let read = |source| SnapshotError::Read { path: path.to_owned(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(read(error)),
        };
        let (mut snapshot, mut batch) = (Self::default(), Vec::new());
        for line in BufReader::new(file).split(b'\n') {
            // A line that cannot be read was torn: it and what follows did not happen.
            let Ok(line) = serde_json::from_slice::<Line>(&line.map_err(read)?) else { break };
            let is_end = matches!(line, Line::End);
            batch.push(line);
            if is_end {
                batch.drain(..).for_each(|line| snapshot.apply(line));
            }
        }
        Ok(snapshot)
    }
}

fn push(text: &mut Vec<u8>, line: &Line) {
    // Serialising plain data into memory cannot fail.
    let _ = serde_json::to_writer(&mut *text, line);
    text.push(b'\n');
}
