//! How well a scenario is remembered: the FSRS-6 model of memory with its default parameters.
//! The model: <https://github.com/open-spaced-repetition/fsrs4anki/wiki/The-Algorithm>; tests hold it against py-fsrs 6.3.2.
//! What is asked next stands in `next`.

use jiff::{SignedDuration, Timestamp};

/// The default parameters w0 to w20 of FSRS-6, fitted by its authors to some hundred million reviews.
const W: [f64; 21] = [
    0.212, 1.2931, 2.3065, 8.2956, 6.4133, 0.8334, 3.0194, 0.001, 1.8722, 0.1666, 0.796, 1.4835, 0.0614, 0.2629,
    1.6483, 0.6014, 1.8729, 0.5425, 0.0912, 0.0658, 0.1542,
];

/// The probability of remembering at which a scenario falls due. Stability is measured at this one.
pub const DUE_BELOW: f64 = 0.9;

const SHORTEST: f64 = 0.001;
const LONGEST: f64 = 36_500.0;
const SECONDS_A_DAY: f64 = 86_400.0;

/// How well something was remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Not.
    Again = 1,
    /// In part, or with help.
    Hard = 2,
    Good = 3,
    /// At once.
    Easy = 4,
}

/// What is remembered of a scenario after its latest review.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    /// Days until the probability of remembering has fallen to [`DUE_BELOW`].
    pub stability: f64,
    /// How hard it is to keep, 1 to 10.
    pub difficulty: f64,
    pub last: Timestamp,
}

impl Memory {
    /// What a review at `at` makes of what was remembered before it.
    pub fn review(before: Option<Self>, grade: Grade, at: Timestamp) -> Self {
        let Some(before) = before else {
            let stability = W[grade as usize - 1];
            return Self { stability, difficulty: first_difficulty(grade).clamp(1.0, 10.0), last: at };
        };
        let stability = if before.days_until(at) < 1.0 {
            before.again_the_same_day(grade)
        } else if grade == Grade::Again {
            before.forgotten(at)
        } else {
            before.recalled(grade, at)
        };
        let stability = stability.clamp(SHORTEST, LONGEST);
        Self { stability, difficulty: before.next_difficulty(grade), last: at.max(before.last) }
    }

    /// The probability, 0 to 1, that it is still remembered at `now`.
    pub fn retrievability(&self, now: Timestamp) -> f64 {
        let decay = -W[20];
        let factor = DUE_BELOW.powf(1.0 / decay) - 1.0;
        (1.0 + factor * self.days_until(now) / self.stability).powf(decay)
    }

    /// When it should be done again.
    pub fn due(&self) -> Timestamp {
        let interval = SignedDuration::from_secs((self.stability * SECONDS_A_DAY) as i64);
        self.last.saturating_add(interval).unwrap_or(Timestamp::MAX)
    }

    fn days_until(&self, then: Timestamp) -> f64 {
        (then.duration_since(self.last).as_secs_f64() / SECONDS_A_DAY).max(0.0)
    }

    fn again_the_same_day(&self, grade: Grade) -> f64 {
        let growth = (W[17] * (f64::from(grade as u8) - 3.0 + W[18])).exp() * self.stability.powf(-W[19]);
        self.stability * if grade == Grade::Again { growth } else { growth.max(1.0) }
    }

    fn forgotten(&self, at: Timestamp) -> f64 {
        let forgotten = 1.0 - self.retrievability(at);
        let grown = (self.stability + 1.0).powf(W[13]) - 1.0;
        let long = W[11] * self.difficulty.powf(-W[12]) * grown * (W[14] * forgotten).exp();
        long.min(self.stability / (W[17] * W[18]).exp())
    }

    fn recalled(&self, grade: Grade, at: Timestamp) -> f64 {
        let surprise = (W[10] * (1.0 - self.retrievability(at))).exp() - 1.0;
        let bonus = match grade {
            Grade::Hard => W[15],
            Grade::Easy => W[16],
            Grade::Again | Grade::Good => 1.0,
        };
        let growth = W[8].exp() * (11.0 - self.difficulty) * self.stability.powf(-W[9]) * surprise * bonus;
        self.stability * (1.0 + growth)
    }

    fn next_difficulty(&self, grade: Grade) -> f64 {
        let change = -W[6] * (f64::from(grade as u8) - 3.0);
        let damped = self.difficulty + change * (10.0 - self.difficulty) / 9.0;
        let reverted = W[7] * first_difficulty(Grade::Easy) + (1.0 - W[7]) * damped;
        reverted.clamp(1.0, 10.0)
    }
}

fn first_difficulty(grade: Grade) -> f64 {
    W[4] - (W[5] * (f64::from(grade as u8) - 1.0)).exp() + 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(days: f64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs_f64(days * SECONDS_A_DAY)
    }

    /// A grade, given so many days after the one before.
    type Review = (Grade, f64);

    fn reviewed(reviews: &[Review]) -> Memory {
        let mut day = 0.0;
        let review = |memory, (grade, later): &Review| {
            day += later;
            Some(Memory::review(memory, *grade, at(day)))
        };
        reviews.iter().fold(None, review).unwrap()
    }

    #[test]
    fn stability_and_difficulty_are_those_of_the_reference() {
        use Grade::{Again, Easy, Good, Hard};
        let cases: [(&[Review], f64, f64); 9] = [
            (&[(Again, 0.0)], 0.212, 6.4133),
            (&[(Hard, 0.0)], 1.2931, 5.1122),
            (&[(Good, 0.0)], 2.3065, 2.1181),
            (&[(Easy, 0.0)], 8.2956, 1.0),
            (&[(Good, 0.0), (Good, 0.5)], 2.3065, 2.1112),
            (&[(Again, 0.0), (Good, 0.0), (Good, 1.0), (Good, 3.0), (Good, 8.0), (Good, 21.0)], 53.6269, 6.3575),
            (&[(Good, 0.0), (Good, 2.0), (Again, 11.0), (Hard, 1.0), (Easy, 3.0)], 9.5973, 7.6559),
            (&[(Easy, 0.0), (Easy, 8.0), (Easy, 40.0), (Again, 100.0)], 5.5064, 7.027),
            (&[(Hard, 0.0), (Again, 0.0), (Again, 0.0), (Hard, 1.0)], 0.4796, 9.6216),
        ];
        for (reviews, stability, difficulty) in cases {
            let memory = reviewed(reviews);
            assert!((memory.stability - stability).abs() < 1e-4, "{reviews:?}: stability {}", memory.stability);
            assert!((memory.difficulty - difficulty).abs() < 1e-4, "{reviews:?}: difficulty {}", memory.difficulty);
        }
    }

    #[test]
    fn forgetting_is_that_of_the_reference() {
        let memory = reviewed(&[(Grade::Good, 0.0)]);
        for (days, expected) in
            [(0.0, 1.0), (1.0, 0.9468), (2.0, 0.9095), (5.0, 0.8389), (30.0, 0.6675), (365.0, 0.4589)]
        {
            let found = memory.retrievability(at(days));
            assert!((found - expected).abs() < 1e-4, "after {days} days: {found}");
        }
        assert!((memory.retrievability(memory.due()) - DUE_BELOW).abs() < 1e-4);
    }

    #[test]
    fn a_clock_set_back_forgets_nothing() {
        let memory = reviewed(&[(Grade::Good, 3.0)]);
        assert_eq!(memory.retrievability(at(0.0)), 1.0);
        assert_eq!(Memory::review(Some(memory), Grade::Good, at(0.0)).last, at(3.0));
    }
}
