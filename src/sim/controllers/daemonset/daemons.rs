//! One look at a DaemonSet: which node lacks its Pod, which has one too many, and the making and deleting of these.
//! Replacing old Pods is in `rolling`. Source: `manage` in `pkg/controller/daemon/daemon_controller.go`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::placement::{self, Fit};
use super::status;
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::daemonset::DAEMONSET;
use crate::sim::apiserver::registry::kinds::node::NODE;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::history::{self, REVISION_HASH};
use crate::sim::controllers::{claim, pod_control, pods};
use crate::sim::reconciler::{Context, Key, Next};

/// How long a daemon Pod that failed stays before it is replaced, so that one that cannot run does not spin.
const PAUSE: Duration = Duration::from_secs(1);

/// A DaemonSet with the nodes and its Pods on them.
pub struct Daemons<'a> {
    pub context: &'a Context,
    pub set: Object,
    pub nodes: Vec<Object>,
    /// The Pods by the node they are on or meant for, those placed and older first.
    pub pods: BTreeMap<String, Vec<Object>>,
    /// The hash of the newest revision.
    pub hash: String,
    pub now: Timestamp,
}

/// What is to be done about Pods.
#[derive(Default)]
pub struct Plan {
    /// Nodes that are to get a Pod.
    pub make: Vec<String>,
    pub delete: Vec<Object>,
    /// When to look again at a Pod that failed.
    pub later: Option<Duration>,
}

/// Brings a DaemonSet one step further.
pub fn reconcile(context: &Context, (namespace, name): &Key) -> Result<Next> {
    let Some(set) = context.client.find(&DAEMONSET, namespace, name) else { return Ok(Next::Done) };
    if set.pointer("/spec/selector") == Some(&json!({})) {
        let message = "This daemon set is selecting all pods. A non-empty selector is required.";
        context.events.warning(&set, "SelectingAll", message);
        return Ok(Next::Done);
    }
    if meta::is_terminating(&set) {
        return Ok(Next::Done);
    }
    let selector = claim::selector(&set);
    let known = history::revisions(context, &set, &selector)?;
    let current = history::record(context, &DAEMONSET, &set, REVISION_HASH, &known)?;
    let hash = meta::label(&current, REVISION_HASH).unwrap_or_default().to_owned();
    let nodes = context.client.list(&NODE, "");
    let now = context.client.clock().now();
    let mut daemons = Daemons { context, set, nodes, pods: BTreeMap::new(), hash, now };
    daemons.look()?;
    let done = daemons.update();
    daemons.look()?;
    let old: Vec<Object> = known.into_iter().filter(|known| meta::name(known) != meta::name(&current)).collect();
    let cleaned = done.as_ref().map(|_| ()).map_err(Clone::clone).and_then(|()| daemons.clean_up(&old));
    let next = status::write(&daemons)?;
    cleaned?;
    Ok(sooner(next, done?))
}

fn sooner(one: Option<Duration>, other: Option<Duration>) -> Next {
    one.into_iter().chain(other).min().map_or(Next::Done, Next::After)
}

impl Daemons<'_> {
    fn look(&mut self) -> Result<()> {
        let found = self.context.client.list(&POD, meta::namespace(&self.set));
        let claimed = claim::claim(self.context, &POD, &self.set, &claim::selector(&self.set), found)?;
        self.pods.clear();
        for pod in claimed {
            if pods::is_finished(&pod) && meta::is_terminating(&pod) {
                continue;
            }
            if let Some(node) = placement::target(&pod) {
                self.pods.entry(node.to_owned()).or_default().push(pod);
            }
        }
        for pods in self.pods.values_mut() {
            pods.sort_by(|one, other| seniority(one).cmp(&seniority(other)));
        }
        Ok(())
    }

    fn update(&self) -> Result<Option<Duration>> {
        let plan = self.plan();
        let later = plan.later;
        let idle = plan.make.is_empty() && plan.delete.is_empty();
        self.carry_out(plan)?;
        if idle && meta::text(&self.set, "/spec/updateStrategy/type") == "RollingUpdate" {
            self.carry_out(self.roll())?;
        }
        Ok(later)
    }

    fn plan(&self) -> Plan {
        let mut plan = Plan::default();
        for node in &self.nodes {
            let fit = placement::fit(&self.set, node);
            match self.pods.get(meta::name(node)) {
                None if fit.may_start => plan.make.push(meta::name(node).to_owned()),
                Some(pods) if fit.may_stay => self.plan_node(meta::name(node), fit, pods, &mut plan),
                Some(pods) => plan.delete.extend(pods.iter().filter(|pod| !meta::is_terminating(pod)).cloned()),
                None => {}
            }
        }
        // Pods meant for a node that is gone would never be placed.
        for (node, pods) in &self.pods {
            if !self.nodes.iter().any(|known| meta::name(known) == node) {
                let unplaced = pods.iter().filter(|pod| meta::text(pod, "/spec/nodeName").is_empty());
                plan.delete.extend(unplaced.filter(|pod| !meta::is_terminating(pod)).cloned());
            }
        }
        plan
    }

    fn plan_node(&self, node: &str, fit: Fit, pods: &[Object], plan: &mut Plan) {
        let mut running: Vec<&Object> = Vec::new();
        for pod in pods.iter().filter(|pod| !meta::is_terminating(pod)) {
            match meta::text(pod, "/status/phase") {
                "Failed" => self.replace_failed(node, pod, plan),
                "Succeeded" => {
                    self.tell(pod, node, ("Normal", "SucceededDaemonPod"), ("succeeded", "delete"));
                    plan.delete.push(pod.clone());
                }
                _ => running.push(pod),
            }
        }
        if !self.allows_surge() {
            plan.delete.extend(running.into_iter().skip(1).cloned());
        } else if running.is_empty() && fit.may_start {
            plan.make.push(node.to_owned());
        } else if running.len() > 1 {
            plan.delete.extend(self.beyond_surge(&running));
        }
    }

    fn replace_failed(&self, node: &str, pod: &Object, plan: &mut Plan) {
        let born = pods::time(pod, "/metadata/creationTimestamp").unwrap_or(self.now);
        let due = born.saturating_add(PAUSE).unwrap_or(self.now);
        if due > self.now {
            plan.later = Some(pods::until(due, self.now));
            return;
        }
        self.tell(pod, node, ("Warning", "FailedDaemonPod"), ("failed", "kill"));
        plan.delete.push(pod.clone());
    }

    fn tell(&self, pod: &Value, node: &str, (kind, reason): (&str, &str), (state, verb): (&str, &str)) {
        let (namespace, name) = (meta::namespace(pod), meta::name(pod));
        let message = format!("Found {state} daemon pod {namespace}/{name} on node {node}, will try to {verb} it");
        self.context.events.record(kind, (&self.set, ""), reason, &message);
    }

    /// With surge a node keeps an old Pod beside the new one until that is available.
    fn beyond_surge(&self, running: &[&Object]) -> Vec<Object> {
        let (new, old): (Vec<&&Object>, Vec<&&Object>) =
            running.iter().partition(|pod| meta::label(pod, REVISION_HASH) == Some(&self.hash));
        let mut excess: Vec<Object> = new.iter().skip(1).chain(old.iter().skip(1)).map(|pod| (**pod).clone()).collect();
        if let (Some(new), Some(old)) = (new.first(), old.first())
            && (!pods::is_ready(old) || self.is_available(new))
        {
            excess.push((**old).clone());
        }
        excess
    }

    /// Whether a Pod has been ready for as long as the DaemonSet asks.
    pub fn is_available(&self, pod: &Value) -> bool {
        pods::is_available(pod, self.min_ready(), self.now)
    }

    /// `spec.minReadySeconds`.
    pub fn min_ready(&self) -> i64 {
        meta::number(&self.set, "/spec/minReadySeconds").unwrap_or_default()
    }

    fn carry_out(&self, plan: Plan) -> Result<()> {
        pod_control::slow_start(plan.make.len(), |index| {
            let pod = placement::pod_for(&self.set, &plan.make[index], &self.hash);
            match pod_control::create(self.context, &self.set, pod) {
                Err(status) if pod_control::is_namespace_ending(&status) => Ok(()),
                created => created.map(drop),
            }
        })?;
        plan.delete.iter().try_for_each(|pod| pod_control::delete(self.context, &self.set, pod))
    }

    fn clean_up(&self, old: &[Object]) -> Result<()> {
        let is_live = |revision: &Value| {
            let hash = meta::label(revision, REVISION_HASH);
            self.pods.values().flatten().any(|pod| hash.is_some() && meta::label(pod, REVISION_HASH) == hash)
        };
        history::truncate(self.context, &self.set, old, is_live)
    }
}

fn seniority(pod: &Value) -> (bool, &str, &str) {
    let placed = !meta::text(pod, "/spec/nodeName").is_empty();
    (!placed, meta::text(pod, "/metadata/creationTimestamp"), meta::name(pod))
}
