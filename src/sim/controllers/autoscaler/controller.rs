//! horizontal-pod-autoscaler: every 15 seconds, scales what an autoscaler is for to what its load needs.
//! Source: `pkg/controller/podautoscaler/horizontal.go`, reconcileAutoscaler.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::limits::{self, Bounds, Past};
use super::load::Judge;
use super::metrics::{self, Sight};
use crate::object::meta;
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::endpoints::timestamp;
use crate::sim::apiserver::registry::kinds::horizontalpodautoscaler::HORIZONTALPODAUTOSCALER;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::registry::kinds::podmetrics::PODMETRICS;
use crate::sim::apiserver::registry::{RESOURCES, Resource};
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::conditions::{self, Condition};
use crate::sim::controllers::{Controller, claim};
use crate::sim::reconciler::{Context, Key, Next, Watched, own};

/// The controller; its keys are autoscalers.
pub static HORIZONTAL_POD_AUTOSCALER: Controller = Controller {
    name: "horizontal-pod-autoscaler",
    watches: &[Watched { resource: &HORIZONTALPODAUTOSCALER, keys: own }],
    reconcile,
};

const PERIOD: SignedDuration = SignedDuration::from_secs(15);

/// What it remembers of one autoscaler.
#[derive(Clone, Default)]
struct Memory {
    /// When it last looked, and at which generation of the spec.
    looked: Option<(Timestamp, Value)>,
    past: Past,
    /// Which Pods it last scaled.
    selector: Option<LabelSelector>,
}

type Memories = HashMap<Key, Memory>;

fn reconcile(context: &Context, key: &Key) -> Result<Next> {
    let Some(found) = context.client.find(&HORIZONTALPODAUTOSCALER, &key.0, &key.1) else {
        context.remember(|memories: &mut Memories| drop(memories.remove(key)));
        return Ok(Next::Done);
    };
    let now = context.client.clock().now();
    let mut memory = context.remember(|memories: &mut Memories| memories.get(key).cloned().unwrap_or_default());
    if let Some((then, spec)) = &memory.looked
        && *spec == found["spec"]
        && let Ok(rest) = Duration::try_from(PERIOD - now.duration_since(*then))
        && !rest.is_zero()
    {
        // Its own status, just written.
        return Ok(Next::After(rest));
    }
    memory.looked = Some((now, found["spec"].clone()));
    let mut look = Look { context, autoscaler: &found, status: found["status"].clone(), now };
    if !look.status.is_object() {
        look.status = json!({});
    }
    let looked = look.scale(&mut memory);
    context.remember(|memories: &mut Memories| drop(memories.insert(key.clone(), memory)));
    looked?;
    conditions::write(context, &HORIZONTALPODAUTOSCALER, &found, &look.status)?;
    Ok(Next::After(Duration::try_from(PERIOD).unwrap_or_default()))
}

struct Look<'a> {
    context: &'a Context,
    autoscaler: &'a Value,
    status: Value,
    now: Timestamp,
}

impl Look<'_> {
    fn say(&mut self, kind: &str, status: bool, (reason, message): (&str, &str)) {
        let status = if status { "True" } else { "False" };
        let mut condition = Condition { kind, status, reason, message }.at(self.now);
        // Each stays where it stood (`setConditionInList`).
        meta::edit_list(&mut self.status, "conditions", |conditions| {
            let Some(found) = conditions.iter_mut().find(|found| found["type"] == kind) else {
                return conditions.push(condition);
            };
            if found["status"] == status {
                condition["lastTransitionTime"] = found["lastTransitionTime"].take();
            }
            *found = condition;
        });
    }

    /// What is to be scaled, or why it cannot be found.
    fn target(&self) -> std::result::Result<(&'static Resource, Object), String> {
        let reference = &self.autoscaler["spec"]["scaleTargetRef"];
        let text = |key: &str| meta::text(reference, key);
        let (version, kind, name) = (text("/apiVersion"), text("/kind"), text("/name"));
        let group = version.rsplit_once('/').map_or("", |(group, _)| group);
        // Any version will do, whichever is named (`scaleForResourceMappings`).
        let resource = RESOURCES.iter().copied().find(|row| row.kind == kind && row.group == group);
        let resource = resource.ok_or_else(|| format!("no matches for kind {kind:?} in group {group:?}"))?;
        let dotted = if group.is_empty() { String::new() } else { format!(".{group}") };
        let plural = resource.plural;
        if !resource.subresources.iter().any(|part| part.name == "scale") {
            return Err("the server could not find the requested resource".to_owned());
        }
        match self.context.client.find(resource, meta::namespace(self.autoscaler), name) {
            Some(found) => Ok((resource, found)),
            None => Err(format!("{plural}{dotted} {name:?} not found")),
        }
    }

    fn scale(&mut self, memory: &mut Memory) -> Result<()> {
        let (resource, target) = match self.target() {
            Ok(found) => found,
            Err(why) => {
                self.context.events.warning(self.autoscaler, "FailedGetScale", &why);
                let message = format!("the HPA controller was unable to get the target's current scale: {why}");
                self.say("AbleToScale", false, ("FailedGetScale", &message));
                return Ok(());
            }
        };
        let got = "the HPA controller was able to get the target's current scale";
        self.say("AbleToScale", true, ("SucceededGetScale", got));
        let spec = &self.autoscaler["spec"];
        let bounds = Bounds {
            least: meta::number(spec, "/minReplicas").unwrap_or(1),
            most: meta::number(spec, "/maxReplicas").unwrap_or(1),
            current: meta::number(&target, "/spec/replicas").unwrap_or(1),
        };
        if memory.past.thoughts.is_empty() {
            memory.past.thoughts.push((self.now, bounds.current));
        }
        self.status["currentReplicas"] = json!(meta::number(&target, "/status/replicas").unwrap_or_default());
        let Some((wanted, reason)) = self.wanted(memory, &target, bounds) else { return Ok(()) };
        self.status["desiredReplicas"] = json!(wanted);
        if wanted == bounds.current {
            return Ok(());
        }
        let namespace = meta::namespace(self.autoscaler);
        self.context.client.modify(resource, namespace, meta::name(&target), |target| {
            target["spec"]["replicas"] = json!(wanted);
        })?;
        let done = format!("the HPA controller was able to update the target scale to {wanted}");
        self.say("AbleToScale", true, ("SucceededRescale", &done));
        let message = format!("New size: {wanted}; reason: {reason}");
        self.context.events.normal(self.autoscaler, "SuccessfulRescale", &message);
        self.status["lastScaleTime"] = json!(timestamp(self.now));
        let changes = &mut memory.past.changes;
        changes.retain(|(then, _)| self.now.duration_since(*then) < SignedDuration::from_mins(30));
        changes.push((self.now, wanted - bounds.current));
        Ok(())
    }

    /// How many Pods there should be and why; nothing when it cannot be said.
    fn wanted(&mut self, memory: &mut Memory, target: &Value, bounds: Bounds) -> Option<(i64, String)> {
        self.status["currentMetrics"] = Value::Null;
        if bounds.current == 0 && bounds.least != 0 {
            let message = "scaling is disabled since the replica count of the target is zero";
            self.say("ScalingActive", false, ("ScalingDisabled", message));
            return Some((0, String::new()));
        }
        if bounds.current > bounds.most {
            return Some((bounds.most, "Current number of replicas above Spec.MaxReplicas".to_owned()));
        }
        if bounds.current < bounds.least {
            return Some((bounds.least, "Current number of replicas below Spec.MinReplicas".to_owned()));
        }
        let (needed, metric) = self.needed(memory, target, bounds.current)?;
        let behavior = self.autoscaler["spec"].get("behavior");
        let verdict = limits::judge(behavior, &mut memory.past, bounds, needed, self.now);
        self.say("AbleToScale", true, verdict.able);
        let (limited, reason, message) = verdict.limited;
        self.say("ScalingLimited", limited, (reason, message));
        let why = if needed > bounds.current {
            format!("{metric} above target")
        } else {
            "All metrics below target".to_owned()
        };
        Some((verdict.replicas, why))
    }

    /// How many Pods the metrics ask for and which of them does; nothing when it cannot be said.
    fn needed(&mut self, memory: &mut Memory, target: &Value, current: i64) -> Option<(i64, String)> {
        let (client, namespace, selector) = (&self.context.client, meta::namespace(target), claim::selector(target));
        let pods = client.select(&POD, namespace, &selector);
        let shared = self.shared(&selector, &pods);
        memory.selector = Some(selector.clone());
        if let Some(why) = shared {
            self.context.events.warning(self.autoscaler, "AmbiguousSelector", &why);
            self.say("ScalingActive", false, ("AmbiguousSelector", &why));
            self.context.events.warning(self.autoscaler, "FailedComputeMetricsReplicas", &why);
            return None;
        }
        let metrics = client.try_select(&PODMETRICS, namespace, &selector).map_err(|status| status.message);
        let sight = Sight { namespace, pods, metrics, judge: Judge::of(self.autoscaler, self.now) };
        let answer = metrics::ask(meta::list(self.autoscaler, "/spec/metrics"), &sight, current);
        for (reason, message) in &answer.failed {
            self.context.events.warning(self.autoscaler, reason, message);
        }
        self.status["currentMetrics"] = Value::Array(answer.current);
        match answer.result {
            Ok((needed, metric)) => {
                let found = format!("the HPA was able to successfully calculate a replica count from {metric}");
                self.say("ScalingActive", true, ("ValidMetricFound", &found));
                Some((needed, metric))
            }
            Err(why) => {
                self.say("ScalingActive", false, (why.reason, &why.message));
                self.context.events.warning(self.autoscaler, "FailedComputeMetricsReplicas", &why.all);
                None
            }
        }
    }

    /// What is wrong where another autoscaler scales these Pods too (`validateAndParseSelector`).
    fn shared(&self, selector: &LabelSelector, pods: &[Object]) -> Option<String> {
        let (namespace, own) = (meta::namespace(self.autoscaler), meta::name(self.autoscaler));
        let mut names = self.context.remember(|memories: &mut Memories| {
            let selects = |memory: &Memory| {
                memory.selector.as_ref().is_some_and(|selector| pods.iter().any(|pod| selector.selects(pod)))
            };
            let others = memories.iter().filter(|(key, memory)| key.0 == namespace && key.1 != own && selects(memory));
            others.map(|(key, _)| key.1.clone()).collect::<Vec<_>>()
        });
        if names.is_empty() {
            return None;
        }
        names.push(own.to_owned());
        names.sort();
        let keys: Vec<String> = names.iter().map(|name| format!("{{{name} {namespace}}}")).collect();
        Some(format!("pods by selector {selector} are controlled by multiple HPAs: [{}]", keys.join(" ")))
    }
}
