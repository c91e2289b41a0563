//! Revisions: which ReplicaSet is the newest, what its annotations say, and how a new one is made.
//! Source: `getNewReplicaSet` in `pkg/controller/deployment/sync.go` and `SetNewReplicaSetAnnotations` in its util package.

use serde_json::{Value, json};

use super::rollout::Rollout;
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::deployment::DEPLOYMENT;
use crate::sim::apiserver::registry::kinds::replicaset::REPLICASET;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::controllers::conditions::{self, Condition};
use crate::sim::controllers::pod_control::is_namespace_ending;
use crate::sim::controllers::{claim, template};

/// Which revision it is.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// How many replicas the Deployment wanted when the ReplicaSet was last scaled.
pub const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// How many Pods the Deployment could have then, surge included.
pub const MAX: &str = "deployment.kubernetes.io/max-replicas";

/// What is not copied from a Deployment to its ReplicaSet.
const OWN: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED,
    MAX,
    "deprecated.deployment.rollback.to",
];

/// How long the list of former revisions may grow.
const HISTORY_CHARACTERS: usize = 2000;

/// A ReplicaSet's revision; 0 when it has none.
pub fn of(set: &Value) -> i64 {
    meta::annotation(set, REVISION).and_then(|revision| revision.parse().ok()).unwrap_or_default()
}

impl Rollout<'_> {
    /// Brings annotations of the newest ReplicaSet, where there is one, and the Deployment's revision up to date.
    pub fn sync_revision(&mut self) -> Result<()> {
        let Some(new) = self.new.clone() else { return Ok(()) };
        let (next, min_ready) = (self.next_revision(), self.deployment["spec"].get("minReadySeconds").cloned());
        let deployment = self.deployment.clone();
        let new = self.context.client.modify(&REPLICASET, meta::namespace(&new), meta::name(&new), |fresh| {
            annotate(fresh, &deployment, next);
            if meta::number(fresh, "/spec/minReadySeconds") != min_ready.as_ref().and_then(Value::as_i64) {
                match &min_ready {
                    Some(seconds) => fresh["spec"]["minReadySeconds"] = seconds.clone(),
                    None => drop(meta::remove(&mut fresh["spec"], "minReadySeconds")),
                }
            }
        })?;
        let revision = meta::annotation(&new, REVISION).unwrap_or_default().to_owned();
        let unsaid = self.deadline().is_some() && conditions::of(&self.deployment["status"], "Progressing").is_none();
        if unsaid || meta::annotation(&self.deployment, REVISION) != Some(&revision) {
            let message = format!("Found new replica set {:?}", meta::name(&new));
            let found =
                Condition { kind: "Progressing", status: "True", reason: "FoundNewReplicaSet", message: &message };
            self.change_status(|fresh, now| {
                meta::set_annotation(fresh, REVISION, &revision);
                if unsaid {
                    conditions::set(meta::child(fresh, "status"), found.updated_at(now));
                }
            })?;
        }
        self.new = Some(new);
        Ok(())
    }

    /// One more than any old ReplicaSet has.
    fn next_revision(&self) -> i64 {
        self.old.iter().map(|set| of(set)).max().unwrap_or_default() + 1
    }

    /// Makes the ReplicaSet of the Deployment's template, if there is none yet.
    pub fn make_new(&mut self) -> Result<()> {
        if self.new.is_some() {
            return Ok(());
        }
        let set = self.new_set();
        let created = match self.context.client.create(&REPLICASET, set.clone()) {
            Ok(created) => created,
            Err(status) if status.reason == "AlreadyExists" => return self.settle_collision(&set, status),
            Err(status) if is_namespace_ending(&status) => return Err(status),
            Err(status) => return self.tell_failure(&set, status),
        };
        let size = super::rollout::replicas(&created);
        if size > 0 {
            let message = format!("Scaled up replica set {} from 0 to {size}", meta::name(&created));
            self.context.events.normal(&self.deployment, "ScalingReplicaSet", &message);
        }
        let message = format!("Created new replica set {:?}", meta::name(&created));
        let revision = meta::annotation(&created, REVISION).unwrap_or_default().to_owned();
        self.new = Some(created);
        let told = Condition { kind: "Progressing", status: "True", reason: "NewReplicaSetCreated", message: &message };
        self.tell_progress(told, Some(&revision))
    }

    fn new_set(&self) -> Value {
        let deployment = &*self.deployment;
        let hash = template::hash(&deployment["spec"]["template"], meta::number(deployment, "/status/collisionCount"));
        let mut made = deployment["spec"]["template"].clone();
        meta::set_label(&mut made, template::POD_TEMPLATE_HASH, &hash);
        let mut selector = deployment["spec"]["selector"].clone();
        meta::child(&mut selector, "matchLabels")[template::POD_TEMPLATE_HASH] = json!(hash);
        // A name may be 253 long; the hash and its dash are ours.
        let name: String = meta::name(deployment).chars().take(252 - hash.len()).collect();
        let mut set = json!({
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": format!("{name}-{hash}"),
                "namespace": meta::namespace(deployment),
                "labels": made["metadata"]["labels"],
                "ownerReferences": [meta::controller_reference(deployment)],
            },
            "spec": { "replicas": self.new_size(0), "selector": selector, "template": made },
        });
        if let Some(seconds) = meta::number(deployment, "/spec/minReadySeconds") {
            set["spec"]["minReadySeconds"] = json!(seconds);
        }
        annotate(&mut set, deployment, self.next_revision());
        meta::set_annotation(&mut set, DESIRED, &self.wanted().to_string());
        meta::set_annotation(&mut set, MAX, &(self.wanted() + self.max_surge()).to_string());
        set
    }

    /// The name is taken: by a ReplicaSet of ours that came meanwhile, or by another template with the same hash.
    fn settle_collision(&mut self, set: &Value, status: Status) -> Result<()> {
        let found = self.context.client.get(&REPLICASET, meta::namespace(set), meta::name(set))?;
        if claim::is_controlled_by(&found, &self.deployment)
            && template::same(&found["spec"]["template"], &self.deployment["spec"]["template"])
        {
            self.new = Some(found);
            return Ok(());
        }
        let (namespace, name) = (meta::namespace(&self.deployment), meta::name(&self.deployment));
        self.context.client.modify_status(&DEPLOYMENT, namespace, name, |fresh| {
            let collisions = meta::number(fresh, "/status/collisionCount").unwrap_or_default();
            meta::child(fresh, "status")["collisionCount"] = json!(collisions + 1);
        })?;
        Err(status)
    }

    fn tell_failure(&mut self, set: &Value, status: Status) -> Result<()> {
        let message = format!("Failed to create new replica set {:?}: {status}", meta::name(set));
        let reason = "ReplicaSetCreateError";
        self.tell_progress(Condition { kind: "Progressing", status: "False", reason, message: &message }, None)?;
        self.context.events.warning(&self.deployment, reason, &message);
        Err(status)
    }
}

/// Copies the Deployment's annotations and gives the ReplicaSet revision `next`, unless it has a later one.
/// A revision it had before goes to its history: the Deployment went back to it.
fn annotate(set: &mut Value, deployment: &Value, next: i64) {
    for (key, value) in meta::map(deployment, "/metadata/annotations").into_iter().flatten() {
        if !OWN.contains(&key.as_str()) {
            meta::set_annotation(set, key, value.as_str().unwrap_or_default());
        }
    }
    let before = meta::annotation(set, REVISION).unwrap_or_default().to_owned();
    let Ok(had) = (if before.is_empty() { Ok(0) } else { before.parse::<i64>() }) else { return };
    if had >= next {
        return;
    }
    meta::set_annotation(set, REVISION, &next.to_string());
    if before.is_empty() {
        return;
    }
    let history = meta::annotation(set, REVISION_HISTORY).unwrap_or_default();
    let mut revisions: Vec<&str> = history.split(',').filter(|revision| !revision.is_empty()).collect();
    revisions.push(&before);
    let mut joined = revisions.join(",");
    while joined.len() > HISTORY_CHARACTERS {
        revisions.remove(0);
        joined = revisions.join(",");
    }
    meta::set_annotation(set, REVISION_HISTORY, &joined);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_taken_again_keeps_its_history() {
        let deployment = json!({"metadata": {"annotations": {
            REVISION: "2", "kubernetes.io/change-cause": "why", "kubectl.kubernetes.io/last-applied-configuration": "{}"}}});
        let mut set = json!({});
        annotate(&mut set, &deployment, 1);
        annotate(&mut set, &deployment, 3);
        annotate(&mut set, &deployment, 5);
        annotate(&mut set, &deployment, 4);
        let expected = json!({REVISION: "5", REVISION_HISTORY: "1,3", "kubernetes.io/change-cause": "why"});
        assert_eq!(set["metadata"]["annotations"], expected);
    }
}
