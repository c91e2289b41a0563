//! The strategy Recreate: all old Pods end before the first new one is made.
//! Source: `pkg/controller/deployment/recreate.go`.

use super::rollout::{Rollout, counted, replicas};
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::Result;
use crate::sim::controllers::pods;
use crate::sim::reconciler::Next;

impl Rollout<'_> {
    /// One step of recreating.
    pub fn recreate(mut self) -> Result<Next> {
        let shrunk = self.empty_old()?;
        if shrunk || self.has_old_pods() {
            return self.write_progress();
        }
        self.make_new()?;
        if let Some(new) = self.new.clone()
            && replicas(&new) != self.wanted()
        {
            self.new = Some(self.resize(&new, self.wanted())?);
        }
        if self.is_complete(&self.deployment["status"]) {
            self.clean_up()?;
        }
        self.write_progress()
    }

    fn empty_old(&mut self) -> Result<bool> {
        let mut shrunk = false;
        for index in 0..self.old.len() {
            let set = self.old[index].clone();
            if replicas(&set) > 0 {
                self.old[index] = self.resize(&set, 0)?;
                shrunk = true;
            }
        }
        Ok(shrunk)
    }

    fn has_old_pods(&self) -> bool {
        if self.old.iter().any(|set| counted(set, "replicas") > 0) {
            return true;
        }
        let old: Vec<&str> = self.old.iter().map(|set| meta::uid(set)).collect();
        let found = self.context.client.list(&POD, meta::namespace(&self.deployment));
        found.iter().any(|pod| {
            let owner = meta::controller_of(pod).map_or("", |owner| meta::text(owner, "/uid"));
            old.contains(&owner) && !pods::is_finished(pod)
        })
    }
}
