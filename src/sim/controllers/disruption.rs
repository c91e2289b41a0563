//! disruption-controller: counts for each budget the Pods there should be and those that are healthy.
//! Spending what is allowed is the eviction's. Source: `pkg/controller/disruption/disruption.go`.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::fraction::{self, Round};
use super::{Controller, conditions, pods};
use crate::object::meta;
use crate::object::selector::{LabelSelector, worded};
use crate::sim::apiserver::endpoints::timestamp;
use crate::sim::apiserver::registry;
use crate::sim::apiserver::registry::kinds::deployment::DEPLOYMENT;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::registry::kinds::poddisruptionbudget::PODDISRUPTIONBUDGET;
use crate::sim::apiserver::registry::kinds::replicaset::REPLICASET;
use crate::sim::apiserver::registry::kinds::statefulset::STATEFULSET;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Key, Next, Watched, key, own};

/// The controller; its keys are budgets.
pub static DISRUPTION_CONTROLLER: Controller = Controller {
    name: "controllermanager",
    watches: &[
        Watched { resource: &PODDISRUPTIONBUDGET, keys: own },
        Watched { resource: &POD, keys: of_pod },
        Watched { resource: &REPLICASET, keys: of_workload },
        Watched { resource: &DEPLOYMENT, keys: of_workload },
        Watched { resource: &STATEFULSET, keys: of_workload },
    ],
    reconcile,
};

/// How long an evicted Pod may take until it is counted again.
const DELETION: SignedDuration = SignedDuration::from_mins(2);

fn of_pod(context: &Context, pod: &Object) -> Vec<Key> {
    let budgets = context.client.list(&PODDISRUPTIONBUDGET, meta::namespace(pod));
    budgets.iter().filter(|budget| selector(budget).selects(pod)).map(key).collect()
}

/// A change of scale may concern every budget of the namespace; there are few.
fn of_workload(context: &Context, workload: &Object) -> Vec<Key> {
    context.client.list(&PODDISRUPTIONBUDGET, meta::namespace(workload)).iter().map(key).collect()
}

fn selector(budget: &Value) -> LabelSelector {
    LabelSelector::from_object(budget.pointer("/spec/selector")).unwrap_or_else(|_| LabelSelector::nothing())
}

fn reconcile(context: &Context, (namespace, name): &Key) -> Result<Next> {
    let Some(budget) = context.client.find(&PODDISRUPTIONBUDGET, namespace, name) else { return Ok(Next::Done) };
    let now = context.client.clock().now();
    let pods = context.client.select(&POD, namespace, &selector(&budget));
    if pods.is_empty() && budget.pointer("/status/observedGeneration").is_none() {
        context.events.normal(&budget, "NoPods", "No matching pods found");
    }
    let (expected, desired) = match expectation(context, &budget, &pods) {
        Ok(found) => found,
        Err(why) => return fail_safe(context, &budget, &why),
    };
    let (disrupted, recheck) = disrupted(context, &budget, &pods, now);
    let healthy =
        |pod: &&Object| !meta::is_terminating(pod) && !disrupted.contains_key(meta::name(pod)) && pods::is_ready(pod);
    let current = i64::try_from(pods.iter().filter(healthy).count()).unwrap_or(i64::MAX);
    let allowed = if expected <= 0 { 0 } else { (current - desired).max(0) };
    let generation = meta::number(&budget, "/metadata/generation").unwrap_or_default();
    let mut status = json!({
        "observedGeneration": generation,
        "disruptionsAllowed": allowed,
        "currentHealthy": current,
        "desiredHealthy": desired,
        "expectedPods": expected,
    });
    if !disrupted.is_empty() {
        status["disruptedPods"] = Value::Object(disrupted);
    }
    status["conditions"] = json!(meta::list(&budget, "/status/conditions"));
    let (said, reason) = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    say(&mut status, (said, reason, ""), generation, now);
    conditions::write(context, &PODDISRUPTIONBUDGET, &budget, &status)?;
    Ok(recheck.map_or(Next::Done, Next::After))
}

/// The condition, at the generation it is about.
fn say(status: &mut Value, (said, reason, message): (&str, &str, &str), generation: i64, now: Timestamp) {
    let condition = conditions::Condition { kind: "DisruptionAllowed", status: said, reason, message };
    conditions::set(status, condition.at(now));
    meta::edit_list(status, "conditions", |conditions| {
        let found = conditions.iter_mut().find(|condition| condition["type"] == "DisruptionAllowed");
        if let Some(found) = found {
            found["observedGeneration"] = json!(generation);
            found["message"] = json!(message);
        }
    });
}

/// Allows nothing while the Pods cannot be counted.
fn fail_safe(context: &Context, budget: &Value, why: &str) -> Result<Next> {
    let message = format!("Failed to calculate the number of expected pods: {why}");
    context.events.warning(budget, "CalculateExpectedPodCountFailed", &message);
    let mut status = budget["status"].clone();
    status["disruptionsAllowed"] = json!(0);
    let generation = meta::number(budget, "/status/observedGeneration").unwrap_or_default();
    say(&mut status, ("False", "SyncFailed", why), generation, context.client.clock().now());
    conditions::write(context, &PODDISRUPTIONBUDGET, budget, &status).map(|()| Next::Done)
}

/// The Pods expected, and how many of them must be healthy.
fn expectation(context: &Context, budget: &Value, pods: &[Object]) -> std::result::Result<(i64, i64), String> {
    let spec = &budget["spec"];
    if let Some(most) = spec.get("maxUnavailable").filter(|most| !most.is_null()) {
        let expected = scale(context, budget, pods)?;
        return Ok((expected, (expected - fraction::of(Some(most), expected, Round::Up)).max(0)));
    }
    match spec.get("minAvailable") {
        Some(least @ Value::String(_)) => {
            let expected = scale(context, budget, pods)?;
            Ok((expected, fraction::of(Some(least), expected, Round::Up)))
        }
        Some(Value::Number(least)) => {
            Ok((i64::try_from(pods.len()).unwrap_or(i64::MAX), least.as_i64().unwrap_or_default()))
        }
        _ => Ok((0, 0)),
    }
}

/// How many Pods the controllers of these want together.
fn scale(context: &Context, budget: &Value, pods: &[Object]) -> std::result::Result<i64, String> {
    let mut scales: BTreeMap<String, i64> = BTreeMap::new();
    let mut unmanaged = false;
    for pod in pods {
        let Some(owner) = meta::controller_of(pod) else {
            unmanaged = true;
            continue;
        };
        let (uid, scale) = replicas(context, meta::namespace(pod), owner)?
            .ok_or_else(|| format!("found no controllers for pod {:?}", meta::name(pod)))?;
        scales.insert(uid, scale);
    }
    if unmanaged {
        let selector = worded(budget.pointer("/spec/selector"));
        let message = format!(
            "Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set \".spec.minAvailable\" field of the PDB to an integer value."
        );
        context.events.warning(budget, "UnmanagedPods", &message);
    }
    Ok(scales.values().sum())
}

/// Who decides on a controller's replicas, a Deployment for its ReplicaSets, and how many: what its Scale says.
/// None when it is gone. Source: `getPodDeployment` and `getScaleController`.
fn replicas(
    context: &Context,
    namespace: &str,
    reference: &Value,
) -> std::result::Result<Option<(String, i64)>, String> {
    let (version, kind) = (meta::text(reference, "/apiVersion"), meta::text(reference, "/kind"));
    let resource = context.client.resource_of_kind(version, kind);
    let resource = resource.ok_or_else(|| format!("no matches for kind {kind:?} in version {version:?}"))?;
    if resource.subresource("scale").is_none() {
        return Err(format!("{} does not implement the scale subresource", resource.group_resource()));
    }
    let find = |resource, reference: &Value| {
        let found = context.client.find(resource, namespace, meta::text(reference, "/name"));
        found.filter(|found| meta::uid(found) == meta::text(reference, "/uid"))
    };
    let Some(owner) = find(resource, reference) else { return Ok(None) };
    let above = meta::controller_of(&owner).filter(|above| meta::text(above, "/kind") == DEPLOYMENT.kind);
    let (resource, decides) = match above.and_then(|above| find(&DEPLOYMENT, above)) {
        Some(deployment) if resource.kind == REPLICASET.kind => (&DEPLOYMENT, deployment),
        _ => (resource, owner.clone()),
    };
    let wanted = meta::number(&decides, registry::scale::paths(resource).0).unwrap_or_default();
    Ok(Some((meta::uid(&decides).to_owned(), wanted)))
}

/// The Pods whose eviction was allowed and that are still there, and when to look again.
fn disrupted(
    context: &Context,
    budget: &Value,
    pods: &[Object],
    now: Timestamp,
) -> (Map<String, Value>, Option<Duration>) {
    let told = meta::map(budget, "/status/disruptedPods");
    let names: HashMap<&str, &Value> = told.into_iter().flatten().map(|(name, time)| (name.as_str(), time)).collect();
    let (mut left, mut recheck) = (Map::new(), None::<Duration>);
    for pod in pods.iter().filter(|pod| !meta::is_terminating(pod)) {
        let Some(time) = names.get(meta::name(pod)).and_then(|time| time.as_str()?.parse::<Timestamp>().ok()) else {
            continue;
        };
        let remaining = DELETION - now.duration_since(time);
        match Duration::try_from(remaining) {
            Ok(remaining) if !remaining.is_zero() => {
                left.insert(meta::name(pod).to_owned(), json!(timestamp(time)));
                recheck = Some(recheck.map_or(remaining, |known| known.min(remaining)));
            }
            _ => {
                let namespace = meta::namespace(budget);
                // Upstream says the namespace twice.
                let message = format!("Pod was expected by PDB {namespace}/{namespace} to be deleted but it wasn't");
                context.events.warning(pod, "NotDeleted", &message);
            }
        }
    }
    (left, recheck)
}
