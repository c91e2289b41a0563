//! A list of processes, as `ps` shows it: a container's own, or one that several containers share
//! (`shareProcessNamespace` of a Pod, `targetContainerName` of an ephemeral container).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::container::Container;
use super::engine::Group;

/// The processes that see each other.
#[derive(Default)]
pub struct Processes(Mutex<List>);

#[derive(Default)]
struct List {
    last: u32,
    listed: BTreeMap<u32, Listed>,
}

struct Listed {
    words: Vec<String>,
    ids: (i64, i64),
    group: Arc<Group>,
    /// The container in which it runs.
    run: u64,
    /// That container, when the process is the one it was started for.
    first: Option<Weak<Container>>,
}

/// A process as others see it.
pub struct Seen {
    pub pid: u32,
    pub words: Vec<String>,
    /// Its user and group.
    pub ids: (i64, i64),
}

/// Who keeps a Pod's namespaces: the user of the image `pause`.
const KEEPER: (i64, i64) = (65535, 65535);

/// Which processes a container's own see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sight {
    #[default]
    Own,
    /// Those of all containers of the Pod that see the same.
    Pod,
    /// Those of the run with this id.
    Of(String),
}

/// What a signal goes to.
pub enum Target {
    /// The process for which a container was started.
    First(Arc<Container>),
    Other(Arc<Group>),
    /// The process that keeps a Pod's namespaces, which nobody there can end.
    Keeper,
}

impl Processes {
    /// A Pod's: the process that keeps its namespaces comes first.
    pub fn of_pod() -> Self {
        let (words, group) = (vec!["/pause".to_owned()], Group::alone());
        let pause = Listed { words, ids: KEEPER, group, run: 0, first: None };
        Self(Mutex::new(List { last: 1, listed: BTreeMap::from([(1, pause)]) }))
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a process of a run, with its user and group; gives its number.
    pub(super) fn enter(&self, (run, ids): (u64, (i64, i64)), words: Vec<String>, group: Arc<Group>) -> u32 {
        let mut list = self.list();
        list.last += 1;
        let pid = list.last;
        list.listed.insert(pid, Listed { words, ids, group, run, first: None });
        pid
    }

    /// Says for which container a process was started.
    pub(super) fn starts(&self, pid: u32, container: &Arc<Container>) {
        if let Some(listed) = self.list().listed.get_mut(&pid) {
            listed.first = Some(Arc::downgrade(container));
        }
    }

    /// Another program takes a process over.
    pub(super) fn becomes(&self, pid: u32, words: Vec<String>) {
        if let Some(listed) = self.list().listed.get_mut(&pid) {
            listed.words = words;
        }
    }

    /// Whether a container was started for a process.
    pub fn is_first(&self, pid: u32) -> bool {
        self.list().listed.get(&pid).is_some_and(|listed| listed.first.is_some())
    }

    /// Takes a process off the list.
    pub(super) fn leave(&self, pid: u32) {
        self.list().listed.remove(&pid);
    }

    /// Takes all of a container off the list.
    pub(super) fn leave_all(&self, run: u64) {
        self.list().listed.retain(|_, listed| listed.run != run);
    }

    /// The containers that were started for one of them.
    pub(super) fn containers(&self) -> Vec<Arc<Container>> {
        self.list().listed.values().filter_map(|listed| listed.first.as_ref()?.upgrade()).collect()
    }

    /// What a signal to a process goes to; `None` when there is no such process.
    pub fn target(&self, pid: u32) -> Option<Target> {
        let list = self.list();
        let listed = list.listed.get(&pid)?;
        if listed.run == 0 {
            return Some(Target::Keeper);
        }
        let first = listed.first.as_ref().and_then(Weak::upgrade);
        Some(first.map_or_else(|| Target::Other(listed.group.clone()), Target::First))
    }

    /// Each that lives.
    pub fn all(&self) -> Vec<Seen> {
        let list = self.list();
        let alive = list.listed.iter().filter(|(_, listed)| !listed.group.is_dead());
        alive.map(|(pid, listed)| Seen { pid: *pid, words: listed.words.clone(), ids: listed.ids }).collect()
    }
}
