//! Pods that wait for a node: those to be tried, most important first, and those that wait for something to change.
//! Source: `pkg/scheduler/backend/queue/scheduling_queue.go`.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::cache::News;
use super::happened::Happened;
use super::plugins::{Rejectors, may_help};
use super::pod::PodInfo;
use crate::object::meta;
use crate::sim::reconciler::Key;

/// The pause after an error, doubled up to the longest.
const FIRST_PAUSE: i64 = 1;
const LONGEST_PAUSE: i64 = 10;
/// After so long a Pod is tried again though nothing seems to have changed.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(5);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Active,
    /// Being tried.
    Out,
    /// Has gates: nobody has asked for it yet.
    Gated,
    /// Until then.
    Pausing(Timestamp),
    /// Since then, for something that may change the mind of one of these.
    Waiting(Timestamp, Rejectors),
}

struct Entry {
    pod: PodInfo,
    place: Place,
    turn: u64,
    errors: u32,
}

impl Entry {
    fn order(&self, key: &Key) -> Order {
        (Reverse(self.pod.wants.priority), self.turn, key.clone())
    }
}

type Order = (Reverse<i64>, u64, Key);

/// The Pods that wait.
#[derive(Default)]
pub struct Queue {
    entries: HashMap<Key, Entry>,
    active: BTreeSet<Order>,
    /// Those with a place in time, by when something is to be done.
    timed: BTreeSet<(Timestamp, Key)>,
    /// Those that wait for something to happen.
    waiting: BTreeSet<(u64, Key)>,
    turns: u64,
    /// Those for which room was made on a node.
    nominated: BTreeSet<Key>,
}

impl Queue {
    /// Takes over what has changed in the cluster.
    pub fn learn(&mut self, news: Vec<News>) {
        for one in news {
            match one {
                News::Pending(pod, asks_other) => self.put(pod, asks_other),
                News::Settled(key) => self.drop(&key),
                News::Happened(happened) => self.wake(&happened),
            }
        }
    }

    fn put(&mut self, pod: PodInfo, asks_other: bool) {
        let key = pod.key();
        if meta::text(&pod.object, "/status/nominatedNodeName").is_empty() {
            self.nominated.remove(&key);
        } else {
            self.nominated.insert(key.clone());
        }
        let gated = !meta::list(&pod.object, "/spec/schedulingGates").is_empty();
        if let Some(entry) = self.entries.get_mut(&key) {
            let same = meta::uid(&entry.pod.object) == meta::uid(&pod.object);
            if same && !asks_other {
                entry.pod = pod;
                return;
            }
            self.unplace(&key);
        }
        self.turns += 1;
        let place = if gated { Place::Gated } else { Place::Active };
        self.entries.insert(key.clone(), Entry { pod, place, turn: self.turns, errors: 0 });
        self.place(&key, place);
    }

    fn drop(&mut self, key: &Key) {
        if self.entries.contains_key(key) {
            self.unplace(key);
            self.entries.remove(key);
            self.nominated.remove(key);
        }
    }

    fn unplace(&mut self, key: &Key) {
        let Some(entry) = self.entries.get(key) else { return };
        self.active.remove(&entry.order(key));
        self.waiting.remove(&(entry.turn, key.clone()));
        if let Some(then) = due(entry.place) {
            self.timed.remove(&(then, key.clone()));
        }
    }

    fn place(&mut self, key: &Key, place: Place) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.place = place;
        if place == Place::Active {
            self.active.insert(entry.order(key));
        }
        if matches!(place, Place::Waiting(..)) {
            self.waiting.insert((entry.turn, key.clone()));
        }
        if let Some(then) = due(place) {
            self.timed.insert((then, key.clone()));
        }
    }

    fn activate(&mut self, key: &Key) {
        self.unplace(key);
        self.turns += 1;
        if let Some(entry) = self.entries.get_mut(key) {
            entry.turn = self.turns;
        }
        self.place(key, Place::Active);
    }

    fn wake(&mut self, happened: &Happened) {
        let helped = |key: &Key| match self.entries.get(key) {
            Some(Entry { place: Place::Waiting(_, rejectors), pod, .. }) => may_help(*rejectors, pod, happened),
            _ => false,
        };
        let woken: Vec<Key> = self.waiting.iter().map(|(_, key)| key).filter(|key| helped(key)).cloned().collect();
        for key in woken {
            self.activate(&key);
        }
    }

    /// The Pod to be tried now.
    pub fn pop(&mut self, now: Timestamp) -> Option<PodInfo> {
        while self.timed.first().is_some_and(|(then, _)| *then <= now) {
            if let Some((_, key)) = self.timed.pop_first() {
                self.activate(&key);
            }
        }
        let (_, _, key) = self.active.pop_first()?;
        let entry = self.entries.get_mut(&key)?;
        entry.place = Place::Out;
        Some(entry.pod.clone())
    }

    /// A Pod that was tried waits until something happens that may change the mind of one of the plugins that rejected it.
    pub fn park(&mut self, key: &Key, now: Timestamp, rejectors: Rejectors) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.errors = 0;
        }
        self.place(key, Place::Waiting(now, rejectors));
    }

    /// A Pod for which trying failed is tried again after a pause.
    pub fn pause(&mut self, key: &Key, now: Timestamp) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let seconds = (FIRST_PAUSE << entry.errors.min(8)).min(LONGEST_PAUSE);
        entry.errors += 1;
        let then = now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
        self.place(key, Place::Pausing(then));
    }

    /// Whether there is one to be tried.
    pub fn is_busy(&self) -> bool {
        !self.active.is_empty()
    }

    /// When there will be one, if nothing happens before.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timed.first().map(|(then, _)| *then)
    }

    /// The Pods for which room was made on a node, with that node.
    pub fn nominated(&self) -> impl Iterator<Item = (&str, &PodInfo)> {
        let pods = self.nominated.iter().filter_map(|key| Some(&self.entries.get(key)?.pod));
        pods.map(|pod| (meta::text(&pod.object, "/status/nominatedNodeName"), pod))
    }
}

fn due(place: Place) -> Option<Timestamp> {
    match place {
        Place::Pausing(then) => Some(then),
        Place::Waiting(since, _) => Some(since.checked_add(LONGEST_WAIT).unwrap_or(Timestamp::MAX)),
        _ => None,
    }
}
