//! Proves scenarios: untouched earns nothing, each solution everything, each wrong answer loses exactly what it names,
//! grading twice says the same, and a reset brings the beginning back. Printing what comes of it is the faces'.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use super::error::AppError;
use crate::base::clock::Clock;
use crate::base::seed::Seed;
use crate::cluster::{self, Cluster, Origin, Wish};
use crate::grading::report::{Report, Verdict};
use crate::grading::{Grader, Patience, grade};
use crate::lab::Lab;
use crate::scenario::load::Scenario;
use crate::scenario::step::Step;
use crate::scenario::variant::Variant;

/// How many of the cluster's seconds pass in one of the wall's while scenarios are proved on clusters of our own.
const SPEED: f64 = 60.0;
/// How long what should hold is waited for on a busy machine.
const AT_LEAST: Duration = Duration::from_secs(20);

/// What is to be proved, and where.
#[derive(Clone)]
pub struct Plan {
    pub scenarios: Vec<Arc<Scenario>>,
    pub seeds: Vec<Seed>,
    pub origin: Origin,
    /// A folder for clusters and labs; emptied by the caller.
    pub dir: PathBuf,
    /// How many at a time.
    pub jobs: usize,
}

/// One thing that was to be shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Claim {
    /// Such as `solution imperative earns full marks`.
    pub claim: String,
    /// Why it does not hold; `None` when it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// What one scenario showed for one seed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proof {
    pub scenario: String,
    pub seed: Seed,
    pub claims: Vec<Claim>,
    /// Why it was not tried, such as what the cluster lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    pub seconds: f64,
}

impl Proof {
    /// Whether every claim holds.
    pub fn holds(&self) -> bool {
        self.claims.iter().all(|claim| claim.failure.is_none())
    }
}

/// Proves everything of a plan; `told` hears of each proof as it is done. The proofs come back in the plan's order.
pub async fn verify(plan: &Plan, told: impl Fn(&Proof) + Sync) -> Vec<Proof> {
    let work: VecDeque<(usize, Arc<Scenario>, Seed)> = plan
        .scenarios
        .iter()
        .flat_map(|scenario| plan.seeds.iter().map(move |seed| (scenario.clone(), *seed)))
        .enumerate()
        .map(|(index, (scenario, seed))| (index, scenario, seed))
        .collect();
    let work = Mutex::new(work);
    let done = Mutex::new(Vec::new());
    let next = || work.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let worker = async || {
        while let Some((index, scenario, seed)) = next() {
            let proof = prove(plan, index, &scenario, seed).await;
            told(&proof);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((index, proof));
        }
    };
    futures::future::join_all((0..plan.jobs.max(1)).map(|_| worker())).await;
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, proof)| proof).collect()
}

async fn prove(plan: &Plan, index: usize, scenario: &Scenario, seed: Seed) -> Proof {
    let clock = Clock::system();
    let began = clock.now();
    let mut proof = Proof { scenario: scenario.id(), seed, claims: Vec::new(), skipped: None, seconds: 0.0 };
    match scenario.variant(seed) {
        Err(error) => proof.claim("the scenario can be drawn", Err(error.render(false))),
        Ok(variant) => prove_variant(plan, index, variant, &mut proof).await,
    }
    proof.seconds = clock.now().duration_since(began).as_secs_f64();
    proof
}

async fn prove_variant(plan: &Plan, index: usize, variant: Variant, proof: &mut Proof) {
    let dir = plan.dir.join(index.to_string());
    let speed = if plan.origin == Origin::Embedded { SPEED } else { 1.0 };
    let wish = Wish {
        name: format!("verify-{index}"),
        dir: dir.clone(),
        workers: 2,
        port: 0,
        keep: false,
        clock: Clock::fast(speed),
    };
    let cluster = match cluster::open(&plan.origin, &wish).await {
        Ok(cluster) => cluster,
        Err(error) => return proof.claim("there is a cluster", Err(error.to_string())),
    };
    let lacking = cluster.capabilities().lacking(&variant.requires);
    if !lacking.is_empty() {
        let words: Vec<&str> = lacking.iter().map(|capability| capability.word()).collect();
        proof.skipped = Some(format!("the cluster lacks {}", words.join(", ")));
    } else {
        let shown = show(variant, cluster.clone(), dir, proof).await;
        if let Err(error) = shown {
            proof.claim("the task can be laid", Err(error.to_string()));
        }
    }
    if let Err(error) = cluster.close().await {
        proof.claim("the cluster can be closed", Err(error.to_string()));
    }
}

async fn show(variant: Variant, cluster: Arc<dyn Cluster>, dir: PathBuf, proof: &mut Proof) -> Result<(), AppError> {
    let mut lab = Lab::lay(variant, cluster, &dir).await?;
    // Nothing but the guards is expected to hold before anybody does anything.
    let paying: Vec<String> =
        lab.variant.checks.iter().filter(|check| !check.guard).map(|check| check.name.clone()).collect();
    let untouched = look(&lab, &paying).await;
    proof.claim("untouched it earns nothing", earns_nothing(&untouched));
    proof.claim("graded twice it says the same", same(&untouched, &look(&lab, &paying).await));
    let mut dirty = false;
    for solution in lab.variant.solutions.clone() {
        let claim = format!("solution {:?} earns full marks", solution.name);
        let report = match answered(&mut lab, (&solution.steps, &[]), &mut dirty).await {
            Ok(report) => report,
            Err(error) => {
                proof.claim(&claim, Err(error.to_string()));
                continue;
            }
        };
        proof.claim(&claim, full_marks(&report));
        proof.claim(
            &format!("graded twice, solution {:?} says the same", solution.name),
            same(&report, &look(&lab, &[]).await),
        );
    }
    for wrong in lab.variant.wrong.clone() {
        let claim = format!("wrong answer {:?} loses what it names", wrong.name);
        let shown = match answered(&mut lab, (&wrong.steps, &wrong.loses), &mut dirty).await {
            Ok(report) => loses(&report, &wrong.loses),
            Err(error) => Err(error.to_string()),
        };
        proof.claim(&claim, shown);
    }
    lab.reset().await?;
    proof.claim("after a reset it says what it said at first", same(&untouched, &look(&lab, &paying).await));
    lab.clean().await?;
    Ok(())
}

/// Does an answer and grades it; `fails` are the checks it is expected to lose.
async fn answered(lab: &mut Lab, (steps, fails): (&[Step], &[String]), dirty: &mut bool) -> Result<Report, AppError> {
    if std::mem::replace(dirty, true) {
        lab.reset().await?;
    }
    lab.answer(steps).await?;
    Ok(look(lab, fails).await)
}

async fn look(lab: &Lab, fails: &[String]) -> Report {
    let patience = Patience { at_least: AT_LEAST, except: fails.to_vec() };
    let grader = Grader { objects: lab.objects.clone(), clock: lab.cluster.clock(), answers: lab.work(), patience };
    grade(&grader, &lab.variant, |_, _| {}).await
}

impl Proof {
    fn claim(&mut self, claim: &str, shown: Result<(), String>) {
        self.claims.push(Claim { claim: claim.to_owned(), failure: shown.err() });
    }
}

fn broken(report: &Report) -> Result<(), String> {
    report.ungraded.as_ref().map_or(Ok(()), |why| Err(format!("it could not be graded: {why}")))
}

fn earns_nothing(report: &Report) -> Result<(), String> {
    broken(report)?;
    let paid: Vec<&str> =
        report.results.iter().filter(|result| result.earned > 0).map(|result| result.name.as_str()).collect();
    let spoilt: Vec<&str> = report
        .results
        .iter()
        .filter(|result| result.guard && !result.counts())
        .map(|result| result.name.as_str())
        .collect();
    match (paid.as_slice(), spoilt.as_slice()) {
        ([], []) => Ok(()),
        ([], spoilt) => Err(format!("guards do not hold: {}", spoilt.join("; "))),
        (paid, _) => Err(format!("paid for nothing: {}", paid.join("; "))),
    }
}

fn full_marks(report: &Report) -> Result<(), String> {
    broken(report)?;
    if report.full_marks() {
        return Ok(());
    }
    let lost = report.results.iter().filter(|result| !result.counts()).map(|result| match &result.verdict {
        Verdict::Fail { findings } => {
            let told: Vec<&str> = findings.iter().map(|finding| finding.text.as_str()).collect();
            format!("{} ({})", result.name, told.join("; "))
        }
        Verdict::Broken { why } => format!("{} (broken: {why})", result.name),
        Verdict::Pass => format!("{} (waits for {})", result.name, result.waits_for.join(", ")),
    });
    Err(format!("lost: {}", lost.collect::<Vec<_>>().join("; ")))
}

fn loses(report: &Report, named: &[String]) -> Result<(), String> {
    broken(report)?;
    let lost = report.lost();
    let extra: Vec<&str> = lost.iter().filter(|name| !named.iter().any(|named| named == *name)).copied().collect();
    let kept: Vec<&str> = named.iter().map(String::as_str).filter(|name| !lost.contains(name)).collect();
    match (extra.as_slice(), kept.as_slice()) {
        ([], []) => Ok(()),
        (extra, []) => Err(format!("loses more than it names: {}", extra.join("; "))),
        ([], kept) => Err(format!("is paid all the same for: {}", kept.join("; "))),
        (extra, kept) => {
            Err(format!("loses more than it names: {}; and is paid for: {}", extra.join("; "), kept.join("; ")))
        }
    }
}

fn same(one: &Report, other: &Report) -> Result<(), String> {
    let verdicts = |report: &Report| -> Vec<(String, bool)> {
        report.results.iter().map(|result| (result.name.clone(), result.counts())).collect()
    };
    let (one, other) = (verdicts(one), verdicts(other));
    let differ: Vec<&str> =
        one.iter().zip(&other).filter(|(one, other)| one != other).map(|(one, _)| one.0.as_str()).collect();
    if one.len() == other.len() && differ.is_empty() {
        Ok(())
    } else {
        Err(format!("it differs in: {}", differ.join("; ")))
    }
}
