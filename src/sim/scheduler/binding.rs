//! A Pod that has its node: its volumes first, then the Pod itself.
//! Volumes are made and bound by the volume controllers; the Pod waits for them here, counted as if it were on the node already.
//! Source: `pkg/scheduler/framework/plugins/volumebinding/binder.go`, BindPodVolumes.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::cache::Cache;
use super::claims::{self, SELECTED_NODE};
use super::failure;
use super::plugins::volume_binding::Plan;
use super::pod::PodInfo;
use super::queue::Queue;
use crate::object::meta;
use crate::sim::apiserver::recorder::Deed;
use crate::sim::apiserver::registry::kinds::persistentvolume::PERSISTENTVOLUME;
use crate::sim::apiserver::registry::kinds::persistentvolumeclaim::PERSISTENTVOLUMECLAIM;
use crate::sim::apiserver::status::Result;
use crate::sim::reconciler::{Context, Key};

/// How long a Pod waits for its volumes before it is scheduled anew.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

struct Waiting {
    node: String,
    /// Its claims, and whether a volume is being made for each.
    claims: Vec<(String, bool)>,
    until: Timestamp,
}

/// The Pods that wait for their volumes.
#[derive(Default)]
pub struct Binder {
    waiting: HashMap<Key, Waiting>,
}

impl Binder {
    /// Asks for what the Pod's claims need; binds the Pod at once when they need nothing.
    pub fn begin(
        &mut self,
        context: &Context,
        (cache, queue): (&mut Cache, &mut Queue),
        pod: &PodInfo,
        (node, plans): (&str, &[Plan]),
    ) {
        let now = context.client.clock().now();
        if plans.is_empty() {
            return finish(context, queue, pod, node);
        }
        if let Err(status) = plans.iter().try_for_each(|plan| prepare(context, plan, node)) {
            return fail(context, queue, pod, &status.to_string());
        }
        cache.assume(pod, node);
        let claim = |plan: &Plan| match plan {
            Plan::Take { claim, .. } => (meta::name(claim).to_owned(), false),
            Plan::Make { claim } => (meta::name(claim).to_owned(), true),
        };
        let claims = plans.iter().map(claim).collect();
        let until = now.checked_add(PATIENCE).unwrap_or(Timestamp::MAX);
        self.waiting.insert(pod.key(), Waiting { node: node.to_owned(), claims, until });
    }

    /// Looks after those that wait.
    pub fn look(&mut self, context: &Context, cache: &mut Cache, queue: &mut Queue) {
        let now = context.client.clock().now();
        let keys: Vec<Key> = self.waiting.keys().cloned().collect();
        for key in keys {
            let waiting_pod =
                cache.pod(&key).filter(|pod| pod.node().is_empty() && !meta::is_terminating(&pod.object)).cloned();
            let Some(waiting) = self.waiting.get(&key) else { continue };
            let Some(pod) = waiting_pod else {
                self.waiting.remove(&key);
                continue;
            };
            let state = waiting.state(context, &key, now);
            if state == Some(Ok(())) || state.is_some() {
                let node = waiting.node.clone();
                self.waiting.remove(&key);
                cache.forget(&pod);
                match state {
                    Some(Err(why)) => fail(
                        context,
                        queue,
                        &pod,
                        &format!("running PreBind plugin \"VolumeBinding\": binding volumes: {why}"),
                    ),
                    _ => finish(context, queue, &pod, &node),
                }
            }
        }
    }

    /// When somebody's patience ends.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.waiting.values().map(|waiting| waiting.until).min()
    }
}

impl Waiting {
    /// Whether all claims are bound, or why they never will be; `None` while they may yet.
    fn state(
        &self,
        context: &Context,
        (namespace, _): &Key,
        now: Timestamp,
    ) -> Option<std::result::Result<(), String>> {
        let mut all = true;
        for (name, is_made) in &self.claims {
            let Some(claim) = context.client.find(&PERSISTENTVOLUMECLAIM, namespace, name) else {
                return Some(Err(format!("could not find PVC \"{namespace}/{name}\"")));
            };
            if *is_made && meta::annotation(&claim, SELECTED_NODE) != Some(&self.node) && !claims::is_bound(&claim) {
                return Some(Err(format!("provisioning failed for PVC {name:?}")));
            }
            all &= claims::is_bound(&claim);
        }
        match all {
            true => Some(Ok(())),
            false if now >= self.until => Some(Err("context deadline exceeded".to_owned())),
            false => None,
        }
    }
}

fn prepare(context: &Context, plan: &Plan, node: &str) -> Result<()> {
    match plan {
        Plan::Make { claim } => {
            let (namespace, name) = (meta::namespace(claim), meta::name(claim));
            let change = |claim: &mut serde_json::Value| meta::set_annotation(claim, SELECTED_NODE, node);
            context.client.modify(&PERSISTENTVOLUMECLAIM, namespace, name, change).map(drop)
        }
        Plan::Take { claim, volume } => {
            let reference = json!({
                "kind": "PersistentVolumeClaim",
                "apiVersion": "v1",
                "namespace": meta::namespace(claim),
                "name": meta::name(claim),
                "uid": meta::uid(claim),
                "resourceVersion": meta::text(claim, "/metadata/resourceVersion"),
            });
            let change = |volume: &mut serde_json::Value| {
                if volume.pointer("/spec/claimRef/uid").is_none() {
                    if volume.pointer("/spec/claimRef").is_none() {
                        meta::set_annotation(volume, "pv.kubernetes.io/bound-by-controller", "yes");
                    }
                    volume["spec"]["claimRef"] = reference.clone();
                }
            };
            context.client.modify(&PERSISTENTVOLUME, "", meta::name(volume), change).map(drop)
        }
    }
}

fn finish(context: &Context, queue: &mut Queue, pod: &PodInfo, node: &str) {
    let (namespace, name) = pod.key();
    match context.client.bind(&namespace, &name, node) {
        Ok(()) => {
            let message = format!("Successfully assigned {namespace}/{name} to {node}");
            let deed =
                Deed { kind: "Normal", reason: "Scheduled", action: "Binding", message: &message, related: None };
            context.events.deed(&pod.object, &deed);
        }
        // Somebody was faster, or the Pod is gone; the watch tells.
        Err(status) if status.is_conflict() || status.is_not_found() => {}
        Err(status) => fail(context, queue, pod, &status.to_string()),
    }
}

fn fail(context: &Context, queue: &mut Queue, pod: &PodInfo, why: &str) {
    failure::tell(context, &pod.object, ("SchedulerError", why), None);
    queue.pause(&pod.key(), context.client.clock().now());
}
