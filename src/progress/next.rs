//! What to do now: every scenario of the catalogue in the order it should be done.
//! How well each is remembered stands in `memory`.

use std::cmp::Ordering;
use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use super::history::History;
use super::memory::DUE_BELOW;
use super::standing::{By, standings};
use crate::exam::blueprint::{Candidate, Weight};

/// A scenario to do, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Suggestion {
    pub scenario: String,
    pub domain: String,
    #[serde(flatten)]
    pub reason: Reason,
}

/// Why now, or why not yet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "camelCase")]
pub enum Reason {
    /// It was done, and is likely to be forgotten by now.
    Due {
        /// The probability, 0 to 1, that it is still remembered.
        remembered: f64,
    },
    /// It was never done.
    New,
    /// It is remembered until then.
    Later { due: Timestamp },
}

/// The whole catalogue, first what should be done first.
///
/// What is due or new comes before what is still remembered; among those, the domain where the exam would cost most first (its weight
/// times what is not mastered in it); in a domain what is due first, most forgotten first, then what is new, short ones first.
/// Domains that have no weight count as the lightest; without any weights, all are alike.
pub fn next(history: &History, catalogue: &[Candidate], weights: &[Weight], now: Timestamp) -> Vec<Suggestion> {
    let needs = needs(history, catalogue, weights, now);
    let mut ranked: Vec<_> = catalogue
        .iter()
        .map(|candidate| {
            let need = needs.get(&candidate.domain).copied().unwrap_or(0.0);
            (need, candidate, reason(history, &candidate.id, now))
        })
        .collect();
    ranked.sort_by(|(need_a, a, reason_a), (need_b, b, reason_b)| {
        later(reason_a)
            .cmp(&later(reason_b))
            .then_with(|| need_b.total_cmp(need_a))
            .then_with(|| a.domain.cmp(&b.domain))
            .then_with(|| within_domain(reason_a, reason_b))
            .then_with(|| a.minutes.cmp(&b.minutes))
    });
    let suggest = |candidate: &Candidate, reason| Suggestion {
        scenario: candidate.id.clone(),
        domain: candidate.domain.clone(),
        reason,
    };
    ranked.into_iter().map(|(_, candidate, reason)| suggest(candidate, reason)).collect()
}

/// What each domain would cost in the exam: its weight times what is not mastered.
fn needs(history: &History, catalogue: &[Candidate], weights: &[Weight], now: Timestamp) -> HashMap<String, f64> {
    let lightest = weights.iter().map(|weight| weight.weight).min().unwrap_or(1);
    let weight = |domain: &str| weights.iter().find(|weight| weight.domain == domain).map_or(lightest, |w| w.weight);
    let standings = standings(history, catalogue, By::Domain, now);
    let need = |readiness: f64, domain: &str| f64::from(weight(domain)) * (1.0 - readiness);
    standings.into_iter().map(|standing| (standing.name.clone(), need(standing.readiness, &standing.name))).collect()
}

fn reason(history: &History, scenario: &str, now: Timestamp) -> Reason {
    let Some(memory) = history.memory(scenario) else { return Reason::New };
    let remembered = memory.retrievability(now);
    if remembered < DUE_BELOW { Reason::Due { remembered } } else { Reason::Later { due: memory.due() } }
}

fn later(reason: &Reason) -> bool {
    matches!(reason, Reason::Later { .. })
}

fn within_domain(a: &Reason, b: &Reason) -> Ordering {
    match (a, b) {
        (Reason::Due { remembered: a }, Reason::Due { remembered: b }) => a.total_cmp(b),
        (Reason::Later { due: a }, Reason::Later { due: b }) => a.cmp(b),
        (Reason::Due { .. }, Reason::New) => Ordering::Less,
        (Reason::New, Reason::Due { .. }) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}
