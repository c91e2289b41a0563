//! Drawing exams: what holds for every seed, and what happens where there is too little to draw from.
//! What becomes of the tasks drawn stands in `exam`.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use kubedrill::base::seed::Seed;
use kubedrill::exam::blueprint::{Blueprint, Candidate, Weight};
use kubedrill::exam::draw::{DrawError, draw};
use kubedrill::exam::plan::Task;
use proptest::prelude::*;

const DOMAINS: [(&str, u32); 5] =
    [("troubleshooting", 30), ("architecture", 25), ("networking", 20), ("workloads", 15), ("storage", 10)];

fn blueprint(tasks: usize) -> Blueprint {
    let weights = DOMAINS.map(|(domain, weight)| Weight { domain: domain.to_owned(), weight });
    Blueprint { name: "mock".to_owned(), minutes: 120, pass: 66, tasks, weights: weights.to_vec() }
}

fn candidate(domain: &str, number: u32, minutes: u32) -> Candidate {
    let id = format!("{domain}-{number}");
    Candidate { title: id.clone(), id, domain: domain.to_owned(), minutes, points: 3 + number, ..Candidate::default() }
}

fn catalogue(each: u32) -> Vec<Candidate> {
    let of = |domain: &'static str| (0..each).map(move |number| candidate(domain, number, 4 + number));
    DOMAINS.iter().flat_map(|(domain, _)| of(domain)).collect()
}

fn drawn(tasks: usize, candidates: &[Candidate], seed: u64) -> Vec<Task> {
    draw(&blueprint(tasks), candidates, &BTreeSet::new(), Seed(seed)).unwrap()
}

fn by_domain<V: std::ops::AddAssign + Default>(tasks: &[Task], value: impl Fn(&Task) -> V) -> BTreeMap<&str, V> {
    let mut sums = BTreeMap::<_, V>::new();
    for task in tasks {
        *sums.entry(task.domain.as_str()).or_default() += value(task);
    }
    sums
}

#[test]
fn the_same_seed_draws_the_same_exam_and_another_seed_another() {
    let catalogue = catalogue(8);
    assert_eq!(drawn(17, &catalogue, 1), drawn(17, &catalogue, 1));
    let all: HashSet<_> = (0..20)
        .map(|seed| drawn(17, &catalogue, seed).iter().map(|t| t.scenario.clone()).collect::<Vec<_>>())
        .collect();
    assert_eq!(all.len(), 20);
}

#[test]
fn places_and_worth_follow_the_weights() {
    let tasks = drawn(17, &catalogue(8), 5);
    let places = by_domain(&tasks, |_| 1);
    let expected = [("troubleshooting", 5), ("architecture", 4), ("networking", 3), ("workloads", 3), ("storage", 2)];
    assert_eq!(places, BTreeMap::from(expected));
    assert_eq!(by_domain(&tasks, |task| task.worth), BTreeMap::from(DOMAINS));
}

#[test]
fn a_domain_with_too_few_leaves_its_places_but_not_its_weight() {
    let mut candidates = catalogue(5);
    candidates.retain(|candidate| candidate.domain != "troubleshooting" || candidate.id == "troubleshooting-1");
    let tasks = drawn(17, &candidates, 2);
    let ids: HashSet<_> = tasks.iter().map(|task| &task.scenario).collect();
    assert_eq!((tasks.len(), ids.len()), (17, 17), "none twice while there are enough");
    assert_eq!(by_domain(&tasks, |task| task.worth), BTreeMap::from(DOMAINS));
}

#[test]
fn a_domain_with_none_leaves_its_weight() {
    let mut candidates = catalogue(8);
    candidates.retain(|candidate| candidate.domain != "troubleshooting");
    let tasks = drawn(10, &candidates, 2);
    assert_eq!(tasks.iter().map(|task| task.worth).sum::<u32>(), 100);
    assert!(by_domain(&tasks, |task| task.worth)["architecture"] > 30);
}

#[test]
fn too_few_scenarios_come_again_with_other_seeds() {
    let tasks = drawn(12, &catalogue(1), 3);
    let variants: HashSet<_> = tasks.iter().map(|task| (&task.scenario, task.seed)).collect();
    assert_eq!((tasks.len(), variants.len()), (12, 12));
}

#[test]
fn long_tasks_make_way_for_short_ones_of_their_domain() {
    let long = |domain: &'static str| (0..4).map(move |number| candidate(domain, number, 30));
    let short = |domain: &'static str| (4..8).map(move |number| candidate(domain, number, 6));
    let candidates: Vec<_> = DOMAINS.iter().flat_map(|(domain, _)| long(domain).chain(short(domain))).collect();
    for seed in 0..20 {
        let tasks = drawn(15, &candidates, seed);
        let minutes: u32 = tasks.iter().map(|task| task.minutes).sum();
        assert!(minutes <= 120, "{minutes} minutes with seed {seed}");
        assert_eq!(by_domain(&tasks, |_| 1)["storage"], 1, "seed {seed}");
    }
}

#[test]
fn only_what_the_cluster_can_do_is_drawn() {
    let mut candidates = catalogue(8);
    for candidate in candidates.iter_mut().filter(|candidate| candidate.domain == "storage") {
        candidate.requires = vec!["pods".to_owned()];
    }
    assert!(drawn(17, &candidates, 1).iter().all(|task| task.domain != "storage"));
    let able = BTreeSet::from(["pods".to_owned()]);
    let tasks = draw(&blueprint(17), &candidates, &able, Seed(1)).unwrap();
    assert!(tasks.iter().any(|task| task.domain == "storage"));
}

#[test]
fn an_exam_that_cannot_be_drawn_says_why() {
    let none = BTreeSet::new();
    let why =
        |blueprint: &Blueprint, candidates: &[Candidate]| draw(blueprint, candidates, &none, Seed(1)).unwrap_err();
    assert_eq!(why(&blueprint(0), &catalogue(2)), DrawError::NoTasks { exam: "mock".to_owned() });
    assert!(matches!(why(&blueprint(5), &[candidate("cooking", 1, 5)]), DrawError::NoScenario { .. }));
    let needy = Candidate { requires: vec!["metrics".to_owned()], ..candidate("storage", 1, 5) };
    assert_eq!(
        why(&blueprint(5), &[needy]).to_string(),
        "every scenario of the exam mock needs what this cluster has not: metrics"
    );
}

proptest! {
    #[test]
    fn every_exam_has_its_tasks_its_hundred_per_cent_and_no_scenario_twice(
        seed: u64,
        tasks in 1_usize..30,
        sizes in prop::collection::vec(0_u32..9, 5),
    ) {
        let of = |(domain, size): (&'static str, u32)| (0..size).map(move |number| candidate(domain, number, 5));
        let candidates: Vec<_> = DOMAINS.iter().map(|(d, _)| *d).zip(sizes).flat_map(of).collect();
        prop_assume!(!candidates.is_empty());
        let drawn = drawn(tasks, &candidates, seed);
        prop_assert_eq!(drawn.len(), tasks);
        prop_assert_eq!(drawn.iter().map(|task| task.worth).sum::<u32>(), 100);
        let ids: HashSet<_> = drawn.iter().map(|task| &task.scenario).collect();
        prop_assert_eq!(ids.len(), tasks.min(candidates.len()));
    }
}
