//! Going on after a sandbox was lost: what still ran does again what it did since its start, unseen, and is then as it was remembered.
//! What is remembered is `record.rs`. Programs are not stored, so they must come back to where they were by themselves.
//!
//! Meanwhile they see the volumes as they were at their start, with what others changed since when these did. Nothing they write
//! is seen by anybody: files, logs, ports and ends are those remembered. A program that now comes to another end stands still.

use std::sync::Arc;

use jiff::Timestamp;

use super::container::{Container, Start};
use super::files::{Files, Volume};
use super::record::{Record, release_made};
use super::sandbox::Sandbox;
use super::stream::Written;
use super::tree::{Entry, Kept};

/// One run to go on with: as it was, what it had written, and what it is started with today.
pub struct Again {
    pub record: Record,
    pub written: Written,
    pub start: Start,
}

/// What happens on the way to the present.
enum Step {
    /// The run of this index begins.
    Start(usize),
    /// Somebody has written a file.
    Change(Arc<Kept>, String, Entry),
}

/// Volumes, and what stands for them meanwhile.
#[derive(Default)]
struct Stands(Vec<(Arc<Kept>, Arc<Kept>)>);

impl Stands {
    fn of(&mut self, real: &Arc<Kept>) -> Arc<Kept> {
        if let Some((_, stand)) = self.0.iter().find(|(known, _)| Arc::ptr_eq(known, real)) {
            return stand.clone();
        }
        let stand = Arc::new(Kept::new(real.tree()));
        self.0.push((real.clone(), stand.clone()));
        stand
    }
}

impl Sandbox {
    /// A sandbox at `now` with these runs as they were then.
    pub fn again(mut all: Vec<Again>, now: Timestamp) -> Self {
        all.sort_by_key(|one| one.record.number);
        let runs = |one: &Again| one.record.end.is_none();
        let begin = all.iter().filter(|one| runs(one)).map(|one| one.record.started).min().unwrap_or(now).min(now);
        let mut sandbox = Self::new(begin);
        sandbox.started = all.iter().map(|one| one.record.number).max().unwrap_or_default();
        let (going_on, ended): (Vec<_>, Vec<_>) = all.into_iter().partition(runs);
        ended.into_iter().for_each(|one| sandbox.lay_down(one));
        let mut stands = Stands::default();
        let mut steps = Vec::new();
        let mut waiting = Vec::new();
        for (index, mut one) in going_on.into_iter().enumerate() {
            one.record.recipe.restore(&mut one.start);
            one.record.hold_made(&one.start.files);
            steps.extend(changes(&one, (begin, now), &mut stands));
            steps.push((one.record.started, Step::Start(index)));
            stand_in(&mut one.start.files, &mut stands);
            waiting.push(Some(one));
        }
        // Those who begin come before what they find changed.
        steps.sort_by_key(|(then, step)| (*then, matches!(step, Step::Change(..))));
        let mut done = Vec::new();
        for (then, step) in steps {
            sandbox.run_until(then);
            match step {
                Step::Start(index) => done.extend(waiting[index].take().and_then(|one| sandbox.take_up(one))),
                Step::Change(kept, path, entry) => {
                    let is_older = |known: &Entry| known.changed < entry.changed;
                    if kept.look(|tree| tree.get(&path).is_none_or(is_older)) {
                        kept.change(|tree| tree.insert(path, entry));
                        sandbox.simulation.engine().stir();
                    }
                }
            }
        }
        sandbox.run_until(now);
        stands.0.into_iter().for_each(|(real, stand)| stand.becomes(real));
        for (container, record, written) in done {
            settle(&container, &record, written);
        }
        sandbox
    }

    /// A run that has ended, or cannot begin once more: only what it left is there.
    fn lay_down(&mut self, one: Again) {
        let Again { record, written, mut start } = one;
        record.recipe.restore(&mut start);
        let (ports, processes) = (self.front.ports.clone(), self.front.processes(&start.sight));
        let parts = (self.simulation.engine().clone(), ports, processes, record.number);
        let mut container = Container::new(parts, start, record.recipe.words.clone());
        (container.started, container.recipe) = (record.started, record.recipe.clone());
        record.hold_made(&container.files);
        match record.end {
            Some(_) => container.group.kill(),
            None => {
                container.replay();
                container.finish(0, false);
            }
        }
        settle(&container, &record, written);
        self.front.runs().insert(record.id, Arc::new(container));
    }

    /// A run that goes on begins once more.
    fn take_up(&mut self, one: Again) -> Option<(Arc<Container>, Record, Written)> {
        let Again { record, written, start } = one;
        for mount in start.files.mounts() {
            if let (Volume::Kept(kept), Some(before)) = (&mount.volume, record.recipe.before(mount)) {
                let (below, within) = (mount.below.trim_matches('/'), format!("{}/", mount.below.trim_matches('/')));
                kept.change(|tree| {
                    tree.retain(|path, _| !below.is_empty() && path != below && !path.starts_with(&within));
                    tree.extend(before.iter().map(|(path, entry)| (path.clone(), entry.clone())));
                });
            }
        }
        if self.launch(&record.id, (record.number, Some(record.recipe.clone())), start.clone()).is_err() {
            self.lay_down(Again { record, written, start });
            return None;
        }
        let container = self.run(&record.id)?;
        Some((container, record, written))
    }
}

/// Puts something else in the place of the volumes that others have too.
fn stand_in(files: &mut Files, stands: &mut Stands) {
    for mount in files.mounts_mut().iter_mut().filter(|mount| !mount.own) {
        if let Volume::Kept(kept) = &mut mount.volume {
            *kept = stands.of(kept);
        }
    }
}

/// What was written to the files a run sees between two moments, as far as their times tell.
fn changes(one: &Again, (begin, now): (Timestamp, Timestamp), stands: &mut Stands) -> Vec<(Timestamp, Step)> {
    let mut changes = Vec::new();
    let mut note = |kept: &Arc<Kept>, path: &str, entry: &Entry| {
        if entry.changed > begin && entry.changed <= now {
            changes.push((entry.changed, Step::Change(kept.clone(), path.to_owned(), entry.clone())));
        }
    };
    for mount in one.start.files.mounts() {
        let Volume::Kept(kept) = &mount.volume else { continue };
        if mount.own {
            let put = one.record.own(mount).map(|difference| &difference.put);
            put.into_iter().flatten().for_each(|(path, entry)| note(kept, path, entry));
        } else {
            let stand = stands.of(kept);
            kept.tree().iter().for_each(|(path, entry)| note(&stand, path, entry));
        }
    }
    changes
}

/// Makes a run what it was.
fn settle(container: &Container, record: &Record, written: Written) {
    for mount in container.files.mounts().iter().filter(|mount| mount.own) {
        if let (Volume::Kept(kept), Some(born)) = (&mount.volume, container.born.get(&mount.path)) {
            kept.set(born.clone());
        }
    }
    record.restore_own(&container.files);
    release_made(&container.files);
    container.log.set(written);
    container.replayed(&record.listening, record.end);
}
