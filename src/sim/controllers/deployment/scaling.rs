//! Changing the size of ReplicaSets: of one with its event, of all in proportion, and clearing away the oldest empty ones.
//! Source: `scale` and `cleanupDeployment` in `pkg/controller/deployment/sync.go`.

use serde_json::{Value, json};

use super::proportion;
use super::revision::{self, DESIRED, MAX};
use super::rollout::{Rollout, counted, replicas};
use crate::object::meta;
use crate::sim::apiserver::endpoints::DeleteOptions;
use crate::sim::apiserver::registry::kinds::replicaset::REPLICASET;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;

impl Rollout<'_> {
    /// How large the newest ReplicaSet, now of size `now`, may be made.
    pub fn new_size(&self, now: i64) -> i64 {
        if !self.is_rolling() {
            return self.wanted();
        }
        let room = self.wanted() + self.max_surge_alone() - self.total();
        if room <= 0 { now } else { now + room.min(self.wanted() - now) }
    }

    /// The surge as it is written, even where nothing may be unavailable.
    fn max_surge_alone(&self) -> i64 {
        let surge = self.deployment.pointer("/spec/strategy/rollingUpdate/maxSurge");
        crate::sim::controllers::fraction::of(surge, self.wanted(), crate::sim::controllers::fraction::Round::Up)
    }

    /// Whether somebody scaled the Deployment since its ReplicaSets were.
    pub fn is_rescaled(&self) -> bool {
        self.sets().filter(|set| replicas(set) > 0).any(|set| {
            let desired = meta::annotation(set, DESIRED).and_then(|desired| desired.parse::<i64>().ok());
            desired.is_some_and(|desired| desired != self.wanted())
        })
    }

    /// Gives a ReplicaSet a size, with an event when that is another. Gives it back as it then is.
    pub fn resize(&self, set: &Object, size: i64) -> Result<Object> {
        let before = replicas(set);
        let (desired, most) = (self.wanted().to_string(), (self.wanted() + self.max_surge()).to_string());
        let resized = self.context.client.modify(&REPLICASET, meta::namespace(set), meta::name(set), |fresh| {
            fresh["spec"]["replicas"] = json!(size);
            meta::set_annotation(fresh, DESIRED, &desired);
            meta::set_annotation(fresh, MAX, &most);
        })?;
        if size != before {
            let way = if before < size { "up" } else { "down" };
            let message = format!("Scaled {way} replica set {} from {before} to {size}", meta::name(set));
            self.context.events.normal(&self.deployment, "ScalingReplicaSet", &message);
        }
        Ok(resized)
    }

    /// Spreads a new size over the ReplicaSets: all to the only one with Pods, else in proportion.
    pub fn scale(&mut self) -> Result<()> {
        let active: Vec<Object> = self.sets().filter(|set| replicas(set) > 0).cloned().collect();
        match active.as_slice() {
            [] => {
                let Some(set) = self.new.as_ref().or(self.old.last()) else { return Ok(()) };
                return if replicas(set) == self.wanted() { Ok(()) } else { self.resize(set, self.wanted()).map(drop) };
            }
            [only] if replicas(only) == self.wanted() => return Ok(()),
            [only] => return self.resize(only, self.wanted()).map(drop),
            _ => {}
        }
        if self.new.as_ref().is_some_and(|new| self.is_saturated(new)) {
            let old = self.old.iter().filter(|set| replicas(set) > 0);
            return old.map(|set| self.resize(set, 0)).try_for_each(|resized| resized.map(drop));
        }
        if self.is_rolling() {
            for (set, size) in proportion::shares(self, active) {
                self.resize(&set, size)?;
            }
        }
        Ok(())
    }

    /// Whether the newest ReplicaSet has all Pods, and all available.
    fn is_saturated(&self, new: &Value) -> bool {
        let wanted = self.wanted();
        let desired = meta::annotation(new, DESIRED).and_then(|desired| desired.parse().ok());
        replicas(new) == wanted && desired == Some(wanted) && counted(new, "availableReplicas") == wanted
    }

    /// Deletes the oldest empty ReplicaSets beyond the history that is kept.
    pub fn clean_up(&self) -> Result<()> {
        let limit = meta::number(&self.deployment, "/spec/revisionHistoryLimit");
        let Some(limit) = limit.filter(|limit| *limit != i64::from(i32::MAX)) else { return Ok(()) };
        let mut kept: Vec<&Object> = self.old.iter().filter(|set| !meta::is_terminating(set)).collect();
        let excess = kept.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
        kept.sort_by_key(|set| revision::of(set));
        for set in kept.into_iter().take(excess) {
            let is_seen =
                meta::number(set, "/metadata/generation").unwrap_or_default() <= counted(set, "observedGeneration");
            if replicas(set) != 0 || counted(set, "replicas") != 0 || !is_seen {
                continue;
            }
            let options = DeleteOptions::of_uid(meta::uid(set));
            match self.context.client.delete(&REPLICASET, meta::namespace(set), meta::name(set), &options) {
                Err(status) if !status.is_not_found() => return Err(status),
                _ => {}
            }
        }
        Ok(())
    }
}
