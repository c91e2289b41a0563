//! Proves scenarios: untouched earns nothing, each solution everything and less without one of its steps, each wrong answer loses exactly
//! what it names, grading twice says the same, and a reset brings the beginning back. Printing what comes of it is the faces'.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde::Serialize;
use tokio::sync::watch;

use super::error::{AppError, Kind};
use crate::base::capability::Capability;
use crate::base::clock::Clock;
use crate::base::seed::Seed;
use crate::base::topology::{Etcd, Topology};
use crate::cluster::{self, Cluster, ClusterError, Lent, Origin, Wish};
use crate::grading::report::{Report, Verdict};
use crate::grading::{Grader, Patience, grade};
use crate::lab::Lab;
use crate::lab::claims::Claims;
use crate::scenario::load::Scenario;
use crate::scenario::step::Step;
use crate::scenario::variant::Variant;

/// How many of the cluster's seconds pass in one of the wall's while scenarios are proved on clusters of our own.
pub const SPEED: f64 = 60.0;
/// The same for a proof that did not hold and is tried once more, alone.
const SLOWLY: f64 = 15.0;
/// One in so many may fail to be tried again; where more do, it is not the machine.
const FEW: usize = 10;
/// How long what should hold is waited for on a busy machine.
const AT_LEAST: Duration = Duration::from_secs(20);

/// How long what should fail is waited for on a real cluster; the embedded one, whose clock is fast, waits as long as the check says.
const LONG_ENOUGH: Duration = Duration::from_secs(5);
/// How often a claim is looked at before it counts as failed, a second apart: a cluster's authorizer and controllers hear of a change a
/// moment after whoever made it, and on a busy machine those of the embedded one do, too.
const LOOKS: u32 = 5;

/// What is to be proved, and where.
#[derive(Clone)]
pub struct Plan {
    pub scenarios: Vec<Arc<Scenario>>,
    pub seeds: Vec<Seed>,
    pub origin: Origin,
    /// What holds the objects of embedded clusters.
    pub etcd: Etcd,
    /// A folder for clusters and labs; emptied by the caller.
    pub dir: PathBuf,
    /// How many of an embedded cluster's seconds pass in one of the wall's.
    pub speed: f64,
    /// How many at a time; on one cluster for all, only such as do not get in each other's way.
    pub jobs: usize,
    /// Becomes true when it is to end early: no other proof begins then, and those under way take away what they laid.
    pub stop: watch::Receiver<bool>,
}

/// A proof that waits for its turn.
struct Job {
    index: usize,
    scenario: Arc<Scenario>,
    seed: Seed,
    claims: Claims,
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
    /// What did not hold at the first try, where it was tried again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub first: Vec<Claim>,
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
///
/// Each proof has an embedded cluster of its own; any other cluster is opened once, and its proofs share it. Where few did not
/// hold on embedded clusters, those are tried once more in the end, alone and on a slower clock: there hours pass in minutes, and a machine
/// that was busy with the others is no fault of the pack.
pub async fn verify(plan: &Plan, told: impl Fn(&Proof)) -> Result<Vec<Proof>, AppError> {
    let shared = match plan.origin {
        Origin::Embedded => None,
        _ => Some(
            cluster::open(
                &plan.origin,
                &wish(plan, "verify".to_owned(), (plan.dir.join("cluster"), Topology::default())),
            )
            .await?,
        ),
    };
    let mut waiting = jobs(plan, shared.is_some());
    let (mut running, mut claimed) = (FuturesUnordered::new(), Vec::<(usize, Claims)>::new());
    let mut done = Vec::new();
    loop {
        let free = |job: &Job| claimed.iter().all(|(_, claims)| !claims.clash(&job.claims));
        if running.len() < plan.jobs.max(1)
            && !*plan.stop.borrow()
            && let Some(at) = waiting.iter().position(free)
        {
            let job = waiting.remove(at);
            claimed.push((job.index, job.claims.clone()));
            running.push(prove(plan, shared.as_ref(), job));
            continue;
        }
        let Some((index, proof)) = running.next().await else { break };
        claimed.retain(|(of, _)| *of != index);
        if !*plan.stop.borrow() {
            told(&proof);
        }
        done.push((index, proof));
    }
    if let Some(cluster) = &shared {
        cluster.close().await?;
    }
    let failed = done.iter().filter(|(_, proof)| !proof.holds()).count();
    if plan.origin == Origin::Embedded && failed * FEW <= done.len() && !*plan.stop.borrow() {
        let again = Plan { speed: SLOWLY, ..plan.clone() };
        for (index, proof) in done.iter_mut().filter(|(_, proof)| !proof.holds()) {
            let first = std::mem::take(&mut proof.claims).into_iter().filter(|claim| claim.failure.is_some()).collect();
            let job = jobs(&again, false).swap_remove(*index);
            *proof = Proof { first, ..prove(&again, None, job).await.1 };
            told(proof);
        }
    }
    if *plan.stop.borrow() {
        return Err(stopped());
    }
    done.sort_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, proof)| proof).collect())
}

fn stopped() -> AppError {
    AppError::new(Kind::Usage, "not everything is proved", "it was stopped")
}

fn jobs(plan: &Plan, one_cluster: bool) -> Vec<Job> {
    let all = plan.scenarios.iter().flat_map(|scenario| plan.seeds.iter().map(move |seed| (scenario, *seed)));
    let job = |(index, (scenario, seed)): (usize, (&Arc<Scenario>, Seed))| {
        // What cannot be drawn is told when its turn comes.
        let variant = one_cluster.then(|| scenario.variant(seed).ok()).flatten();
        let claims = variant.map(|variant| Claims::of(&variant)).unwrap_or_default();
        Job { index, scenario: scenario.clone(), seed, claims }
    };
    all.enumerate().map(job).collect()
}

fn wish(plan: &Plan, name: String, (dir, topology): (PathBuf, Topology)) -> Wish {
    let speed = if plan.origin == Origin::Embedded { plan.speed } else { 1.0 };
    Wish { name, dir, topology, port: 0, keep: false, clock: Clock::fast(speed) }
}

async fn prove(plan: &Plan, shared: Option<&Arc<dyn Cluster>>, job: Job) -> (usize, Proof) {
    let clock = Clock::system();
    let began = clock.now();
    let (scenario, seed) = (job.scenario.id(), job.seed);
    let mut proof = Proof { scenario, seed, claims: Vec::new(), first: Vec::new(), skipped: None, seconds: 0.0 };
    match job.scenario.variant(seed) {
        Err(error) => proof.claim("the scenario can be drawn", Err(error.render(false))),
        Ok(variant) => prove_variant(plan, shared, (job.index, variant), &mut proof).await,
    }
    proof.seconds = clock.now().duration_since(began).as_secs_f64();
    (job.index, proof)
}

async fn cluster_of(
    plan: &Plan,
    shared: Option<&Arc<dyn Cluster>>,
    (index, topology): (usize, &Topology),
) -> Result<Arc<dyn Cluster>, ClusterError> {
    let dir = plan.dir.join(index.to_string());
    match shared {
        Some(owner) => Ok(Arc::new(Lent::of(owner.clone(), &dir)?)),
        None => {
            let topology = Topology { etcd: plan.etcd, ..topology.clone() };
            cluster::open(&plan.origin, &wish(plan, format!("verify-{index}"), (dir, topology))).await
        }
    }
}

async fn prove_variant(
    plan: &Plan,
    shared: Option<&Arc<dyn Cluster>>,
    (index, variant): (usize, Variant),
    proof: &mut Proof,
) {
    if let Some(what) = variant.topology.only_simulated().filter(|_| plan.origin != Origin::Embedded) {
        proof.skipped = Some(format!("the cluster lacks {what}"));
        return;
    }
    let cluster = match cluster_of(plan, shared, (index, &variant.topology)).await {
        Ok(cluster) => cluster,
        Err(error) => return proof.claim("there is a cluster", Err(error.to_string())),
    };
    let lacking = cluster.capabilities().lacking(&variant.requires);
    if !lacking.is_empty() {
        let words: Vec<&str> = lacking.iter().map(|capability| capability.word()).collect();
        proof.skipped = Some(format!("the cluster lacks {}", words.join(", ")));
    } else if variant.requires.contains(&Capability::NodeShell) && cluster.checkpoints().is_none() {
        proof.skipped =
            Some("what is done inside of the cluster's nodes cannot be taken back between two answers".to_owned());
    } else {
        let shown = show(plan, variant, (cluster.clone(), &plan.dir.join(index.to_string())), proof).await;
        if let Err(error) = shown {
            proof.claim("the task can be laid", Err(error.to_string()));
        }
    }
    if let Err(error) = cluster.close().await {
        proof.claim("the cluster can be closed", Err(error.to_string()));
    }
}

async fn show(
    plan: &Plan,
    variant: Variant,
    (cluster, dir): (Arc<dyn Cluster>, &Path),
    proof: &mut Proof,
) -> Result<(), AppError> {
    let mut lab = Lab::lay(variant, cluster, dir).await?;
    // Seeds change names and numbers, hardly ever which steps there are: whether each is needed is shown for one of them.
    let steps = plan.seeds.first() == Some(&proof.seed);
    let mut stop = plan.stop.clone();
    let shown = tokio::select! {
        shown = show_laid(&mut lab, steps, proof) => shown,
        Ok(_) = stop.wait_for(|stop| *stop) => Err(stopped()),
    };
    let cleaned = lab.clean().await;
    shown.and(cleaned.map_err(AppError::from))
}

async fn show_laid(lab: &mut Lab, steps: bool, proof: &mut Proof) -> Result<(), AppError> {
    // Nothing but the guards is expected to hold before anybody does anything.
    let paying: Vec<String> =
        lab.variant.checks.iter().filter(|check| !check.guard).map(|check| check.name.clone()).collect();
    let (untouched, shown) = looked(lab, &paying, earns_nothing).await;
    proof.claim("untouched it earns nothing", shown);
    let twice = looked(lab, &paying, |again| same(&untouched, again)).await.1;
    proof.claim("graded twice it says the same", twice);
    let mut dirty = false;
    for solution in lab.variant.solutions.clone() {
        let claim = format!("solution {:?} earns full marks", solution.name);
        if let Err(error) = answer(lab, &solution.steps, &mut dirty).await {
            proof.claim(&claim, Err(error.to_string()));
            continue;
        }
        let (report, shown) = looked(lab, &[], full_marks).await;
        proof.claim(&claim, shown);
        let twice = looked(lab, &[], |again| same(&report, again)).await.1;
        proof.claim(&format!("graded twice, solution {:?} says the same", solution.name), twice);
    }
    if steps {
        show_needed(lab, proof, &mut dirty).await?;
    }
    for wrong in lab.variant.wrong.clone() {
        let claim = format!("wrong answer {:?} loses what it names", wrong.name);
        let shown = match answer(lab, &wrong.steps, &mut dirty).await {
            Ok(()) => looked(lab, &wrong.loses, |report| loses(report, &wrong.loses)).await.1,
            Err(error) => Err(error.to_string()),
        };
        proof.claim(&claim, shown);
    }
    lab.reset().await?;
    let after = looked(lab, &paying, |report| same(&untouched, report)).await.1;
    proof.claim("after a reset it says what it said at first", after);
    Ok(())
}

/// Shows that no step of a solution can be left out: each that only waits apart, the others without it do not earn full marks.
async fn show_needed(lab: &mut Lab, proof: &mut Proof, dirty: &mut bool) -> Result<(), AppError> {
    let all: Vec<String> = lab.variant.checks.iter().map(|check| check.name.clone()).collect();
    for solution in lab.variant.solutions.clone().into_iter().filter(|solution| solution.steps.len() > 1) {
        for left_out in 0..solution.steps.len() {
            if matches!(solution.steps[left_out], Step::WaitFor(_)) {
                continue;
            }
            let mut steps = solution.steps.clone();
            steps.remove(left_out);
            let shown = match answer(lab, &steps, dirty).await {
                // A later step that fails without it needs it, too.
                Err(_) => Ok(()),
                Ok(()) => looked(lab, &all, loses_something).await.1,
            };
            proof.claim(
                &format!("solution {:?} without its step {} loses something", solution.name, left_out + 1),
                shown,
            );
        }
    }
    Ok(())
}

/// Does an answer, on the task as it was laid.
async fn answer(lab: &mut Lab, steps: &[Step], dirty: &mut bool) -> Result<(), AppError> {
    if std::mem::replace(dirty, true) {
        lab.reset().await?;
    }
    Ok(lab.answer(steps).await?)
}

/// Grades, and says whether the report is as claimed; `fails` are the checks it is expected to lose.
async fn looked(
    lab: &Lab,
    fails: &[String],
    claim: impl Fn(&Report) -> Result<(), String>,
) -> (Report, Result<(), String>) {
    let mut looks = LOOKS;
    loop {
        let report = look(lab, fails).await;
        let shown = claim(&report);
        looks -= 1;
        if shown.is_ok() || looks == 0 {
            return (report, shown);
        }
        Clock::system().sleep(Duration::from_secs(1)).await;
    }
}

async fn look(lab: &Lab, fails: &[String]) -> Report {
    let at_most = lab.cluster.checkpoints().is_none().then_some(LONG_ENOUGH);
    let patience = Patience { at_least: AT_LEAST, except: fails.to_vec(), at_most };
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

fn loses_something(report: &Report) -> Result<(), String> {
    broken(report)?;
    if report.full_marks() { Err("it earns full marks all the same".to_owned()) } else { Ok(()) }
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
