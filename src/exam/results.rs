//! What a session brought: per task, per domain and as a whole, with time spent beside time expected.
//! How checks earn points stands in `grading::report`.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::plan::Kind;
use super::session::{Session, TaskState};

/// The result of a session, as far as it is graded. Times are whole seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Results {
    /// Per cent earned of what could be graded, 0 to 100.
    pub score: f64,
    /// Per cent needed to pass; `None` in practice.
    pub pass: Option<u32>,
    /// Whether that was reached; `None` in practice and when nothing could be graded.
    pub passed: Option<bool>,
    pub spent: i64,
    /// The exam's length; `None` without a clock.
    pub allowed: Option<i64>,
    /// In the order of the session.
    pub tasks: Vec<TaskResult>,
    /// In the order of what they are worth.
    pub domains: Vec<DomainResult>,
}

/// One task's result.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskResult {
    pub scenario: String,
    pub title: String,
    pub domain: String,
    /// Points of its checks, earned and to be had; `None` when there is no report.
    pub earned: Option<u32>,
    pub out_of: u32,
    /// What the task is worth in the session, and what of that was earned.
    pub worth: u32,
    pub score: f64,
    /// Why it does not count: it is not graded (yet), or grading was broken.
    pub ungraded: Option<String>,
    pub spent: i64,
    pub expected: i64,
}

/// One domain's result: sums over its tasks, of those that count where points are concerned.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DomainResult {
    pub domain: String,
    pub tasks: usize,
    pub worth: u32,
    pub score: f64,
    pub spent: i64,
    pub expected: i64,
}

impl DomainResult {
    /// Per cent earned, 0 to 100; `None` when nothing of it counts.
    pub fn percent(&self) -> Option<f64> {
        percent(self.score, self.worth)
    }
}

impl Results {
    /// The score in whole per cent, rounded down as far as passing is concerned: 65.9 is not 66.
    pub fn whole_percent(&self) -> u32 {
        (self.score + ROUNDING).floor() as u32
    }
}

/// Rounding in sums of shares must not fail somebody who has exactly what is needed.
const ROUNDING: f64 = 1e-9;

impl Session {
    /// What the session brought so far. Tasks that are not graded, or whose grading was broken, neither earn nor cost.
    pub fn results(&self, now: Timestamp) -> Results {
        let tasks: Vec<_> = (0..).zip(self.tasks()).map(|(task, state)| result(state, self.spent(task, now))).collect();
        let domains = by_domain(&tasks);
        let counted = percent(domains.iter().map(|d| d.score).sum(), domains.iter().map(|d| d.worth).sum());
        let pass = match self.plan().kind {
            Kind::Exam { pass, .. } => Some(pass),
            Kind::Practice => None,
        };
        let spent = match self.plan().kind {
            Kind::Exam { .. } => self.elapsed(now).as_secs(),
            Kind::Practice => tasks.iter().map(|task| task.spent).sum(),
        };
        Results {
            score: counted.unwrap_or(0.0),
            pass,
            passed: pass.zip(counted).map(|(pass, score)| score + ROUNDING >= f64::from(pass)),
            spent,
            allowed: self.plan().kind.allowed().map(|allowed| allowed.as_secs()),
            tasks,
            domains,
        }
    }
}

fn percent(score: f64, worth: u32) -> Option<f64> {
    (worth > 0).then(|| 100.0 * score / f64::from(worth))
}

fn result(state: &TaskState, spent: SignedDuration) -> TaskResult {
    let TaskState { task, report, .. } = state;
    let ungraded = match report {
        None => Some("not graded".to_owned()),
        Some(report) => report.ungraded.clone(),
    };
    let share = report.as_ref().filter(|report| report.out_of > 0 && ungraded.is_none());
    let share = share.map_or(0.0, |report| f64::from(report.earned) / f64::from(report.out_of));
    TaskResult {
        scenario: task.scenario.clone(),
        title: task.title.clone(),
        domain: task.domain.clone(),
        earned: report.as_ref().map(|report| report.earned),
        out_of: report.as_ref().map_or(task.points, |report| report.out_of),
        worth: task.worth,
        score: f64::from(task.worth) * share,
        ungraded,
        spent: spent.as_secs(),
        expected: task.expected().as_secs(),
    }
}

fn by_domain(tasks: &[TaskResult]) -> Vec<DomainResult> {
    let mut domains: Vec<DomainResult> = Vec::new();
    for task in tasks {
        let place = domains.iter().position(|domain| domain.domain == task.domain).unwrap_or_else(|| {
            let domain = task.domain.clone();
            domains.push(DomainResult { domain, tasks: 0, worth: 0, score: 0.0, spent: 0, expected: 0 });
            domains.len() - 1
        });
        let domain = &mut domains[place];
        domain.tasks += 1;
        domain.spent += task.spent;
        domain.expected += task.expected;
        if task.ungraded.is_none() {
            domain.worth += task.worth;
            domain.score += task.score;
        }
    }
    domains.sort_by_key(|domain| std::cmp::Reverse(domain.worth));
    domains
}
