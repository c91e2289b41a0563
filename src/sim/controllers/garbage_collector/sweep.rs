//! One look for garbage: lets go what is orphaned, deletes what has no owner left, lets owners go that waited long enough.
//! Source: `attemptToDeleteItem` and `orphanDependents` in `pkg/controller/garbagecollector/garbagecollector.go`.

use serde_json::{Value, json};

use super::graph::{FOREGROUND, Graph, Node, ORPHAN, has};
use crate::object::meta;
use crate::sim::apiserver::endpoints::{DeleteOptions, Propagation};
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::status::Result;
use crate::sim::controllers::claim::disown;
use crate::sim::reconciler::Context;

/// The owners of an object, by what they mean for it.
#[derive(Default)]
struct Owners<'a> {
    /// There, and to stay.
    solid: Vec<&'a str>,
    /// Not there.
    dangling: Vec<&'a str>,
    /// Waiting for the object to go.
    waiting: Vec<&'a str>,
}

/// Takes all garbage away there is now; what it owned is for the next time. Gives the first failure, after trying everything.
/// `gone` are resources that were served until now.
pub fn sweep(context: &Context, gone: &[&'static Resource]) -> Result<()> {
    let graph = Graph::of(context, gone);
    let mut result = Ok(());
    for node in &graph.nodes {
        let done = visit(context, &graph, node);
        if done.as_ref().is_err_and(|status| !status.is_not_found() && !status.is_conflict()) && result.is_ok() {
            result = done;
        }
    }
    result
}

fn visit(context: &Context, graph: &Graph, node: &Node) -> Result<()> {
    let object = &*node.object;
    if meta::is_terminating(object) {
        if has(object, ORPHAN) {
            orphan(context, graph, node)?;
        }
        if has(object, FOREGROUND) && !is_blocked(graph, node) {
            return release(context, node, FOREGROUND);
        }
        return Ok(());
    }
    if meta::list(object, "/metadata/ownerReferences").is_empty() {
        return Ok(());
    }
    let Some(owners) = owners(graph, node) else { return Ok(()) };
    tell_elsewhere(context, graph, object);
    let gone: Vec<&str> = owners.dangling.iter().chain(&owners.waiting).copied().collect();
    if !owners.solid.is_empty() {
        return if gone.is_empty() { Ok(()) } else { drop_owners(context, node, &gone) };
    }
    if gone.is_empty() {
        return Ok(());
    }
    if !owners.waiting.is_empty() && graph.dependents(object).next().is_some() {
        if graph.dependents(object).any(|dependent| has(&dependent.object, FOREGROUND)) {
            // Two that wait for each other would wait for ever.
            unblock(context, node)?;
        }
        return delete(context, node, Propagation::Foreground);
    }
    let propagation = match () {
        () if has(object, ORPHAN) => Propagation::Orphan,
        () if has(object, FOREGROUND) => Propagation::Foreground,
        () => Propagation::Background,
    };
    delete(context, node, propagation)
}

/// `None` when it cannot be told: an owner is of a kind unknown here, or in a namespace the object is not in.
fn owners<'a>(graph: &Graph, node: &'a Node) -> Option<Owners<'a>> {
    let mut owners = Owners::default();
    for reference in meta::list(&node.object, "/metadata/ownerReferences") {
        let uid = meta::text(reference, "/uid");
        if graph.resource_of(reference)?.namespaced && !node.resource.namespaced {
            return None;
        }
        match graph.owner(&node.object, reference) {
            None => owners.dangling.push(uid),
            Some(owner) if meta::is_terminating(owner) && has(owner, FOREGROUND) => owners.waiting.push(uid),
            Some(_) => owners.solid.push(uid),
        }
    }
    Some(owners)
}

/// Tells of the first owner that is in another namespace (`graph_builder.go`, reportInvalidNamespaceOwnerRef).
fn tell_elsewhere(context: &Context, graph: &Graph, object: &Value) {
    let mut references = meta::list(object, "/metadata/ownerReferences").iter();
    let Some(reference) = references.find(|reference| graph.is_elsewhere(object, reference)) else { return };
    let text = |key: &str| meta::text(reference, key);
    let (version, kind, name, uid) = (text("/apiVersion"), text("/kind"), text("/name"), text("/uid"));
    let namespace = meta::namespace(object);
    let message = format!(
        "ownerRef [{version}/{kind}, namespace: {namespace}, name: {name}, uid: {uid}] does not exist in namespace {namespace:?}"
    );
    let source = context.clone().as_source("garbage-collector-controller");
    source.events.warning(object, "OwnerRefInvalidNamespace", &message);
}

fn is_blocked(graph: &Graph, node: &Node) -> bool {
    graph.dependents(&node.object).any(|dependent| {
        let mut references = meta::list(&dependent.object, "/metadata/ownerReferences").iter();
        references.any(|reference| {
            meta::text(reference, "/uid") == meta::uid(&node.object) && meta::truth(reference, "/blockOwnerDeletion")
        })
    })
}

fn orphan(context: &Context, graph: &Graph, node: &Node) -> Result<()> {
    for dependent in graph.dependents(&node.object) {
        match drop_owners(context, dependent, &[meta::uid(&node.object)]) {
            Err(status) if !status.is_not_found() => return Err(status),
            _ => {}
        }
    }
    release(context, node, ORPHAN)
}

/// Changes an object, if it still is the same.
fn change(context: &Context, node: &Node, change: impl Fn(&mut Value)) -> Result<()> {
    let (namespace, name) = (meta::namespace(&node.object), meta::name(&node.object));
    let changed = context.client.modify(node.resource, namespace, name, |fresh| {
        if meta::uid(fresh) == meta::uid(&node.object) {
            change(fresh);
        }
    });
    changed.map(drop)
}

fn release(context: &Context, node: &Node, finalizer: &str) -> Result<()> {
    change(context, node, |fresh| {
        meta::edit_list(&mut fresh["metadata"], "finalizers", |finalizers| {
            finalizers.retain(|found| found != finalizer)
        });
    })
}

fn drop_owners(context: &Context, node: &Node, uids: &[&str]) -> Result<()> {
    change(context, node, |fresh| uids.iter().for_each(|uid| disown(fresh, uid)))
}

fn unblock(context: &Context, node: &Node) -> Result<()> {
    change(context, node, |fresh| {
        let owners = fresh["metadata"].get_mut("ownerReferences").and_then(Value::as_array_mut);
        for owner in owners.into_iter().flatten().filter(|owner| meta::truth(owner, "/blockOwnerDeletion")) {
            owner["blockOwnerDeletion"] = json!(false);
        }
    })
}

fn delete(context: &Context, node: &Node, propagation: Propagation) -> Result<()> {
    let options = DeleteOptions { propagation: Some(propagation), ..DeleteOptions::of_uid(meta::uid(&node.object)) };
    let (namespace, name) = (meta::namespace(&node.object), meta::name(&node.object));
    context.client.delete(node.resource, namespace, name, &options).map(drop)
}
