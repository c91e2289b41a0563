//! Drives one reconciler: follows what it watches, queues keys once, retries what failed after a growing pause.
//! Source of the pauses: `k8s.io/client-go/util/workqueue/default_rate_limiters.go`.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use futures::future::{FutureExt, select_all};
use jiff::{SignedDuration, Timestamp};

use super::{Context, Key, Next, Reconciler};
use crate::sim::apiserver::endpoints::watch::{Told, Watch};
use crate::sim::apiserver::status::Result;

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1000);
/// Pauses before a list is read again (`k8s.io/client-go/tools/cache/reflector.go` has 800 ms to 30 s; here reading is cheap).
const FIRST_RELIST: Duration = Duration::from_millis(10);
const LONGEST_RELIST: Duration = Duration::from_secs(30);
/// A key that takes longer than this rests afterwards for so many times what it took, while changes gather: what looks at
/// thousands of objects must not do so again for every one of them.
const LONG: SignedDuration = SignedDuration::from_millis(4);
const REST: i32 = 4;

#[derive(Default)]
struct Queue {
    ready: VecDeque<Key>,
    waiting: HashSet<Key>,
    later: BTreeSet<(Timestamp, Key)>,
    /// When a key in `later` is due: each waits there once.
    due: HashMap<Key, Timestamp>,
    failures: HashMap<Key, u32>,
    /// Until when keys rest.
    resting: HashMap<Key, Timestamp>,
}

impl Queue {
    /// A change concerns this key: its turn comes, at once or when it has rested.
    fn add(&mut self, key: Key) {
        match self.resting.get(&key).copied() {
            Some(then) => self.add_later(key, then),
            None => self.add_now(key),
        }
    }

    fn add_now(&mut self, key: Key) {
        if self.waiting.insert(key.clone()) {
            self.ready.push_back(key);
        }
    }

    /// Lets a key rest that took from `began` to `ended`.
    fn rest(&mut self, key: &Key, began: Timestamp, ended: Timestamp) {
        let took = ended.duration_since(began);
        self.resting.retain(|_, then| *then > ended);
        if took > LONG
            && let Ok(then) = ended.checked_add(took.saturating_mul(REST))
        {
            self.resting.insert(key.clone(), then);
        }
    }

    /// A key that waits already is due at the earlier of both times.
    fn add_later(&mut self, key: Key, then: Timestamp) {
        if let Some(known) = self.due.get(&key).copied() {
            if known <= then {
                return;
            }
            self.later.remove(&(known, key.clone()));
        }
        self.due.insert(key.clone(), then);
        self.later.insert((then, key));
    }

    fn next(&mut self, now: Timestamp) -> Option<Key> {
        while self.later.first().is_some_and(|(then, _)| *then <= now) {
            if let Some((_, key)) = self.later.pop_first() {
                self.due.remove(&key);
                self.add_now(key);
            }
        }
        let key = self.ready.pop_front()?;
        self.waiting.remove(&key);
        Some(key)
    }

    fn pause_after_failure(&mut self, key: &Key) -> Duration {
        let failures = self.failures.entry(key.clone()).or_default();
        let pause = FIRST_PAUSE.saturating_mul(2u32.saturating_pow(*failures)).min(LONGEST_PAUSE);
        *failures += 1;
        pause
    }
}

/// Runs it until its task is stopped.
pub async fn run(reconciler: &(impl Reconciler + ?Sized), context: Context) {
    let clock = context.client.clock();
    let mut pause = FIRST_RELIST;
    loop {
        let begun = clock.now();
        // History can be gone when a controller was far behind; then it begins anew, after a pause that grows while it does not last.
        if let Err(status) = follow(reconciler, &context).await {
            tracing::debug!(controller = reconciler.name(), %status, "lists again");
        }
        if Duration::try_from(clock.now().duration_since(begun)).unwrap_or_default() > LONGEST_RELIST {
            pause = FIRST_RELIST;
        }
        clock.sleep(pause).await;
        pause = (pause * 2).min(LONGEST_RELIST);
    }
}

async fn follow(reconciler: &(impl Reconciler + ?Sized), context: &Context) -> Result<()> {
    let mut queue = Queue::default();
    let mut watches = Vec::new();
    for watched in reconciler.watches() {
        let (objects, watch) = context.client.follow(watched.resource)?;
        for object in &objects {
            (watched.keys)(context, object).into_iter().for_each(|key| queue.add(key));
        }
        watches.push((watched, watch));
    }
    let tell = |queue: &mut Queue, index: usize, told: Told| {
        let keys = reconciler.watches()[index].keys;
        keys(context, &told.object).into_iter().for_each(|key| queue.add(key));
        if let Some(previous) = &told.previous {
            keys(context, previous).into_iter().for_each(|key| queue.add(key));
        }
    };
    loop {
        for (index, (_, watch)) in watches.iter_mut().enumerate() {
            while let Some(told) = watch.try_next()? {
                tell(&mut queue, index, told);
            }
        }
        let began = context.client.clock().now();
        if let Some(key) = queue.next(began) {
            reconcile(reconciler, context, &mut queue, key.clone());
            queue.rest(&key, began, context.client.clock().now());
            // Reconciling is synchronous; others get their turn between two keys.
            tokio::task::yield_now().await;
            continue;
        }
        tokio::select! {
            (told, index) = wait(&mut watches, &queue, context) => {
                if let Some(told) = told {
                    tell(&mut queue, index, told?);
                }
            }
            key = reconciler.pushed() => queue.add(key),
        }
    }
}

async fn wait<T>(watches: &mut [(T, Watch)], queue: &Queue, context: &Context) -> (Option<Result<Told>>, usize) {
    let clock = context.client.clock();
    let due = queue.later.first().map(|(then, _)| *then);
    let timer = async {
        match due {
            Some(then) => clock.sleep_until(then).await,
            None => std::future::pending().await,
        }
    };
    let changes = select_all(watches.iter_mut().map(|(_, watch)| watch.next().boxed()));
    tokio::select! {
        (told, index, _) = changes => (Some(told), index),
        () = timer => (None, 0),
    }
}

fn reconcile(reconciler: &(impl Reconciler + ?Sized), context: &Context, queue: &mut Queue, key: Key) {
    let pause = match reconciler.reconcile(context, &key) {
        Ok(next) => {
            queue.failures.remove(&key);
            match next {
                Next::Done => return,
                Next::After(pause) => pause,
            }
        }
        Err(status) => {
            tracing::debug!(controller = reconciler.name(), namespace = key.0, name = key.1, %status, "tries again");
            queue.pause_after_failure(&key)
        }
    };
    let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
    let then = context.client.clock().now().checked_add(pause).unwrap_or(Timestamp::MAX);
    queue.add_later(key, then);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_takes_long_rests_while_changes_gather() {
        let key: Key = ("ns".to_owned(), "large".to_owned());
        let at = |millis: i64| Timestamp::from_millisecond(millis).expect("constant: a time");
        let mut queue = Queue::default();
        queue.rest(&key, at(0), at(10));
        queue.add(key.clone());
        queue.add(key.clone());
        assert_eq!(queue.next(at(11)), None);
        assert_eq!(queue.next(at(50)), Some(key.clone()));
        assert_eq!(queue.next(at(50)), None, "both changes were seen in one turn");
        queue.rest(&key, at(50), at(51));
        queue.add(key.clone());
        assert_eq!(queue.next(at(51)), Some(key), "one that is quick never rests");
    }
}
