//! What there is to practise, as plain data: scenarios with the learner's best score, domains, exams, what to do next.
//! Showing it is the faces'.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::error::AppError;
use super::home::Home;
use super::records;
use crate::cluster::{self, Origin};
use crate::exam::blueprint::{Candidate, Weight};
use crate::progress::history::History;
use crate::progress::next::{self, Suggestion};
use crate::scenario::load::Scenario;
use crate::scenario::pack::{Blueprint, Pack, Tasks};

/// A scenario as it is offered.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// `pack/name`.
    pub id: String,
    pub title: String,
    pub domain: String,
    pub topics: Vec<String>,
    pub difficulty: crate::scenario::Difficulty,
    pub minutes: u32,
    pub points: u32,
    /// Best score in per cent; `None` when never graded.
    pub best: Option<u32>,
    pub attempts: usize,
    pub last: Option<Timestamp>,
    /// When it should be done again.
    pub due: Option<Timestamp>,
    /// Words of what the cluster lacks for it.
    pub lacks: Vec<&'static str>,
}

/// An exam as it is offered.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExamOffer {
    /// `pack/name`.
    pub id: String,
    pub title: String,
    pub minutes: u32,
    pub tasks: u32,
    pub pass: u32,
}

/// A scenario as drawing and progress see it.
pub fn candidate(scenario: &Scenario) -> Candidate {
    Candidate {
        id: scenario.id(),
        title: scenario.head.title.clone(),
        domain: scenario.head.domain.clone(),
        topics: scenario.head.topics.clone(),
        minutes: scenario.head.minutes,
        points: scenario.points(),
        hints: u32::try_from(scenario.hints()).unwrap_or(u32::MAX),
        requires: scenario.head.requires.iter().map(|capability| capability.word().to_owned()).collect(),
    }
}

/// A pack's domains with their weights.
pub fn weights(pack: &Pack) -> Vec<Weight> {
    pack.spec.domains.iter().map(|domain| Weight { domain: domain.id.clone(), weight: domain.weight }).collect()
}

/// How many tasks an exam has.
pub fn tasks_of(exam: &Blueprint) -> u32 {
    match &exam.tasks {
        Tasks::Count(count) => *count,
        Tasks::OfDomains(domains) => domains.iter().map(|(_, count)| count).sum(),
        Tasks::Scenarios(names) => u32::try_from(names.len()).unwrap_or(u32::MAX),
    }
}

/// A share in whole per cent; 100 only for all of it.
pub fn percent(earned: u32, out_of: u32) -> u32 {
    if out_of == 0 { 0 } else { u32::try_from(u64::from(earned) * 100 / u64::from(out_of)).unwrap_or(100) }
}

impl Home {
    /// Every scenario of every pack, in the packs' order.
    pub fn offers(&self, origin: &Origin) -> Result<Vec<Offer>, AppError> {
        let history = records::read(&self.history())?;
        let best = history.best();
        let offer = |scenario: &std::sync::Arc<Scenario>| {
            let id = scenario.id();
            let best = best.get(id.as_str());
            let last = history.of_scenario(&id).next_back().map(|attempt| attempt.ended);
            Offer {
                title: scenario.head.title.clone(),
                domain: scenario.head.domain.clone(),
                topics: scenario.head.topics.clone(),
                difficulty: scenario.head.difficulty,
                minutes: scenario.head.minutes,
                points: scenario.points(),
                best: best.map(|best| percent(best.earned, best.out_of)),
                attempts: best.map_or(0, |best| best.attempts),
                last,
                due: history.memory(&id).map(|memory| memory.due()),
                lacks: lacks(scenario, origin),
                id,
            }
        };
        Ok(self.catalogue.scenarios().map(offer).collect())
    }

    /// Every exam of every pack.
    pub fn exam_offers(&self) -> Vec<ExamOffer> {
        let of_pack = |pack: &std::sync::Arc<Pack>| -> Vec<ExamOffer> {
            let offer = |exam: &Blueprint| ExamOffer {
                id: format!("{}/{}", pack.name, exam.name),
                title: exam.title.clone(),
                minutes: exam.minutes,
                tasks: tasks_of(exam),
                pass: exam.pass,
            };
            pack.spec.exams.iter().map(offer).collect()
        };
        self.catalogue.packs().iter().flat_map(of_pack).collect()
    }

    /// All scenarios the origin's clusters can do, first what should be done first.
    pub fn suggestions(&self, origin: &Origin) -> Result<Vec<Suggestion>, AppError> {
        let history = records::read(&self.history())?;
        Ok(self.suggest(&history, origin))
    }

    /// The same, of a history that was read.
    pub fn suggest(&self, history: &History, origin: &Origin) -> Vec<Suggestion> {
        let candidates: Vec<Candidate> = self
            .catalogue
            .scenarios()
            .filter(|scenario| lacks(scenario, origin).is_empty())
            .map(|s| candidate(s))
            .collect();
        let weights: Vec<Weight> = self.catalogue.packs().iter().flat_map(|pack| weights(pack)).collect();
        next::next(history, &candidates, &weights, self.clock.now())
    }

    /// All scenarios, as progress sees them.
    pub fn candidates(&self) -> Vec<Candidate> {
        self.catalogue.scenarios().map(|scenario| candidate(scenario)).collect()
    }
}

fn lacks(scenario: &Scenario, origin: &Origin) -> Vec<&'static str> {
    let Some(promised) = cluster::promised(origin) else { return Vec::new() };
    promised.lacking(&scenario.head.requires).into_iter().map(|capability| capability.word()).collect()
}

/// The words of all capabilities that clusters of an origin have before any is open; `None` when only a cluster itself can say.
pub fn promised_words(origin: &Origin) -> Option<BTreeSet<String>> {
    Some(cluster::promised(origin)?.words().into_iter().map(str::to_owned).collect())
}
