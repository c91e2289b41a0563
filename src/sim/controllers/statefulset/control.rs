//! One look at a StatefulSet: its Pods by ordinal, its revisions, and what is done with them.
//! In which order is in `order`. Source: `pkg/controller/statefulset/stateful_set_control.go`.

use jiff::Timestamp;
use serde_json::Value;

use super::{identity, status};
use crate::object::meta;
use crate::sim::apiserver::endpoints::DeleteOptions;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::registry::kinds::statefulset::STATEFULSET;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::history::{self, REVISION_HASH};
use crate::sim::controllers::{claim, pods};
use crate::sim::reconciler::{Context, Key, Next};

/// Where a StatefulSet's revisions say their hash.
const HASH: &str = "controller.kubernetes.io/hash";

/// A place for a Pod, and the Pod, when it is there.
pub struct Replica {
    pub ordinal: i64,
    pub pod: Option<Object>,
}

/// A StatefulSet with its revisions and Pods.
pub struct Stateful<'a> {
    pub context: &'a Context,
    pub set: Object,
    /// The revision Pods had before the update under way.
    pub current: Object,
    /// The revision of the template.
    pub update: Object,
    /// One for each replica asked for, by ordinal.
    pub replicas: Vec<Replica>,
    /// Those beyond, the highest ordinal first.
    pub condemned: Vec<(i64, Object)>,
    pub now: Timestamp,
}

/// Brings a StatefulSet one step further.
pub fn reconcile(context: &Context, (namespace, name): &Key) -> Result<Next> {
    let Some(set) = context.client.find(&STATEFULSET, namespace, name) else { return Ok(Next::Done) };
    let selector = claim::selector(&set);
    let mut found = context.client.list(&POD, namespace);
    found.retain(|pod| identity::ordinal(&set, pod).is_some() || claim::is_controlled_by(pod, &set));
    let pods = claim::claim(context, &POD, &set, &selector, found)?;
    let known = history::revisions(context, &set, &selector)?;
    let update = history::record(context, &STATEFULSET, &set, HASH, &known)?;
    let before = meta::text(&set, "/status/currentRevision");
    let current = known.iter().find(|known| meta::name(known) == before).unwrap_or(&update).clone();
    let now = context.client.clock().now();
    let (replicas, condemned) = places(&set, &pods);
    let stateful = Stateful { context, set, current, update, replicas, condemned, now };
    let done = if meta::is_terminating(&stateful.set) { Ok(()) } else { stateful.step() };
    status::write(&stateful)?;
    stateful.truncate(known, &pods)?;
    done?;
    let min_ready = stateful.min_ready();
    let next = pods::next_available(pods.iter().map(|pod| &**pod), min_ready, now);
    Ok(next.map_or(Next::Done, Next::After))
}

fn places(set: &Value, pods: &[Object]) -> (Vec<Replica>, Vec<(i64, Object)>) {
    let (start, count) = (identity::start(set), meta::number(set, "/spec/replicas").unwrap_or(1));
    let find = |ordinal: i64| pods.iter().find(|pod| identity::ordinal(set, pod) == Some(ordinal)).cloned();
    let replicas = (start..start + count).map(|ordinal| Replica { ordinal, pod: find(ordinal) }).collect();
    let ordinals = pods.iter().filter_map(|pod| Some((identity::ordinal(set, pod)?, pod.clone())));
    let mut condemned: Vec<(i64, Object)> =
        ordinals.filter(|(ordinal, _)| !(start..start + count).contains(ordinal)).collect();
    condemned.sort_by_key(|(ordinal, _)| std::cmp::Reverse(*ordinal));
    (replicas, condemned)
}

impl Stateful<'_> {
    /// `spec.minReadySeconds`.
    pub fn min_ready(&self) -> i64 {
        meta::number(&self.set, "/spec/minReadySeconds").unwrap_or_default()
    }

    /// Whether each waits for the one before.
    pub fn is_ordered(&self) -> bool {
        meta::text(&self.set, "/spec/podManagementPolicy") != "Parallel"
    }

    /// How many of the first replicas keep the current revision.
    pub fn partition(&self) -> i64 {
        meta::number(&self.set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or_default()
    }

    /// Whether Pods are updated without being deleted by hand.
    pub fn is_rolling(&self) -> bool {
        meta::text(&self.set, "/spec/updateStrategy/type") == "RollingUpdate"
    }

    /// Makes the Pod of an ordinal, and its claims before it.
    pub fn make(&self, ordinal: i64) -> Result<()> {
        let keeps = self.is_rolling() && ordinal < identity::start(&self.set) + self.partition();
        let pod = identity::new_pod(&self.set, if keeps { &self.current } else { &self.update }, ordinal);
        let name = meta::name(&pod).to_owned();
        if let Err(status) = self.make_claims(ordinal) {
            self.tell("create", &name, Some(&status));
            return Err(status);
        }
        let made = self.context.client.create(&POD, pod);
        if let Err(status) = &made
            && status.reason == "AlreadyExists"
        {
            return made.map(drop);
        }
        if let Ok(pod) = &made {
            self.keep_policy(ordinal, pod, false)?;
        }
        self.tell("create", &name, made.as_ref().err());
        made.map(drop)
    }

    /// Deletes a Pod; one that is gone is no error.
    pub fn delete(&self, pod: &Value) -> Result<()> {
        let options = DeleteOptions::of_uid(meta::uid(pod));
        match self.context.client.delete(&POD, meta::namespace(pod), meta::name(pod), &options) {
            Err(status) if status.is_not_found() || status.is_conflict() => Ok(()),
            deleted => {
                self.tell("delete", meta::name(pod), deleted.as_ref().err());
                deleted.map(drop)
            }
        }
    }

    /// Makes a Pod say who it is, and its claims follow the policy.
    pub fn mend(&self, ordinal: i64, pod: &Value) -> Result<()> {
        self.keep_policy(ordinal, pod, false)?;
        if identity::is_itself(pod) {
            return Ok(());
        }
        let mended = self.context.client.modify(&POD, meta::namespace(pod), meta::name(pod), |fresh| {
            identity::name_itself(fresh, ordinal);
        });
        self.tell("update", meta::name(pod), mended.as_ref().err());
        mended.map(drop)
    }

    fn tell(&self, verb: &str, pod: &str, failure: Option<&Status>) {
        let (set, title) = (meta::name(&self.set), capitalized(verb));
        match failure {
            None => {
                let message = format!("{title} Pod {pod} in StatefulSet {set} successful");
                self.context.events.normal(&self.set, &format!("Successful{title}"), &message);
            }
            Some(error) => {
                let message = format!("{title} Pod {pod} in StatefulSet {set} failed error: {error}");
                self.context.events.warning(&self.set, &format!("Failed{title}"), &message);
            }
        }
    }

    fn truncate(&self, mut known: Vec<Object>, pods: &[Object]) -> Result<()> {
        let live = [meta::name(&self.current), meta::name(&self.update)];
        let is_used = |name: &str| pods.iter().any(|pod| meta::label(pod, REVISION_HASH) == Some(name));
        known.retain(|known| !live.contains(&meta::name(known)) && !is_used(meta::name(known)));
        history::truncate(self.context, &self.set, &known, |_| false)
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
