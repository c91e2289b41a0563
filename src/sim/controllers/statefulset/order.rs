//! In which order Pods are made, taken away and updated: up one after another, down from the highest, unless in parallel.
//! Source: `updateStatefulSet` in `pkg/controller/statefulset/stateful_set_control.go`.

use serde_json::Value;

use super::control::{Replica, Stateful};
use crate::object::meta;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::history::REVISION_HASH;
use crate::sim::controllers::{pod_control, pods};

/// Whether the next may be looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Go {
    On,
    Wait,
}

impl Stateful<'_> {
    /// One step.
    pub fn step(&self) -> Result<()> {
        if self.for_each(&self.replicas, |replica| self.bring_up(replica))? == Go::Wait {
            return Ok(());
        }
        for (ordinal, pod) in &self.condemned {
            self.keep_policy(*ordinal, pod, true)?;
        }
        let first = self.first_unavailable();
        if self.for_each(&self.condemned, |(_, pod)| self.take_down(pod, first))? == Go::Wait {
            return Ok(());
        }
        if self.is_rolling() { self.roll() } else { Ok(()) }
    }

    /// Visits one after another while each lets go on, or all when nobody has to wait.
    fn for_each<T>(&self, items: &[T], visit: impl Fn(&T) -> Result<Go>) -> Result<Go> {
        if !self.is_ordered() {
            return pod_control::slow_start(items.len(), |index| visit(&items[index]).map(drop)).map(|()| Go::On);
        }
        for item in items {
            if visit(item)? == Go::Wait {
                return Ok(Go::Wait);
            }
        }
        Ok(Go::On)
    }

    fn bring_up(&self, replica: &Replica) -> Result<Go> {
        let Some(pod) = &replica.pod else {
            if self.is_claim_stale(replica.ordinal) {
                return Ok(Go::Wait);
            }
            return self.make(replica.ordinal).map(|()| Go::Wait);
        };
        if pods::is_finished(pod) {
            if !meta::is_terminating(pod) {
                self.delete(pod)?;
            }
            return Ok(Go::Wait);
        }
        if meta::text(pod, "/status/phase") == "Pending" {
            self.make_claims(replica.ordinal)?;
        }
        if self.is_ordered() && !self.is_well(pod) {
            return Ok(Go::Wait);
        }
        self.mend(replica.ordinal, pod).map(|()| Go::On)
    }

    fn take_down(&self, pod: &Object, first_unavailable: Option<&Object>) -> Result<Go> {
        if meta::is_terminating(pod) {
            return Ok(Go::Wait);
        }
        // One that does not work may go while others do not work either, if it is the first of them.
        let is_first = first_unavailable.is_some_and(|first| meta::uid(first) == meta::uid(pod));
        if self.is_ordered() && !is_first && !self.is_well(pod) {
            return Ok(Go::Wait);
        }
        self.delete(pod).map(|()| Go::Wait)
    }

    /// Runs, is ready for long enough, and is not asked to end.
    fn is_well(&self, pod: &Value) -> bool {
        meta::text(pod, "/status/phase") == "Running"
            && !meta::is_terminating(pod)
            && pods::is_available(pod, self.min_ready(), self.now)
    }

    /// The unavailable Pod with the lowest ordinal; a replica that is not there counts, but is no Pod.
    fn first_unavailable(&self) -> Option<&Object> {
        let is_bad = |pod: &Object| meta::is_terminating(pod) || !pods::is_available(pod, self.min_ready(), self.now);
        for replica in &self.replicas {
            match &replica.pod {
                Some(pod) if is_bad(pod) => return Some(pod),
                Some(_) => {}
                None => return None,
            }
        }
        self.condemned.iter().rev().map(|(_, pod)| pod).find(|pod| is_bad(pod))
    }

    /// Deletes the Pod with the highest ordinal that is not of the newest revision; it comes back as one that is.
    fn roll(&self) -> Result<()> {
        let partition = usize::try_from(self.partition()).unwrap_or_default();
        for replica in self.replicas.iter().skip(partition).rev() {
            let Some(pod) = &replica.pod else { return Ok(()) };
            let is_updated = meta::label(pod, REVISION_HASH) == Some(meta::name(&self.update));
            if !is_updated && !meta::is_terminating(pod) {
                return self.delete(pod);
            }
            if meta::is_terminating(pod) || !pods::is_available(pod, self.min_ready(), self.now) {
                return Ok(());
            }
        }
        Ok(())
    }
}
