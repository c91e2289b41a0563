//! namespace: empties a namespace that is to go, Pods first, tells in its conditions what is in the way, and lets it go.
//! That nothing new comes is admission's. Source: `pkg/controller/namespace/deletion`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::Controller;
use crate::object::meta;
use crate::sim::apiserver::endpoints::{DeleteOptions, Propagation, timestamp};
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::registry::kinds::namespace::NAMESPACE;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Key, Next, Watched, own};

/// The controller; its keys are namespaces.
pub static NAMESPACE_CONTROLLER: Controller = Controller {
    name: "namespace-controller",
    watches: &[
        Watched { resource: &NAMESPACE, keys: own },
        // The real controller looks again after half the longest grace period; this one when a Pod has gone.
        Watched { resource: &POD, keys: leaving },
    ],
    reconcile,
};

const FINALIZER: &str = "kubernetes";
/// How often it looks again for what finalizers hold.
const AGAIN: Duration = Duration::from_secs(2);

fn leaving(_: &Context, pod: &Object) -> Vec<Key> {
    if meta::is_terminating(pod) { vec![(String::new(), meta::namespace(pod).to_owned())] } else { Vec::new() }
}

/// What is still there after everything was deleted.
#[derive(Default)]
struct Remaining {
    objects: BTreeMap<String, usize>,
    finalizers: BTreeMap<String, usize>,
    failures: Vec<String>,
}

impl Remaining {
    fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.failures.is_empty()
    }
}

fn reconcile(context: &Context, (_, name): &Key) -> Result<Next> {
    let Some(namespace) = context.client.find(&NAMESPACE, "", name) else { return Ok(Next::Done) };
    let finalizers = meta::list(&namespace, "/spec/finalizers");
    if !meta::is_terminating(&namespace) || !finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
        return Ok(Next::Done);
    }
    let mut remaining = Remaining::default();
    empty(context, &POD, name, &mut remaining);
    if !remaining.is_empty() {
        // While Pods stop, nothing else is touched, and the conditions do not tell of it.
        tell(context, name, &Remaining { failures: remaining.failures, ..Remaining::default() })?;
        return Ok(Next::After(AGAIN));
    }
    let resources = context.client.resources();
    let others = resources.into_iter().filter(|resource| resource.namespaced && !std::ptr::eq(*resource, &POD));
    for resource in others.filter(|resource| resource.stored_as.is_none() && resource.verbs.contains(&"delete")) {
        empty(context, resource, name, &mut remaining);
    }
    tell(context, name, &remaining)?;
    if !remaining.is_empty() {
        return Ok(Next::After(AGAIN));
    }
    finalize(context, name)
}

/// Deletes every object of a resource in the namespace, and counts those that stay.
fn empty(context: &Context, resource: &'static Resource, namespace: &str, remaining: &mut Remaining) {
    let options = DeleteOptions { propagation: Some(Propagation::Background), ..DeleteOptions::default() };
    for object in context.client.list(resource, namespace) {
        match context.client.delete(resource, namespace, meta::name(&object), &options) {
            Err(status) if !status.is_not_found() => remaining.failures.push(status.message),
            _ => {}
        }
    }
    let left = context.client.list(resource, namespace);
    if !left.is_empty() {
        // The group follows a dot even where it is empty, as the real message has it.
        let name = format!("{}.{}", resource.plural, resource.group);
        remaining.objects.insert(name, left.len());
    }
    for finalizer in left.iter().flat_map(|object| meta::finalizers(object)) {
        *remaining.finalizers.entry(finalizer.to_owned()).or_default() += 1;
    }
}

fn tell(context: &Context, name: &str, remaining: &Remaining) -> Result<()> {
    let now = timestamp(context.client.clock().now());
    let conditions = conditions(remaining);
    let told = context.client.modify_status(&NAMESPACE, "", name, |namespace| {
        let status = meta::child(namespace, "status");
        let mut kept: Vec<Value> = meta::list(status, "/conditions").to_vec();
        for condition in &conditions {
            let mut condition = condition.clone();
            condition["lastTransitionTime"] = json!(now);
            match kept.iter_mut().find(|found| found["type"] == condition["type"]) {
                Some(found) => {
                    if found["status"] == condition["status"] {
                        condition["lastTransitionTime"] = found["lastTransitionTime"].clone();
                    }
                    *found = condition;
                }
                None => kept.push(condition),
            }
        }
        status["conditions"] = Value::Array(kept);
    });
    told.map(drop).or_else(gone)
}

fn conditions(remaining: &Remaining) -> Vec<Value> {
    let condition = |kind: &str, bad: Option<(&str, String)>, (reason, message): (&str, &str)| match bad {
        Some((reason, message)) => json!({ "type": kind, "status": "True", "reason": reason, "message": message }),
        None => json!({ "type": kind, "status": "False", "reason": reason, "message": message }),
    };
    let listed = |counts: &BTreeMap<String, usize>, word: &str| {
        let each: Vec<String> =
            counts.iter().map(|(name, count)| format!("{name} {word} {count} resource instances")).collect();
        each.join(", ")
    };
    let Remaining { objects, finalizers, failures } = remaining;
    let mut said = failures.clone();
    said.sort();
    let failed = (!said.is_empty()).then(|| {
        let message = format!("Failed to delete all resource types, {} remaining: {}", said.len(), said.join(", "));
        ("ContentDeletionFailed", message)
    });
    let content = (!objects.is_empty())
        .then(|| ("SomeResourcesRemain", format!("Some resources are remaining: {}", listed(objects, "has"))));
    let held = (!finalizers.is_empty()).then(|| {
        let message = format!("Some content in the namespace has finalizers remaining: {}", listed(finalizers, "in"));
        ("SomeFinalizersRemain", message)
    });
    vec![
        condition(
            "NamespaceDeletionDiscoveryFailure",
            None,
            ("ResourcesDiscovered", "All resources successfully discovered"),
        ),
        condition(
            "NamespaceDeletionGroupVersionParsingFailure",
            None,
            ("ParsedGroupVersions", "All legacy kube types successfully parsed"),
        ),
        condition(
            "NamespaceDeletionContentFailure",
            failed,
            ("ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
        ),
        condition("NamespaceContentRemaining", content, ("ContentRemoved", "All content successfully removed")),
        condition(
            "NamespaceFinalizersRemaining",
            held,
            ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
        ),
    ]
}

fn finalize(context: &Context, name: &str) -> Result<Next> {
    let client = &context.client;
    let Some(namespace) = client.find(&NAMESPACE, "", name) else { return Ok(Next::Done) };
    let mut released = (*namespace).clone();
    if let Some(finalizers) = released["spec"].get_mut("finalizers").and_then(Value::as_array_mut) {
        finalizers.retain(|finalizer| finalizer != FINALIZER);
    }
    client.update_part(&NAMESPACE, released, "finalize").map(drop).or_else(gone)?;
    Ok(Next::Done)
}

fn gone(status: Status) -> Result<()> {
    if status.is_not_found() { Ok(()) } else { Err(status) }
}
