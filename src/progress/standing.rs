//! Where the learner stands in each domain and topic, weakest first.
//! Which scenario to do about it stands in `next`.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::Serialize;

use super::attempt::Attempt;
use super::history::History;
use crate::exam::blueprint::Candidate;

/// Where the learner stands in one domain or topic.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    pub name: String,
    pub attempts: usize,
    /// Scenarios practised at least once, and scenarios there are.
    pub practised: usize,
    pub scenarios: usize,
    /// The mean of the latest attempts' scores in per cent; `None` when there was none.
    pub score: Option<f64>,
    /// How ready the learner is, 0 to 1: the mean over all scenarios of the latest score, weakened by what is forgotten since.
    pub readiness: f64,
    /// Seconds spent on the latest attempts, and seconds that should have been needed.
    pub spent: i64,
    pub expected: i64,
}

/// Below this score in per cent, a domain or topic is a weak spot: the pass mark of the exam.
pub const WEAK_BELOW: f64 = 66.0;

impl Standing {
    /// Whether what was practised went badly.
    pub fn is_weak(&self) -> bool {
        self.score.is_some_and(|score| score < WEAK_BELOW)
    }
}

/// What to group scenarios by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Domain,
    Topic,
}

/// The standing in each domain or topic of the catalogue, the least ready first.
///
/// Attempts at scenarios that are no longer in the catalogue count in neither.
pub fn standings(history: &History, catalogue: &[Candidate], by: By, now: Timestamp) -> Vec<Standing> {
    let mut groups = BTreeMap::<&str, Vec<&Candidate>>::new();
    for candidate in catalogue {
        let names = match by {
            By::Domain => std::slice::from_ref(&candidate.domain),
            By::Topic => &candidate.topics[..],
        };
        for name in names {
            groups.entry(name).or_default().push(candidate);
        }
    }
    let known = known(history, now);
    let mut standings: Vec<_> = groups.into_iter().map(|(name, group)| standing(name, &group, &known)).collect();
    standings.sort_by(|a, b| a.readiness.total_cmp(&b.readiness));
    standings
}

/// What is known of one scenario that was practised.
struct Known<'a> {
    attempts: usize,
    latest: &'a Attempt,
    retrievability: f64,
}

fn known(history: &History, now: Timestamp) -> HashMap<&str, Known<'_>> {
    let mut known = HashMap::<&str, Known<'_>>::new();
    for latest in history.attempts() {
        let before = known.get(latest.scenario.as_str()).map_or(0, |known| known.attempts);
        known.insert(&latest.scenario, Known { attempts: before + 1, latest, retrievability: 0.0 });
    }
    for (scenario, known) in &mut known {
        known.retrievability = history.memory(scenario).map_or(0.0, |memory| memory.retrievability(now));
    }
    known
}

fn standing(name: &str, group: &[&Candidate], known: &HashMap<&str, Known<'_>>) -> Standing {
    let practised: Vec<_> = group.iter().filter_map(|candidate| known.get(candidate.id.as_str())).collect();
    let scores = practised.iter().map(|known| known.latest.share()).sum::<f64>();
    let ready = practised.iter().map(|known| known.latest.share() * known.retrievability).sum::<f64>();
    Standing {
        name: name.to_owned(),
        attempts: practised.iter().map(|known| known.attempts).sum(),
        practised: practised.len(),
        scenarios: group.len(),
        score: (!practised.is_empty()).then(|| 100.0 * scores / practised.len() as f64),
        readiness: ready / group.len() as f64,
        spent: practised.iter().map(|known| known.latest.spent).sum(),
        expected: practised.iter().map(|known| known.latest.expected).sum(),
    }
}
