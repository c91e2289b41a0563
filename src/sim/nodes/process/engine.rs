//! Simulated time for what runs in a Pod: jobs that wait for a moment or for each other, and an engine that takes them there.
//! What the jobs do is the programs'. Nothing here waits for real: asked for a moment, the engine computes its way to it.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// Something under way.
pub type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// So many jobs a Pod may have; then it cannot fork.
const MOST_JOBS: usize = 256;
/// So many steps a job takes in one moment; then it has to let a second pass, so that a busy loop costs little.
const STEPS_A_MOMENT: u64 = 2000;

struct Inner {
    now: Timestamp,
    /// How long the jobs stood still: so much later it is for everybody.
    stood: SignedDuration,
    wakes: BTreeSet<(Timestamp, u64)>,
    ids: u64,
    stirred: u64,
    /// The same number for those who wait outside.
    told: watch::Sender<u64>,
    born: Vec<(Arc<Group>, Job)>,
    jobs: usize,
}

/// What jobs share: the time, and each other. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Mutex<Inner>>);

/// Jobs that end together. A group may be part of another.
#[derive(Default)]
pub struct Group {
    parent: Option<Arc<Group>>,
    dead: AtomicBool,
    /// The signal that ended it; 0 when none did.
    ended_by: AtomicU8,
    /// The signal that has come and was not looked at yet; 0 for none.
    signal: AtomicI32,
    /// For commands that run beside a container while its time stands still: how long they would have taken.
    hurried: bool,
    spent: AtomicU64,
    steps: AtomicU64,
    /// Nanoseconds of CPU its jobs took.
    burnt: AtomicU64,
}

impl Group {
    /// A group of its own.
    pub fn alone() -> Arc<Self> {
        Arc::default()
    }

    /// A part of this group.
    pub fn child(self: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self { parent: Some(self.clone()), hurried: self.hurried, ..Self::default() })
    }

    /// A group for which waiting takes no time.
    pub fn hurried() -> Arc<Self> {
        Arc::new(Self { hurried: true, ..Self::default() })
    }

    /// Ends everything in it.
    pub fn kill(&self) {
        self.dead.store(true, Ordering::Relaxed);
    }

    /// Ends everything in it by a signal.
    pub fn end_by(&self, signal: u8) {
        self.ended_by.store(signal, Ordering::Relaxed);
        self.kill();
    }

    /// The exit code of what a signal ended; `None` when none did.
    pub fn code(&self) -> Option<i32> {
        match self.ended_by.load(Ordering::Relaxed) {
            0 => self.parent.as_ref()?.code(),
            signal => Some(128 + i32::from(signal)),
        }
    }

    /// Whether it was ended.
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed) || self.parent.as_ref().is_some_and(|parent| parent.is_dead())
    }

    /// Leaves a signal for whoever looks.
    pub fn send(&self, signal: i32) {
        self.signal.store(signal, Ordering::Relaxed);
    }

    /// The signal that has come, if any; it is then gone.
    pub fn take_signal(&self) -> Option<i32> {
        Some(self.signal.swap(0, Ordering::Relaxed)).filter(|signal| *signal != 0)
    }

    /// Whether a signal has come.
    pub fn has_signal(&self) -> bool {
        self.signal.load(Ordering::Relaxed) != 0
    }

    /// How long a hurried group would have taken by now.
    pub fn spent(&self) -> Duration {
        let inner = self.parent.as_ref().map(|parent| parent.spent()).unwrap_or_default();
        inner + Duration::from_nanos(self.spent.load(Ordering::Relaxed))
    }

    /// Says that a job took so much of a CPU.
    pub fn burn(&self, time: Duration) {
        match &self.parent {
            Some(parent) => parent.burn(time),
            None => {
                let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 2);
                self.burnt.fetch_add(nanos, Ordering::Relaxed);
            }
        }
    }

    /// How much of a CPU its jobs took by now.
    pub fn burnt(&self) -> Duration {
        Duration::from_nanos(self.burnt.load(Ordering::Relaxed))
    }

    fn spend(&self, time: Duration) {
        match &self.parent {
            Some(parent) => parent.spend(time),
            None => {
                let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 2);
                self.spent.fetch_add(nanos, Ordering::Relaxed);
            }
        }
    }
}

impl Engine {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time it is for the jobs.
    pub fn now(&self) -> Timestamp {
        let inner = self.inner();
        inner.now.saturating_add(inner.stood).unwrap_or(Timestamp::MAX)
    }

    /// The same without what they stood still: for what is counted by how long they went on.
    pub fn ran(&self) -> Timestamp {
        self.inner().now
    }

    /// Says that something has changed that others may wait for.
    pub fn stir(&self) {
        let mut inner = self.inner();
        inner.stirred += 1;
        let stirred = inner.stirred;
        inner.told.send_replace(stirred);
    }

    /// Changes each time something has changed, for whoever is no job.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner().told.subscribe()
    }

    /// Starts a job; false when there are too many.
    pub fn spawn(&self, group: Arc<Group>, job: impl Future<Output = ()> + Send + 'static) -> bool {
        let mut inner = self.inner();
        if inner.jobs + inner.born.len() >= MOST_JOBS {
            return false;
        }
        inner.born.push((group, Box::pin(job)));
        inner.stirred += 1;
        true
    }

    /// Waits.
    pub fn sleep(&self, group: &Arc<Group>, time: Duration) -> Sleep {
        group.steps.store(0, Ordering::Relaxed);
        if group.hurried {
            group.spend(time);
            // What would take an hour beside a container that stands still never ends.
            let then = if group.spent() > Duration::from_secs(3600) { Timestamp::MAX } else { Timestamp::MIN };
            return Sleep { engine: self.clone(), then, id: None };
        }
        let now = self.inner().now;
        let then = SignedDuration::try_from(time).ok().and_then(|time| now.checked_add(time).ok());
        Sleep { engine: self.clone(), then: then.unwrap_or(Timestamp::MAX), id: None }
    }

    /// Waits until something is so. Whoever makes it so must [`stir`](Self::stir).
    pub fn until<F: Fn() -> bool + Unpin>(&self, so: F) -> Until<F> {
        Until { so }
    }

    /// Takes a step; one too many at once takes a second.
    pub async fn step(&self, group: &Arc<Group>) {
        if group.steps.fetch_add(1, Ordering::Relaxed) >= STEPS_A_MOMENT {
            group.burn(Duration::from_secs(1));
            self.sleep(group, Duration::from_secs(1)).await;
        }
    }
}

/// See [`Engine::sleep`].
pub struct Sleep {
    engine: Engine,
    then: Timestamp,
    id: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let (then, id) = (self.then, self.id);
        let mut inner = self.engine.inner();
        if inner.now >= then {
            return Poll::Ready(());
        }
        if id.is_none() {
            inner.ids += 1;
            let id = inner.ids;
            inner.wakes.insert((then, id));
            drop(inner);
            self.id = Some(id);
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.engine.inner().wakes.remove(&(self.then, id));
        }
    }
}

/// See [`Engine::until`].
pub struct Until<F> {
    so: F,
}

impl<F: Fn() -> bool + Unpin> Future for Until<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if (self.so)() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// The jobs of one Pod.
pub struct Simulation {
    engine: Engine,
    jobs: Vec<(Arc<Group>, Job)>,
}

impl Simulation {
    /// One that begins at `now`, with nothing to do.
    pub fn new(now: Timestamp) -> Self {
        let inner = Inner {
            now,
            stood: SignedDuration::ZERO,
            wakes: BTreeSet::new(),
            ids: 0,
            stirred: 0,
            told: watch::Sender::default(),
            born: Vec::new(),
            jobs: 0,
        };
        Self { engine: Engine(Arc::new(Mutex::new(inner))), jobs: Vec::new() }
    }

    /// What its jobs share.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Goes on until `then`. What lies behind already is not done again.
    pub fn run_until(&mut self, then: Timestamp) {
        loop {
            self.settle();
            let mut inner = self.engine.inner();
            let then = then.saturating_sub(inner.stood).unwrap_or(Timestamp::MIN);
            match inner.wakes.first().copied() {
                Some((wake, _)) if wake <= then => inner.now = inner.now.max(wake),
                _ => {
                    inner.now = inner.now.max(then);
                    return;
                }
            }
        }
    }

    /// Lets every job go on that can, without time passing.
    pub fn settle(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let before = {
                let mut inner = self.engine.inner();
                self.jobs.append(&mut inner.born);
                inner.jobs = self.jobs.len();
                inner.stirred
            };
            let jobs = std::mem::take(&mut self.jobs);
            for (group, mut job) in jobs {
                if !group.is_dead() && job.as_mut().poll(&mut context).is_pending() {
                    self.jobs.push((group, job));
                }
            }
            let inner = self.engine.inner();
            if inner.stirred == before && inner.born.is_empty() {
                return;
            }
        }
    }

    /// It is `now` without anything having gone on since: the jobs stood still.
    pub fn stand_until(&mut self, now: Timestamp) {
        let mut inner = self.engine.inner();
        inner.stood = inner.stood.max(now.duration_since(inner.now));
    }

    /// When a job goes on by itself; `None` when all wait for something else.
    pub fn next_wake(&self) -> Option<Timestamp> {
        let inner = self.engine.inner();
        let next = inner.wakes.first().map(|(then, _)| *then).filter(|then| *then < Timestamp::MAX);
        next.map(|then| then.saturating_add(inner.stood).unwrap_or(Timestamp::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_as_far_as_asked_and_no_farther() {
        let start: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a time");
        let mut simulation = Simulation::new(start);
        let (engine, group) = (simulation.engine().clone(), Group::alone());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, clock) = (seen.clone(), engine.clone());
        engine.clone().spawn(group, async move {
            let group = Group::alone();
            for _ in 0..3 {
                clock.sleep(&group, Duration::from_secs(5)).await;
                log.lock().expect("alone").push(clock.now().duration_since(start).as_secs());
            }
        });
        simulation.run_until(start + SignedDuration::from_secs(12));
        assert_eq!(*seen.lock().expect("alone"), [5, 10]);
        assert_eq!(simulation.next_wake(), Some(start + SignedDuration::from_secs(15)));
        // An hour in which nothing goes on.
        let later = start + SignedDuration::from_secs(3612);
        simulation.stand_until(later);
        assert_eq!((engine.now(), simulation.next_wake()), (later, Some(later + SignedDuration::from_secs(3))));
        simulation.run_until(later + SignedDuration::from_secs(60));
        assert_eq!(*seen.lock().expect("alone"), [5, 10, 3615]);
        assert_eq!(simulation.next_wake(), None);
    }
}
