//! The rolling update of a DaemonSet: old Pods go node by node, or new ones come beside them where surge is allowed.
//! Source: `rollingUpdate` in `pkg/controller/daemon/update.go`.

use serde_json::Value;

use super::daemons::{Daemons, Plan};
use super::placement;
use crate::object::meta;
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::fraction::{self, Round};

/// The one new and the one old Pod of a node.
struct Pair<'a> {
    node: &'a str,
    new: Option<&'a Object>,
    old: Option<&'a Object>,
}

impl Daemons<'_> {
    /// Whether a node may have two Pods for a while.
    pub fn allows_surge(&self) -> bool {
        self.allowed("maxSurge", 1) > 0
    }

    fn allowed(&self, key: &str, nodes: i64) -> i64 {
        let strategy = self.set.pointer("/spec/updateStrategy");
        let rolls = strategy.is_some_and(|strategy| meta::text(strategy, "/type") == "RollingUpdate");
        let value = strategy.and_then(|strategy| strategy.get("rollingUpdate")?.get(key));
        if rolls { fraction::of(value, nodes, Round::Up) } else { 0 }
    }

    /// The next Pods to replace.
    pub fn roll(&self) -> Plan {
        let desired = self.nodes.iter().filter(|node| placement::fit(&self.set, node).may_start).count();
        let nodes = i64::try_from(desired).unwrap_or(i64::MAX);
        let (surge, unavailable) = (self.allowed("maxSurge", nodes), self.allowed("maxUnavailable", nodes));
        if surge == 0 { self.replace(unavailable.max(1)) } else { self.surge(surge, nodes) }
    }

    /// All nodes that have a Pod or should; `None` for one with more Pods than it may have.
    fn pairs(&self) -> Vec<Option<Pair<'_>>> {
        let should = |node: &&Object| placement::fit(&self.set, node).may_start;
        let wanting = self.nodes.iter().filter(should).map(|node| meta::name(node));
        let mut names: Vec<&str> = wanting.chain(self.pods.keys().map(String::as_str)).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(|node| self.pair(node)).collect()
    }

    fn pair<'a>(&'a self, node: &'a str) -> Option<Pair<'a>> {
        let mut pair = Pair { node, new: None, old: None };
        for pod in self.pods.get(node).into_iter().flatten().filter(|pod| !meta::is_terminating(pod)) {
            let place = if placement::is_updated(&self.set, pod, &self.hash) { &mut pair.new } else { &mut pair.old };
            if place.replace(pod).is_some() {
                return None;
            }
        }
        Some(pair)
    }

    fn replace(&self, max_unavailable: i64) -> Plan {
        let (mut unavailable, mut delete, mut candidates) = (0, Vec::new(), Vec::new());
        for pair in self.pairs() {
            match pair {
                Some(Pair { new: Some(new), old: None, .. }) => unavailable += i64::from(!self.is_available(new)),
                Some(Pair { new: None, old: Some(old), .. }) if self.is_available(old) => candidates.push(old.clone()),
                Some(Pair { new: None, old: Some(old), .. }) => {
                    // It serves nobody, so nothing is lost.
                    delete.push(old.clone());
                    unavailable += 1;
                }
                _ => unavailable += 1,
            }
        }
        let room = usize::try_from(max_unavailable - unavailable).unwrap_or_default();
        delete.extend(candidates.into_iter().take(room));
        Plan { delete, ..Plan::default() }
    }

    fn surge(&self, max_surge: i64, desired: i64) -> Plan {
        let mut plan = Plan::default();
        let (mut surging, mut available) = (0, 0);
        let (mut candidates, mut leaving) = (Vec::new(), Vec::new());
        for pair in self.pairs() {
            let Some(Pair { node, new, old }) = pair else {
                surging += 1;
                continue;
            };
            available += i64::from(old.or(new).is_some_and(|pod| self.is_available(pod)));
            match (new, old) {
                (_, None) => {}
                (Some(new), Some(old)) if self.is_available(new) => plan.delete.push(old.clone()),
                (Some(_), Some(_)) => surging += 1,
                (None, Some(old)) => match (self.may_start(node), self.is_available(old)) {
                    (false, true) => leaving.push(old.clone()),
                    (false, false) => plan.delete.push(old.clone()),
                    (true, true) => candidates.push(node.to_owned()),
                    (true, false) => plan.make.push(node.to_owned()),
                },
            }
        }
        let spare = usize::try_from(available - desired).unwrap_or_default();
        plan.delete.extend(leaving.into_iter().take(spare));
        let room = usize::try_from(max_surge - surging).unwrap_or_default();
        plan.make.extend(candidates.into_iter().take(room));
        plan
    }

    fn may_start(&self, node: &str) -> bool {
        let found: Option<&Value> = self.nodes.iter().find(|known| meta::name(known) == node).map(|node| &**node);
        found.is_some_and(|node| placement::fit(&self.set, node).may_start)
    }
}
