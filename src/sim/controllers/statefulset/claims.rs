//! The claims of stateful Pods: made before their Pod, kept or given up as the retention policy says.
//! Source: `pkg/controller/statefulset/stateful_pod_control.go`.

use serde_json::Value;

use super::control::Stateful;
use super::identity;
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::persistentvolumeclaim::PERSISTENTVOLUMECLAIM;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::claim::disown;

impl Stateful<'_> {
    /// Makes the claims that a Pod lacks.
    pub fn make_claims(&self, ordinal: i64) -> Result<()> {
        let pod = identity::pod_name(&self.set, ordinal);
        let mut failed: Option<Status> = None;
        for (_, claim) in identity::claims(&self.set, ordinal) {
            let name = meta::name(&claim).to_owned();
            match self.claim(&name) {
                Some(found) if meta::is_terminating(&found) => {
                    failed.get_or_insert(Status::internal(format!("pvc {name} is being deleted")));
                }
                Some(_) => {}
                None => {
                    let made = self.context.client.create(&PERSISTENTVOLUMECLAIM, claim);
                    self.tell_claim(&pod, &name, made.as_ref().err());
                    if let Err(mut status) = made {
                        status.message = format!("failed to create PVC {name}: {status}");
                        failed.get_or_insert(status);
                    }
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn claim(&self, name: &str) -> Option<Object> {
        self.context.client.find(&PERSISTENTVOLUMECLAIM, meta::namespace(&self.set), name)
    }

    fn tell_claim(&self, pod: &str, claim: &str, failure: Option<&Status>) {
        let set = meta::name(&self.set);
        match failure {
            None => {
                let message = format!("Create Claim {claim} Pod {pod} in StatefulSet {set} success");
                self.context.events.normal(&self.set, "SuccessfulCreate", &message);
            }
            Some(error) => {
                let message = format!("Create Claim {claim} for Pod {pod} in StatefulSet {set} failed error: {error}");
                self.context.events.warning(&self.set, "FailedCreate", &message);
            }
        }
    }

    fn policy(&self, when: &str) -> bool {
        meta::text(&self.set, &format!("/spec/persistentVolumeClaimRetentionPolicy/{when}")) == "Delete"
    }

    /// Whether a claim still belongs to the Pod that had this name before, and is going with it.
    pub fn is_claim_stale(&self, ordinal: i64) -> bool {
        let pod = identity::pod_name(&self.set, ordinal);
        self.policy("whenScaled")
            && identity::claims(&self.set, ordinal).iter().any(|(_, claim)| {
                let found = self.claim(meta::name(claim));
                found.is_some_and(|found| {
                    let mut owners = meta::list(&found, "/metadata/ownerReferences").iter();
                    owners.any(|owner| meta::text(owner, "/kind") == "Pod" && meta::text(owner, "/name") == pod)
                })
            })
    }

    /// Makes the claims of a Pod go with whom the retention policy says: the StatefulSet, the Pod, or nobody.
    pub fn keep_policy(&self, ordinal: i64, pod: &Value, condemned: bool) -> Result<()> {
        let owner = match (self.policy("whenScaled"), self.policy("whenDeleted")) {
            (true, _) if condemned => Some(pod),
            (_, true) => Some(&*self.set),
            _ => None,
        };
        for (_, template) in identity::claims(&self.set, ordinal) {
            let Some(found) = self.claim(meta::name(&template)) else { continue };
            if self.is_anothers(&found, pod) {
                continue;
            }
            let wanted = owner.map(meta::controller_reference);
            self.context.client.modify(
                &PERSISTENTVOLUMECLAIM,
                meta::namespace(&found),
                meta::name(&found),
                |fresh| own(fresh, [meta::uid(&self.set), meta::uid(pod)], wanted.as_ref()),
            )?;
        }
        Ok(())
    }

    /// Whether somebody else controls a claim: another object, or one of the same name that is gone.
    fn is_anothers(&self, claim: &Value, pod: &Value) -> bool {
        let ours = [meta::uid(&self.set), meta::uid(pod)];
        meta::controller_of(claim).is_some_and(|owner| !ours.contains(&meta::text(owner, "/uid")))
    }
}

fn own(claim: &mut Value, ours: [&str; 2], wanted: Option<&Value>) {
    let has = meta::list(claim, "/metadata/ownerReferences");
    let has: Vec<&Value> = has.iter().filter(|owner| ours.contains(&meta::text(owner, "/uid"))).collect();
    if has == wanted.into_iter().collect::<Vec<_>>() {
        return;
    }
    ours.iter().for_each(|uid| disown(claim, uid));
    let Some(wanted) = wanted else { return };
    meta::edit_list(&mut claim["metadata"], "ownerReferences", |owners| owners.push(wanted.clone()));
}
