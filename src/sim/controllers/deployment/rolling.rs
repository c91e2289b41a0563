//! The rolling update: the newest ReplicaSet grows as the surge allows, the old ones shrink as availability allows.
//! Source: `pkg/controller/deployment/rolling.go`.

use super::rollout::{Rollout, counted, replicas};
use crate::sim::apiserver::status::Result;
use crate::sim::reconciler::Next;

impl Rollout<'_> {
    /// One step of a rolling update.
    pub fn roll(mut self) -> Result<Next> {
        self.make_new()?;
        if self.grow_new()? || self.shrink_old()? {
            return self.write_progress();
        }
        if self.is_complete(&self.deployment["status"]) {
            self.clean_up()?;
        }
        self.write_progress()
    }

    fn grow_new(&mut self) -> Result<bool> {
        let Some(new) = self.new.clone() else { return Ok(false) };
        let now = replicas(&new);
        let size = if now > self.wanted() { self.wanted() } else { self.new_size(now) };
        if now == self.wanted() || size == now {
            return Ok(false);
        }
        self.new = Some(self.resize(&new, size)?);
        Ok(true)
    }

    fn shrink_old(&mut self) -> Result<bool> {
        let Some(new) = &self.new else { return Ok(false) };
        if self.old.iter().all(|set| replicas(set) == 0) {
            return Ok(false);
        }
        let least = self.wanted() - self.max_unavailable();
        let missing = replicas(new) - counted(new, "availableReplicas");
        let room = self.total() - least - missing;
        if room <= 0 {
            return Ok(false);
        }
        let unhealthy = self.drop_unhealthy(room)?;
        let healthy = self.drop_old(least)?;
        Ok(unhealthy + healthy > 0)
    }

    /// Takes Pods away that are not available anyway.
    fn drop_unhealthy(&mut self, room: i64) -> Result<i64> {
        let mut dropped = 0;
        for index in 0..self.old.len() {
            let set = self.old[index].clone();
            let unhealthy = replicas(&set) - counted(&set, "availableReplicas");
            let count = unhealthy.min(room - dropped).min(replicas(&set));
            if count > 0 {
                self.old[index] = self.resize(&set, replicas(&set) - count)?;
                dropped += count;
            }
        }
        Ok(dropped)
    }

    /// Takes old Pods away while at least `least` are available.
    fn drop_old(&mut self, least: i64) -> Result<i64> {
        let available: i64 = self.sets().map(|set| counted(set, "availableReplicas")).sum();
        let room = available - least;
        let mut dropped = 0;
        for index in 0..self.old.len() {
            let set = self.old[index].clone();
            let count = replicas(&set).min(room - dropped);
            if count > 0 {
                self.old[index] = self.resize(&set, replicas(&set) - count)?;
                dropped += count;
            }
        }
        Ok(dropped)
    }
}
