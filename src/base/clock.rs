//! The one clock: time and waiting come from here, so that a test or a fast cluster can have its own.
//! Formatting of times stands with those who print them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A clock that may run faster than the wall's. Cheap to clone; clones share the same time.
///
/// Built on tokio's time, so a test under `start_paused = true` sees it stand still until every task waits.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: Timestamp,
    start: Instant,
    speed: f64,
    /// How long the machine had slept at the start, where that counts.
    slept: Option<Duration>,
}

/// How long the machine has slept since it was started. The time that programs wait by stands still meanwhile.
#[cfg(target_os = "linux")]
fn slept() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let since = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    since(ClockId::Boottime).saturating_sub(since(ClockId::Monotonic))
}

/// Elsewhere nobody tells.
#[cfg(not(target_os = "linux"))]
fn slept() -> Duration {
    Duration::ZERO
}

/// So many seconds later, or the end of time: numbers of seconds are people's.
pub fn later(from: Timestamp, seconds: i64) -> Timestamp {
    from.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

impl Clock {
    /// The wall's clock.
    pub fn system() -> Self {
        Self::fast(1.0)
    }

    /// The wall's clock, also while the machine sleeps: that of exams. A cluster's stands still then, as everything in it does.
    pub fn wall() -> Self {
        Self { slept: Some(slept()), ..Self::system() }
    }

    /// A clock that begins now and runs `speed` times as fast as the wall's.
    pub fn fast(speed: f64) -> Self {
        #[allow(clippy::disallowed_methods, reason = "this is where time comes in")]
        let epoch = Timestamp::now();
        Self::from_epoch(epoch, speed)
    }

    /// A clock that shows `epoch` now. For tests and for a cluster that goes on where it stopped.
    pub fn from_epoch(epoch: Timestamp, speed: f64) -> Self {
        #[allow(clippy::disallowed_methods, reason = "this is where time comes in")]
        let start = Instant::now();
        Self { epoch, start, speed, slept: None }
    }

    /// How many of this clock's seconds pass in one of the wall's.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        // Whole seconds: the two clocks are read one after the other.
        let asleep = self.slept.map_or(0, |before| slept().saturating_sub(before).as_secs());
        let passed = (self.start.elapsed() + Duration::from_secs(asleep)).as_secs_f64() * self.speed;
        self.epoch.saturating_add(SignedDuration::from_secs_f64(passed)).unwrap_or(Timestamp::MAX)
    }

    /// Waits `duration` of this clock's time.
    pub async fn sleep(&self, duration: Duration) {
        #[allow(clippy::disallowed_methods, reason = "this is where waiting comes in")]
        tokio::time::sleep(self.to_wall(duration)).await;
    }

    /// Waits until this clock shows `then`; returns at once when it is past.
    pub async fn sleep_until(&self, then: Timestamp) {
        let left = then.duration_since(self.now());
        if let Ok(left) = Duration::try_from(left) {
            self.sleep(left).await;
        }
    }

    /// How long `duration` of this clock's time takes on the wall's.
    pub fn to_wall(&self, duration: Duration) -> Duration {
        duration.div_f64(self.speed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_fast_clock_shows_the_time_slept() {
        let clock = Clock::fast(10.0);
        let before = clock.now();
        clock.sleep(Duration::from_secs(20)).await;
        let passed = clock.now().duration_since(before).as_secs_f64();
        assert!((passed - 20.0).abs() < 0.1, "{passed}");
    }

    #[test]
    fn nothing_is_later_than_the_end_of_time() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().expect("constant: a time");
        assert_eq!(later(now, 60).to_string(), "2026-03-01T12:01:00Z");
        assert_eq!(later(now, i64::MAX), Timestamp::MAX);
    }
}
