//! What is remembered of a run, so that it goes on as it was when its sandbox is lost.
//! Going on is `replay.rs`; where it is written down is `nodes/snapshot.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::container::{Container, End, Start, Variables};
use super::files::{Files, Mount, Volume};
use super::stream::Written;
use super::tree::{Difference, Tree};

/// A volume with more than this in it when a container starts is not remembered as it was then: entries and bytes.
const MOST: (usize, usize) = (500, 256 << 10);

/// What a run was started with, where that cannot be told from its Pod later on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The image as the Pod named it.
    pub reference: String,
    /// What process 1 was started with.
    pub words: Vec<String>,
    pub variables: Variables,
    /// The names of the variables as they are told; others come last.
    pub variable_order: Vec<String>,
    /// What was in the volumes, by where they are mounted.
    before: BTreeMap<String, Arc<Tree>>,
}

impl Recipe {
    /// That of a start; `words` are those of process 1.
    pub fn new(start: &mut Start, words: Vec<String>) -> Self {
        Self {
            reference: std::mem::take(&mut start.reference),
            words,
            variables: std::mem::take(&mut start.variables),
            variable_order: std::mem::take(&mut start.variable_order),
            before: start.files.mounts().iter().filter_map(before).collect(),
        }
    }

    /// What was in the volume of a mount when the run started, if that is known: paths are the volume's.
    pub fn before(&self, mount: &Mount) -> Option<&Arc<Tree>> {
        self.before.get(&mount.path)
    }

    /// Makes a start of today the one it was.
    pub fn restore(&self, start: &mut Start) {
        (start.command, start.args) = (self.words.clone(), Vec::new());
        start.reference.clone_from(&self.reference);
        start.variables.clone_from(&self.variables);
        start.variable_order.clone_from(&self.variable_order);
    }
}

/// What is mounted of a volume that others have too.
fn before(mount: &Mount) -> Option<(String, Arc<Tree>)> {
    let Volume::Kept(kept) = &mount.volume else { return None };
    if mount.own {
        return None;
    }
    let (whole, below) = (kept.tree(), mount.below.trim_matches('/'));
    let within = format!("{below}/");
    let tree = match below {
        "" => whole,
        _ => {
            let inside = whole.iter().filter(|(path, _)| *path == below || path.starts_with(&within));
            Arc::new(inside.map(|(path, entry)| (path.clone(), entry.clone())).collect())
        }
    };
    let bytes: usize = tree.values().filter(|entry| !entry.is_folder()).map(|entry| entry.size()).sum();
    (tree.len() <= MOST.0 && bytes <= MOST.1).then(|| (mount.path.clone(), tree))
}

/// Where a run listens, and what is heard there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Listening {
    pub ports: Vec<u16>,
    /// Folders that are served on ports.
    pub served: BTreeMap<u16, String>,
    /// What is said on ports to whoever calls.
    pub said: BTreeMap<u16, String>,
}

/// A run as it was at some moment; what it has written is beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub id: String,
    /// Which run of its Pod it is.
    pub number: u64,
    pub started: Timestamp,
    pub end: Option<End>,
    pub recipe: Arc<Recipe>,
    pub listening: Listening,
    /// What has become of the files that end with it, by where they are mounted.
    own: BTreeMap<String, Difference>,
    /// The files of objects as the run first saw them, by where they are mounted.
    made: BTreeMap<String, Arc<Tree>>,
}

impl Record {
    /// That of a container, and what it has written.
    pub fn of(id: &str, container: &Container) -> (Self, Written) {
        let mut record = Self {
            id: id.to_owned(),
            number: container.number,
            started: container.started,
            end: container.end(),
            recipe: container.recipe.clone(),
            listening: container.listening(),
            own: BTreeMap::new(),
            made: BTreeMap::new(),
        };
        for mount in container.files.mounts() {
            match &mount.volume {
                Volume::Kept(kept) if mount.own => {
                    let difference =
                        container.born.get(&mount.path).map(|base| Difference::between(base, &kept.tree()));
                    let changed = difference.filter(|difference| !difference.is_empty());
                    record.own.extend(changed.map(|difference| (mount.path.clone(), difference)));
                }
                Volume::Kept(_) => {}
                // A part of one is mounted as it is at the start, and stays so.
                Volume::Made(made) => {
                    let first = made.first().or_else(|| (!mount.below.is_empty()).then(|| made.tree()));
                    record.made.extend(first.map(|tree| (mount.path.clone(), tree)));
                }
            }
        }
        (record, container.log.written())
    }

    /// Makes the files that end with the run what they had become.
    pub fn restore_own(&self, files: &Files) {
        for mount in files.mounts().iter().filter(|mount| mount.own) {
            if let (Volume::Kept(kept), Some(difference)) = (&mount.volume, self.own.get(&mount.path)) {
                let mut tree = kept.tree();
                difference.apply(&mut tree);
                kept.set(tree);
            }
        }
    }

    /// What has become of the files of a mount that end with the run.
    pub fn own(&self, mount: &Mount) -> Option<&Difference> {
        self.own.get(&mount.path)
    }

    /// Shows the files of objects as the run first saw them.
    pub fn hold_made(&self, files: &Files) {
        for mount in files.mounts() {
            if let (Volume::Made(made), Some(tree)) = (&mount.volume, self.made.get(&mount.path)) {
                made.hold(Some(tree.clone()));
                // Seen once more, it is what was seen first.
                made.tree();
            }
        }
    }
}

impl Container {
    /// From now on it does once more what it did already: an end is none.
    pub fn replay(&self) {
        self.state().replayed = Some(false);
    }

    /// It has done what it did already, and is as `listening` and the end say.
    pub fn replayed(&self, listening: &Listening, end: Option<End>) {
        let mut ports = self.ports.lock();
        ports.retain(|_, owner| *owner != self.number);
        ports.extend(listening.ports.iter().map(|port| (*port, self.number)));
        drop(ports);
        let mut state = self.state();
        (state.served, state.said) = (listening.served.clone(), listening.said.clone());
        if state.replayed.take() == Some(true) {
            // It stands still where it was, until it is told to end.
            (state.traps, state.on_term) = (false, Some(143));
        }
        state.end = end;
    }

    /// Where it listens, and what is heard there.
    pub fn listening(&self) -> Listening {
        let own = self.ports.lock().iter().filter(|(_, owner)| **owner == self.number).map(|(port, _)| *port).collect();
        let state = self.state();
        Listening { ports: own, served: state.served.clone(), said: state.said.clone() }
    }
}

/// Lets the files of objects follow these again.
pub fn release_made(files: &Files) {
    for mount in files.mounts().iter().filter(|mount| mount.below.is_empty()) {
        if let Volume::Made(made) = &mount.volume {
            made.hold(None);
        }
    }
}

/// The files that end with a run as they are at its start, by where they are mounted.
pub fn born(files: &Files) -> BTreeMap<String, Arc<Tree>> {
    let own = |mount: &Mount| match &mount.volume {
        Volume::Kept(kept) if mount.own => Some((mount.path.clone(), kept.tree())),
        _ => None,
    };
    files.mounts().iter().filter_map(own).collect()
}
