//! One look at a Deployment and its ReplicaSets, and which way it goes from there.
//! The ways are beside: scaling, rolling, recreate. Source: `syncDeployment` in `pkg/controller/deployment/deployment_controller.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::object::meta;
use crate::sim::apiserver::registry::kinds::deployment::DEPLOYMENT;
use crate::sim::apiserver::registry::kinds::replicaset::REPLICASET;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::conditions::{self, Condition};
use crate::sim::controllers::{claim, fraction, template};
use crate::sim::reconciler::{Context, Key, Next};

/// A Deployment with its ReplicaSets, as they are.
pub struct Rollout<'a> {
    pub context: &'a Context,
    pub deployment: Object,
    /// The ReplicaSet with the Deployment's template, once there is one.
    pub new: Option<Object>,
    /// All others, the oldest first.
    pub old: Vec<Object>,
    pub now: Timestamp,
}

/// `spec.replicas`.
pub fn replicas(object: &Value) -> i64 {
    meta::number(object, "/spec/replicas").unwrap_or(1)
}

/// A counter of a ReplicaSet's or Deployment's status.
pub fn counted(object: &Value, counter: &str) -> i64 {
    object.get("status").and_then(|status| status.get(counter)).and_then(Value::as_i64).unwrap_or_default()
}

/// Brings a Deployment one step further.
pub fn reconcile(context: &Context, (namespace, name): &Key) -> Result<Next> {
    let Some(deployment) = context.client.find(&DEPLOYMENT, namespace, name) else { return Ok(Next::Done) };
    if deployment.pointer("/spec/selector") == Some(&json!({})) {
        let message = "This deployment is selecting all pods. A non-empty selector is required.";
        context.events.warning(&deployment, "SelectingAll", message);
        return observe(context, &deployment);
    }
    let mut rollout = Rollout::look(context, deployment)?;
    if meta::is_terminating(&rollout.deployment) {
        return rollout.write_status();
    }
    rollout.note_pause()?;
    rollout.sync_revision()?;
    if meta::truth(&rollout.deployment, "/spec/paused") {
        rollout.scale()?;
        rollout.clean_up()?;
        return rollout.write_status();
    }
    if rollout.is_rescaled() {
        rollout.scale()?;
        return rollout.write_status();
    }
    match meta::text(&rollout.deployment, "/spec/strategy/type") {
        "RollingUpdate" => rollout.roll(),
        "Recreate" => rollout.recreate(),
        other => Err(Status::internal(format!("unexpected deployment strategy type: {other}"))),
    }
}

fn observe(context: &Context, deployment: &Value) -> Result<Next> {
    let mut status = deployment["status"].clone();
    status["observedGeneration"] = deployment["metadata"]["generation"].clone();
    conditions::write(context, &DEPLOYMENT, deployment, &status)?;
    Ok(Next::Done)
}

impl<'a> Rollout<'a> {
    fn look(context: &'a Context, deployment: Object) -> Result<Self> {
        let selector = claim::selector(&deployment);
        let found = context.client.list(&REPLICASET, meta::namespace(&deployment));
        let mut sets = claim::claim(context, &REPLICASET, &deployment, &selector, found)?;
        sets.sort_by(|one, other| by_age(one).cmp(&by_age(other)));
        let is_new = |set: &Object| template::same(&set["spec"]["template"], &deployment["spec"]["template"]);
        let new = sets.iter().position(is_new).map(|index| sets.remove(index));
        Ok(Self { context, now: context.client.clock().now(), deployment, new, old: sets })
    }

    /// All ReplicaSets.
    pub fn sets(&self) -> impl Iterator<Item = &Object> {
        self.old.iter().chain(&self.new)
    }

    /// How many Pods are asked for by all ReplicaSets.
    pub fn total(&self) -> i64 {
        self.sets().map(|set| replicas(set)).sum()
    }

    /// How many Pods the Deployment asks for.
    pub fn wanted(&self) -> i64 {
        replicas(&self.deployment)
    }

    pub fn is_rolling(&self) -> bool {
        meta::text(&self.deployment, "/spec/strategy/type") == "RollingUpdate"
    }

    /// How many Pods there may be beyond those asked for.
    pub fn max_surge(&self) -> i64 {
        if self.is_rolling() { self.fenceposts().0 } else { 0 }
    }

    /// How many Pods may be missing.
    pub fn max_unavailable(&self) -> i64 {
        if self.is_rolling() && self.wanted() > 0 { self.fenceposts().1.min(self.wanted()) } else { 0 }
    }

    fn fenceposts(&self) -> (i64, i64) {
        fraction::fenceposts(self.deployment.pointer("/spec/strategy/rollingUpdate"), self.wanted())
    }

    /// Whether progress is watched over.
    pub fn deadline(&self) -> Option<i64> {
        meta::number(&self.deployment, "/spec/progressDeadlineSeconds")
            .filter(|seconds| *seconds != i64::from(i32::MAX))
    }

    /// Says in the Progressing condition that the rollout stands still by wish, so that the time does not count.
    fn note_pause(&mut self) -> Result<()> {
        let status = &self.deployment["status"];
        let reason = conditions::reason(status, "Progressing");
        if self.deadline().is_none() || reason == "ProgressDeadlineExceeded" {
            return Ok(());
        }
        let paused = meta::truth(&self.deployment, "/spec/paused");
        let (reason, message) = match (paused, reason == "DeploymentPaused") {
            (true, false) => ("DeploymentPaused", "Deployment is paused"),
            (false, true) => ("DeploymentResumed", "Deployment is resumed"),
            _ => return Ok(()),
        };
        self.tell_progress(Condition { kind: "Progressing", status: "Unknown", reason, message }, None)
    }

    /// Writes the Progressing condition and, where given, the Deployment's revision.
    pub fn tell_progress(&mut self, condition: Condition, revision: Option<&str>) -> Result<()> {
        let deadline = self.deadline();
        self.change_status(|fresh, now| {
            if let Some(revision) = revision {
                meta::set_annotation(fresh, super::revision::REVISION, revision);
            }
            if deadline.is_some() {
                conditions::set(meta::child(fresh, "status"), condition.updated_at(now));
            }
        })
    }

    /// Changes the Deployment through its status, and goes on with what it is then.
    pub fn change_status(&mut self, change: impl Fn(&mut Value, Timestamp)) -> Result<()> {
        let (namespace, name) = (meta::namespace(&self.deployment), meta::name(&self.deployment));
        let now = self.now;
        let written = self.context.client.modify_status(&DEPLOYMENT, namespace, name, |fresh| change(fresh, now))?;
        // What was asked for meanwhile is for the next turn: this one acts on what it looked at.
        let mut deployment = (*self.deployment).clone();
        deployment["status"] = written["status"].clone();
        deployment["metadata"]["annotations"] = written["metadata"]["annotations"].clone();
        self.deployment = deployment.into();
        Ok(())
    }
}

fn by_age(set: &Value) -> (&str, &str) {
    (meta::text(set, "/metadata/creationTimestamp"), meta::name(set))
}
