//! The history: all attempts, oldest first, one a line in JSON.
//! Every line stands for itself, so one that cannot be read costs that attempt and no other.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::attempt::Attempt;
use super::memory::Memory;

/// The version of the lines written here.
pub const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Line {
    v: u32,
    #[serde(flatten)]
    attempt: Attempt,
}

/// All attempts that could be read, in the order they ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    attempts: Vec<Attempt>,
    /// The lines, counted from 1, that could not be read: torn by a kill, damaged, or of a newer release.
    pub unreadable: Vec<usize>,
}

/// An attempt as one line, without its line end.
pub fn write(attempt: &Attempt) -> String {
    let line = Line { v: VERSION, attempt: attempt.clone() };
    // Maps with string keys, numbers and text: serde_json has no way to fail on these.
    serde_json::to_string(&line).unwrap_or_default()
}

/// The best of all attempts at a scenario.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    pub earned: u32,
    pub out_of: u32,
    /// How many attempts there were.
    pub attempts: usize,
}

impl History {
    /// Reads the history's bytes.
    pub fn read(bytes: &[u8]) -> Self {
        let mut history = Self::default();
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match serde_json::from_slice::<Line>(line) {
                Ok(line) if line.v <= VERSION => history.attempts.push(line.attempt),
                _ => history.unreadable.push(number),
            }
        }
        history.attempts.sort_by_key(|attempt| attempt.ended);
        history
    }

    /// A history of these attempts.
    pub fn of(mut attempts: Vec<Attempt>) -> Self {
        attempts.sort_by_key(|attempt| attempt.ended);
        Self { attempts, unreadable: Vec::new() }
    }

    /// All attempts, oldest first.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// The attempts at one scenario, oldest first.
    pub fn of_scenario<'a>(&'a self, scenario: &'a str) -> impl DoubleEndedIterator<Item = &'a Attempt> {
        self.attempts.iter().filter(move |attempt| attempt.scenario == scenario)
    }

    /// The best attempt at each scenario, by its share of points.
    pub fn best(&self) -> HashMap<&str, Best> {
        let mut best = HashMap::<&str, Best>::new();
        for attempt in &self.attempts {
            let Attempt { earned, out_of, .. } = *attempt;
            let known = best.entry(&attempt.scenario).or_insert(Best { earned, out_of, attempts: 0 });
            known.attempts += 1;
            if u64::from(earned) * u64::from(known.out_of) > u64::from(known.earned) * u64::from(out_of) {
                (known.earned, known.out_of) = (earned, out_of);
            }
        }
        best
    }

    /// What all attempts at a scenario left in memory; `None` when there was none.
    pub fn memory(&self, scenario: &str) -> Option<Memory> {
        self.of_scenario(scenario)
            .fold(None, |memory, attempt| Some(Memory::review(memory, attempt.grade(), attempt.ended)))
    }
}
