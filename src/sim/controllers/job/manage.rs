//! How many Pods of a Job run: makes those that lack, deletes those beyond.
//! Source: `manageJob` in `pkg/controller/job/job_controller.go`.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::indexes::{self, INDEX, Indexes};
use super::orphan::{self, TRACKING};
use super::per_index;
use super::work::Work;
use crate::object::meta;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::{deletion_order, pod_control, pods};

/// What tells a container its index.
const VARIABLE: &str = "JOB_COMPLETION_INDEX";
/// How many Pods one turn makes or deletes at most.
const BURST: usize = 500;

impl Work<'_> {
    /// Brings the number of active Pods to what it should be.
    pub fn manage(&mut self) -> Result<()> {
        let active = i64::try_from(self.active.len()).unwrap_or(i64::MAX);
        let wanted = self.wanted(active);
        let excess = self.to_delete(usize::try_from(active - wanted).unwrap_or_default());
        if !excess.is_empty() {
            return excess.into_iter().take(BURST).try_for_each(|pod| self.delete(&pod));
        }
        let ending = if self.replaces_only_failed() { self.terminating } else { 0 };
        let lacking = usize::try_from(wanted - active - ending).unwrap_or_default().min(BURST);
        if lacking == 0 || self.is_suspended() {
            return Ok(());
        }
        let own_limits = self.indexed.as_ref().is_some_and(|indexed| indexed.failed.is_some());
        let pause = if own_limits { Duration::ZERO } else { self.record.remaining(self.now) };
        if pause > Duration::ZERO {
            self.wake_after(pause);
            return Ok(());
        }
        self.make(lacking)
    }

    fn wanted(&self, active: i64) -> i64 {
        let parallelism = self.number("parallelism").unwrap_or(1);
        match self.number("completions") {
            _ if self.is_suspended() => 0,
            None if self.succeeded > 0 => active,
            None => parallelism,
            Some(completions) => (completions - self.succeeded).min(parallelism).max(0),
        }
    }

    /// The Pods to delete: second ones of an index always, then those that are worth least.
    fn to_delete(&self, at_least: usize) -> Vec<Object> {
        let mut left = self.active.clone();
        deletion_order::by_deletion(&mut left, &[], self.now);
        let mut excess = Vec::new();
        if self.is_indexed() {
            let mut best: HashMap<i64, usize> = HashMap::new();
            for (place, pod) in left.iter().enumerate() {
                if let Some(index) = indexes::of(pod, self.completions()) {
                    best.insert(index, place);
                }
            }
            let (kept, doubled): (Vec<_>, Vec<_>) =
                left.into_iter().enumerate().partition(|(place, _)| best.values().any(|best| best == place));
            excess = doubled.into_iter().map(|(_, pod)| pod).collect();
            left = kept.into_iter().map(|(_, pod)| pod).collect();
        }
        let more = at_least.saturating_sub(excess.len());
        excess.extend(left.into_iter().take(more));
        excess
    }

    fn delete(&mut self, pod: &Object) -> Result<()> {
        orphan::untrack(self.context, pod)?;
        pod_control::delete(self.context, &self.job, pod)?;
        self.active.retain(|active| meta::uid(active) != meta::uid(pod));
        self.terminating += 1;
        self.ready -= i64::from(pods::is_ready(pod));
        Ok(())
    }

    fn make(&mut self, count: usize) -> Result<()> {
        let made: Vec<Value> = match self.indexed {
            None => (0..count).map(|_| self.new_pod()).collect(),
            Some(_) => self.next_indexes(count).into_iter().map(|index| self.new_indexed_pod(index)).collect(),
        };
        let (context, job, active) = (self.context, &self.job, &mut self.active);
        pod_control::slow_start(made.len(), |place| match pod_control::create(context, job, made[place].clone()) {
            Err(status) if pod_control::is_namespace_ending(&status) => Ok(()),
            created => created.map(|pod| active.push(pod)),
        })
    }

    /// The first indexes that neither succeeded, nor were given up, nor have a Pod, and whose pause is over.
    fn next_indexes(&mut self, count: usize) -> Vec<i64> {
        let Some(indexed) = &self.indexed else { return Vec::new() };
        let completions = self.completions();
        let taken = |pods: &mut dyn Iterator<Item = &Object>| -> Indexes {
            pods.filter_map(|pod| indexes::of(pod, completions)).collect()
        };
        let active = taken(&mut self.active.iter());
        let ending = match self.replaces_only_failed() {
            true => taken(&mut self.pods.iter().filter(|pod| pods::is_ending(pod))),
            false => Indexes::new(),
        };
        let is_open = |index: &i64| {
            let given_up = indexed.failed.as_ref().is_some_and(|failed| failed.contains(index));
            !(given_up || indexed.completed.contains(index) || active.contains(index) || ending.contains(index))
        };
        let open: Vec<i64> = (0..completions).filter(is_open).take(count).collect();
        let pause = |index: &i64| per_index::remaining(&indexed.delayed, *index, self.now);
        let (now, later): (Vec<i64>, Vec<i64>) = open.into_iter().partition(|index| pause(index) == Duration::ZERO);
        if let (true, Some(pause)) = (now.is_empty(), later.iter().map(pause).min()) {
            self.wake_after(pause);
        }
        now
    }

    fn new_pod(&self) -> Value {
        let mut pod = pod_control::from_template(&self.job);
        if !orphan::is_tracked(&pod) {
            meta::edit_list(&mut pod["metadata"], "finalizers", |finalizers| finalizers.push(json!(TRACKING)));
        }
        pod
    }

    fn new_indexed_pod(&self, index: i64) -> Value {
        let mut pod = self.new_pod();
        let host = format!("{}-{index}", meta::name(&self.job));
        pod["metadata"]["generateName"] = json!(format!("{host}-"));
        meta::set_label(&mut pod, INDEX, &index.to_string());
        meta::set_annotation(&mut pod, INDEX, &index.to_string());
        if let Some(indexed) = self.indexed.as_ref().filter(|indexed| indexed.failed.is_some()) {
            per_index::count_on(&mut pod, &self.job, indexed.delayed.get(&index));
        }
        pod["spec"]["hostname"] = json!(host);
        for list in ["initContainers", "containers"] {
            for container in pod["spec"].get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                meta::edit_list(container, "env", |variables| {
                    if !variables.iter().any(|variable| variable["name"] == VARIABLE) {
                        let path = format!("metadata.labels['{INDEX}']");
                        variables.push(json!({ "name": VARIABLE, "valueFrom": { "fieldRef": { "fieldPath": path } } }));
                    }
                });
            }
        }
        pod
    }
}
