//! Draws an exam's tasks from a blueprint by domain weights, fresh for each seed.
//! What the drawn tasks are like stands in `plan`; names and values inside a task are drawn by the scenario.

use std::collections::{BTreeSet, HashSet};

use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;

use super::blueprint::{Blueprint, Candidate, Weight, apportion};
use super::plan::Task;
use crate::base::seed::Seed;

/// Why no exam can be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    #[error("the exam {exam} asks for no tasks")]
    NoTasks { exam: String },
    #[error("no scenario is in a domain of the exam {exam} ({})", domains.join(", "))]
    NoScenario { exam: String, domains: Vec<String> },
    #[error("every scenario of the exam {exam} needs what this cluster has not: {}", missing.join(", "))]
    NotCapable { exam: String, missing: Vec<String> },
}

/// The tasks of an exam: as many as the blueprint asks for, over its domains by weight, in an order of their own, each with its own seed.
///
/// Only candidates whose needs are among `capabilities` are drawn. None comes twice while there are enough: a domain that has too few
/// leaves its places to the others. What a domain weighs stays as the blueprint says, however many tasks it got; a domain without
/// any leaves its weight to the others. Where the tasks would take longer than the exam, long ones are exchanged for shorter ones of
/// the same domain, as far as there are any.
pub fn draw(
    blueprint: &Blueprint,
    candidates: &[Candidate],
    capabilities: &BTreeSet<String>,
    seed: Seed,
) -> Result<Vec<Task>, DrawError> {
    let offered = offered(blueprint, candidates, capabilities)?;
    let mut rng = seed.derive("tasks").rng();
    let mut pools = Pools::shuffled(blueprint, &offered, &mut rng);
    let mut drawn = pools.take(blueprint);
    shorten(&mut drawn, &pools, blueprint.minutes);
    drawn.shuffle(&mut rng);
    let seeds = (1..).map(|number: u32| friendly(seed.derive(&format!("task {number}"))));
    let mut tasks: Vec<_> = drawn.into_iter().zip(seeds).map(|(candidate, seed)| Task::of(candidate, seed)).collect();
    weigh(&mut tasks, &blueprint.weights);
    Ok(tasks)
}

/// A seed short enough to be typed, and exact in every JSON reader.
fn friendly(seed: Seed) -> Seed {
    Seed(seed.0 % 1_000_000)
}

fn offered<'a>(
    blueprint: &Blueprint,
    candidates: &'a [Candidate],
    capabilities: &BTreeSet<String>,
) -> Result<Vec<&'a Candidate>, DrawError> {
    let exam = blueprint.name.clone();
    if blueprint.tasks == 0 {
        return Err(DrawError::NoTasks { exam });
    }
    let domains: Vec<_> = blueprint.weights.iter().filter(|w| w.weight > 0).map(|w| w.domain.clone()).collect();
    let fitting: Vec<_> = candidates.iter().filter(|candidate| domains.contains(&candidate.domain)).collect();
    if fitting.is_empty() {
        return Err(DrawError::NoScenario { exam, domains });
    }
    let lacks = |candidate: &&Candidate| candidate.requires.iter().any(|need| !capabilities.contains(need));
    let offered: Vec<_> = fitting.iter().copied().filter(|candidate| !lacks(candidate)).collect();
    if offered.is_empty() {
        let needed: BTreeSet<_> = fitting.iter().flat_map(|candidate| &candidate.requires).collect();
        let missing = needed.into_iter().filter(|need| !capabilities.contains(*need)).cloned().collect();
        return Err(DrawError::NotCapable { exam, missing });
    }
    Ok(offered)
}

/// What is still to be had: for each domain with its weight, the candidates in chance order, best taken from the end.
struct Pools<'a> {
    domains: Vec<(u32, Vec<&'a Candidate>)>,
    all: Vec<&'a Candidate>,
}

impl<'a> Pools<'a> {
    fn shuffled(blueprint: &Blueprint, offered: &[&'a Candidate], rng: &mut ChaCha8Rng) -> Self {
        let mut all = offered.to_vec();
        all.shuffle(rng);
        let of = |domain: &str| all.iter().copied().filter(|candidate| candidate.domain == domain).collect::<Vec<_>>();
        let domains = blueprint.weights.iter().map(|w| (w.weight, of(&w.domain))).filter(|(_, pool)| !pool.is_empty());
        Self { domains: domains.collect(), all }
    }

    fn take(&mut self, blueprint: &Blueprint) -> Vec<&'a Candidate> {
        let mut drawn = Vec::new();
        while drawn.len() < blueprint.tasks && self.domains.iter().any(|(_, pool)| !pool.is_empty()) {
            let open: Vec<_> =
                self.domains.iter().map(|(weight, pool)| if pool.is_empty() { 0 } else { *weight }).collect();
            let places = apportion((blueprint.tasks - drawn.len()) as u32, &open);
            for ((_, pool), places) in self.domains.iter_mut().zip(places) {
                drawn.extend(pool.split_off(pool.len().saturating_sub(places as usize)));
            }
        }
        let again = self.all.iter().copied().cycle().take(blueprint.tasks - drawn.len());
        drawn.extend(again);
        drawn
    }
}

/// Exchanges the longest tasks for the shortest unused ones of their domain until all fit into `minutes` or nothing helps.
fn shorten<'a>(drawn: &mut [&'a Candidate], pools: &Pools<'a>, minutes: u32) {
    let mut used: HashSet<&str> = drawn.iter().map(|candidate| candidate.id.as_str()).collect();
    while drawn.iter().map(|candidate| candidate.minutes).sum::<u32>() > minutes {
        let best = (0..drawn.len())
            .filter_map(|place| {
                let spare = pools.all.iter().filter(|spare| spare.domain == drawn[place].domain);
                let spare =
                    spare.filter(|spare| !used.contains(spare.id.as_str())).min_by_key(|spare| spare.minutes)?;
                let gain = drawn[place].minutes.checked_sub(spare.minutes).filter(|gain| *gain > 0)?;
                Some((gain, place, *spare))
            })
            .max_by_key(|(gain, ..)| *gain);
        let Some((_, place, spare)) = best else { return };
        used.remove(drawn[place].id.as_str());
        used.insert(&spare.id);
        drawn[place] = spare;
    }
}

/// Splits 100 per cent over the domains that have tasks, and each domain's part over its tasks by their points.
pub fn weigh(tasks: &mut [Task], weights: &[Weight]) {
    let mut domains: Vec<&Weight> = Vec::new();
    for weight in weights {
        let seen = domains.iter().any(|domain| domain.domain == weight.domain);
        if !seen && tasks.iter().any(|task| task.domain == weight.domain) {
            domains.push(weight);
        }
    }
    let parts = apportion(100, &domains.iter().map(|domain| domain.weight).collect::<Vec<_>>());
    for (domain, part) in domains.into_iter().zip(parts) {
        let mut own: Vec<_> = tasks.iter_mut().filter(|task| task.domain == domain.domain).collect();
        let points: Vec<_> = own.iter().map(|task| task.points.max(1)).collect();
        for (task, worth) in own.iter_mut().zip(apportion(part, &points)) {
            task.worth = worth;
        }
    }
}
