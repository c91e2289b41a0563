//! What grading says: findings, verdicts, reports, and the points that follow from them.
//! Pure data and arithmetic; who looks at the cluster stands in the files beside this one.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::base::seed::Seed;
use crate::object::matching;

/// One reason why a check failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Where, as the learner would write it: `spec.replicas`, `spec.containers[name=web].image`. Empty for the thing as a whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// What the author asked for there; `None` when nothing should be there, or when a value cannot say it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub expected: Option<Value>,
    /// What is there; `None` when nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub found: Option<Value>,
    /// The same in a sentence that stands alone.
    pub text: String,
}

/// Keeps a `null` that was written apart from a field that was not.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

impl Finding {
    /// A finding about a value at a path; the sentence follows from the three.
    pub fn at(path: impl Into<String>, expected: Option<Value>, found: Option<Value>) -> Self {
        let path = path.into();
        let say = |value: &Option<Value>| match value {
            None | Some(Value::Null) => "nothing".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let place = if path.is_empty() { String::new() } else { format!("{path}: ") };
        let text = format!("{place}expected {}, found {}", say(&expected), say(&found));
        Self { path, expected, found, text }
    }

    /// A finding that only a sentence can tell.
    pub fn told(text: impl Into<String>) -> Self {
        Self { path: String::new(), expected: None, found: None, text: text.into() }
    }
}

/// A `null` that was expected asks that nothing is there.
impl From<matching::Finding> for Finding {
    fn from(finding: matching::Finding) -> Self {
        let matching::Finding { path, expected, found } = finding;
        Self::at(path, Some(expected).filter(|expected| !expected.is_null()), found)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What looking at the cluster said about one check.
///
/// In JSON it lies flat in its [`CheckResult`]: `"verdict": "fail", "findings": […]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not hold, for these reasons (at least one).
    Fail { findings: Vec<Finding> },
    /// The cluster could not be asked; `why` says what was tried and what came back.
    Broken { why: String },
}

impl Verdict {
    /// Pass without findings, fail with them.
    pub fn of(findings: Vec<Finding>) -> Self {
        if findings.is_empty() { Self::Pass } else { Self::Fail { findings } }
    }

    /// A failure for one reason.
    pub fn fail(finding: Finding) -> Self {
        Self::Fail { findings: vec![finding] }
    }

    /// Could not be told.
    pub fn broken(why: impl Into<String>) -> Self {
        Self::Broken { why: why.into() }
    }
}

/// A check with its verdict, before points are given: what [`tally`] takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The check's name, unique in its scenario.
    pub name: String,
    /// What it earns; for a guard, what its failure costs (0, where the author does not say, counts as 1).
    pub points: u32,
    /// Whether it only guards what was there before.
    pub guard: bool,
    /// The checks that must count before this one pays.
    pub after: Vec<String>,
    pub verdict: Verdict,
}

/// A check with its verdict and what it brought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckResult {
    pub name: String,
    /// What it could earn; for a guard, what its failure costs.
    pub points: u32,
    /// What it earned: 0 to `points`; for a guard 0, or minus `points` once what it guards is spoilt.
    pub earned: i64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guard: bool,
    /// The checks that must count before this one pays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// Those of `after` that do not count. Not empty means that even a pass pays nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<String>,
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl CheckResult {
    /// Whether it passed and everything it comes after counts too.
    pub fn counts(&self) -> bool {
        self.verdict == Verdict::Pass && self.waits_for.is_empty()
    }
}

/// All verdicts of one grading of one task, with points. Two gradings of the same state are equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The scenario's id.
    pub scenario: String,
    pub seed: Seed,
    /// In the author's order.
    pub results: Vec<CheckResult>,
    /// Points earned: the sum over `results`, never below 0.
    pub earned: u32,
    /// Points to be had: those of all checks that are no guards.
    pub out_of: u32,
    /// Why the task could not be graded, when some check is broken. `earned` is then only what is certain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ungraded: Option<String>,
}

impl Report {
    /// Whether every check counts and none is broken.
    pub fn full_marks(&self) -> bool {
        self.ungraded.is_none() && self.results.iter().all(CheckResult::counts)
    }

    /// The names of the checks that do not count, guards too: what a wrong answer loses.
    pub fn lost(&self) -> Vec<&str> {
        self.results.iter().filter(|result| !result.counts()).map(|result| result.name.as_str()).collect()
    }

    /// A task of which nothing could be asked, such as one whose cluster is gone.
    pub fn ungraded(scenario: impl Into<String>, seed: Seed, out_of: u32, why: impl Into<String>) -> Self {
        let scenario = scenario.into();
        Self { scenario, seed, results: Vec::new(), earned: 0, out_of, ungraded: Some(why.into()) }
    }
}

/// Gives points to verdicts.
///
/// A check that passes earns its points; a guard earns nothing and costs its points when it fails; a check that comes `after` others
/// pays only when all of them count (a name that is no check, or a circle, never counts). A broken check neither earns nor costs: it
/// marks the report as ungraded and says why.
pub fn tally(scenario: impl Into<String>, seed: Seed, outcomes: Vec<Outcome>) -> Report {
    let ungraded = why_ungraded(&outcomes);
    let counting = counting(&outcomes);
    let results: Vec<_> = outcomes.into_iter().map(|outcome| pay(outcome, &counting)).collect();
    let earned = results.iter().map(|result| result.earned).sum::<i64>();
    let out_of = results.iter().filter(|result| !result.guard).map(|result| result.points).sum();
    let earned = u32::try_from(earned.max(0)).unwrap_or(u32::MAX);
    Report { scenario: scenario.into(), seed, results, earned, out_of, ungraded }
}

/// The names of the checks that passed and whose prerequisites, theirs included, all passed.
fn counting(outcomes: &[Outcome]) -> HashSet<String> {
    let mut counting = HashSet::new();
    let mut waiting: HashMap<_, _> = outcomes
        .iter()
        .filter(|outcome| outcome.verdict == Verdict::Pass)
        .map(|outcome| (outcome.name.as_str(), &outcome.after))
        .collect();
    loop {
        let ready: Vec<_> = waiting
            .iter()
            .filter(|(_, after)| after.iter().all(|name| counting.contains(name)))
            .map(|(name, _)| *name)
            .collect();
        if ready.is_empty() {
            return counting;
        }
        for name in ready {
            waiting.remove(name);
            counting.insert(name.to_owned());
        }
    }
}

fn pay(outcome: Outcome, counting: &HashSet<String>) -> CheckResult {
    let Outcome { name, points, guard, after, verdict } = outcome;
    let points = if guard { points.max(1) } else { points };
    let waits_for: Vec<_> = after.iter().filter(|name| !counting.contains(*name)).cloned().collect();
    let earned = match (&verdict, guard) {
        (Verdict::Pass, false) if waits_for.is_empty() => i64::from(points),
        (Verdict::Fail { .. }, true) => -i64::from(points),
        _ => 0,
    };
    CheckResult { name, points, earned, guard, after, waits_for, verdict }
}

fn why_ungraded(outcomes: &[Outcome]) -> Option<String> {
    let mut broken = outcomes.iter().filter_map(|outcome| match &outcome.verdict {
        Verdict::Broken { why } => Some((&outcome.name, why)),
        _ => None,
    });
    let (name, why) = broken.next()?;
    let others = match broken.count() {
        0 => String::new(),
        1 => " (and one more check)".to_owned(),
        more => format!(" (and {more} more checks)"),
    };
    Some(format!("\"{name}\" could not be checked: {why}{others}"))
}
