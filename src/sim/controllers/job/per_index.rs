//! Limits for each index: `backoffLimitPerIndex`. A failed Pod is kept until the next of its index takes over its count.
//! Source: `pkg/controller/job/indexed_job_utils.go`.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::backoff;
use super::indexes::{self, Indexes};
use super::orphan;
use super::policy::{self, Failure};
use super::work::Work;
use crate::object::meta;
use crate::sim::apiserver::storage::Object;

const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
const IGNORED: &str = "batch.kubernetes.io/job-index-ignored-failure-count";

/// The last failed Pod by index.
pub type Delayed = HashMap<i64, Object>;

/// How often an index may fail, when that is limited.
pub fn limit(job: &Value) -> Option<i64> {
    meta::number(job, "/spec/backoffLimitPerIndex")
}

fn count(pod: &Value, annotation: &str) -> i64 {
    meta::annotation(pod, annotation).and_then(|count| count.parse().ok()).unwrap_or_default()
}

fn all(pod: &Value) -> i64 {
    count(pod, FAILURES) + count(pod, IGNORED)
}

/// The indexes that failed for good.
pub fn failed(work: &Work, limit: i64) -> Indexes {
    let completions = work.completions();
    let mut failed = indexes::parse(meta::text(&work.status, "/failedIndexes"), completions);
    let tracked = work.pods.iter().filter(|pod| orphan::is_tracked(pod) && work.is_failed(pod));
    failed.extend(tracked.filter_map(|pod| {
        let is_over = match policy::of_failure(&work.job, pod) {
            Failure::FailsIndex => true,
            Failure::Ignored => false,
            _ => count(pod, FAILURES) >= limit,
        };
        indexes::of(pod, completions).filter(|_| is_over)
    }));
    failed
}

/// The last failed Pod of each index that is to be tried again.
pub fn delayed(work: &Work, completed: &Indexes, failed: &Indexes) -> Delayed {
    let completions = work.completions();
    let active: Indexes = work.active.iter().filter_map(|pod| indexes::of(pod, completions)).collect();
    let mut delayed = Delayed::new();
    for pod in work.pods.iter().filter(|pod| orphan::is_tracked(pod) && work.is_failed(pod)) {
        let Some(index) = indexes::of(pod, completions) else { continue };
        if completed.contains(&index) || failed.contains(&index) || active.contains(&index) {
            continue;
        }
        let rank = |pod: &Value| (all(pod), backoff::finished(pod));
        if delayed.get(&index).is_none_or(|found| rank(found) <= rank(pod)) {
            delayed.insert(index, pod.clone());
        }
    }
    delayed
}

/// How long an index waits yet before it is tried again.
pub fn remaining(delayed: &Delayed, index: i64, now: Timestamp) -> Duration {
    delayed.get(&index).map_or(Duration::ZERO, |pod| {
        let failures = u32::try_from(all(pod) + 1).unwrap_or(u32::MAX);
        backoff::remaining(failures, backoff::finished(pod), now)
    })
}

/// Makes a new Pod say how often its index failed before.
pub fn count_on(pod: &mut Value, job: &Value, before: Option<&Object>) {
    let (mut failures, mut ignored) = (0, 0);
    if let Some(before) = before {
        let is_ignored = policy::of_failure(job, before) == Failure::Ignored;
        failures = count(before, FAILURES) + i64::from(!is_ignored);
        ignored = count(before, IGNORED) + i64::from(is_ignored);
    }
    meta::set_annotation(pod, FAILURES, &failures.to_string());
    if ignored > 0 {
        meta::set_annotation(pod, IGNORED, &ignored.to_string());
    }
}
