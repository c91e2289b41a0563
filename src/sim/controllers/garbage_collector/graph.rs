//! Who owns whom, as it is in one moment.
//! What follows from it is in `sweep`. Source: `pkg/controller/garbagecollector/graph.go`.

use std::collections::HashMap;

use serde_json::Value;

use crate::object::meta;
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::Context;

/// The finalizer of an owner that waits for its dependents to go.
pub const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of an owner that lets its dependents stay.
pub const ORPHAN: &str = "orphan";

/// An object and what it is.
pub struct Node {
    pub resource: &'static Resource,
    pub object: Object,
}

/// All objects that may own or be owned.
pub struct Graph {
    pub nodes: Vec<Node>,
    served: Vec<&'static Resource>,
    by_uid: HashMap<String, usize>,
    dependents: HashMap<String, Vec<usize>>,
}

/// Events come and go by themselves, and what another version stores is seen there.
pub fn is_collected(resource: &Resource) -> bool {
    resource.stored_as.is_none() && resource.plural != "events" && resource.verbs.contains(&"delete")
}

/// The resource an owner reference names, when this cluster has it.
pub fn resource_of(context: &Context, reference: &Value) -> Option<&'static Resource> {
    context.client.resource_of_kind(meta::text(reference, "/apiVersion"), meta::text(reference, "/kind"))
}

/// Whether a reference means this resource, in whatever version.
fn means(reference: &Value, resource: &Resource) -> bool {
    let group = meta::text(reference, "/apiVersion").rsplit_once('/').map_or("", |(group, _)| group);
    group == resource.group && meta::text(reference, "/kind") == resource.kind
}

/// Whether an object is going and has asked for something to happen to its dependents first.
pub fn waits(object: &Value) -> bool {
    meta::is_terminating(object) && meta::finalizers(object).any(|name| name == FOREGROUND || name == ORPHAN)
}

/// Whether an object has this finalizer.
pub fn has(object: &Value, finalizer: &str) -> bool {
    meta::finalizers(object).any(|found| found == finalizer)
}

fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    meta::list(object, "/metadata/ownerReferences").iter().map(|reference| meta::text(reference, "/uid"))
}

impl Graph {
    /// The graph as it is. Of resources that are `gone` there are no objects, but it is known that they were.
    pub fn of(context: &Context, gone: &[&'static Resource]) -> Self {
        let served = context.client.resources().into_iter().chain(gone.iter().copied()).collect();
        let mut graph = Self { nodes: Vec::new(), served, by_uid: HashMap::new(), dependents: HashMap::new() };
        for resource in graph.served.clone().into_iter().filter(|resource| is_collected(resource)) {
            for object in context.client.list(resource, "") {
                let index = graph.nodes.len();
                graph.by_uid.insert(meta::uid(&object).to_owned(), index);
                for uid in owner_uids(&object) {
                    graph.dependents.entry(uid.to_owned()).or_default().push(index);
                }
                graph.nodes.push(Node { resource, object });
            }
        }
        graph
    }

    /// The resource an owner reference names, when this cluster has it.
    pub fn resource_of(&self, reference: &Value) -> Option<&'static Resource> {
        let (version, kind) = (meta::text(reference, "/apiVersion"), meta::text(reference, "/kind"));
        self.served.iter().find(|resource| resource.kind == kind && resource.api_version() == version).copied()
    }

    /// What an object owns.
    pub fn dependents(&self, object: &Value) -> impl Iterator<Item = &Node> {
        self.dependents.get(meta::uid(object)).into_iter().flatten().map(|index| &self.nodes[*index])
    }

    /// The owner an object's reference names: of that kind and name, in its namespace or in none.
    pub fn owner(&self, object: &Value, reference: &Value) -> Option<&Object> {
        let node = &self.nodes[*self.by_uid.get(meta::text(reference, "/uid"))?];
        let namespace = if node.resource.namespaced { meta::namespace(object) } else { "" };
        let is_it = means(reference, node.resource)
            && meta::name(&node.object) == meta::text(reference, "/name")
            && meta::namespace(&node.object) == namespace;
        is_it.then_some(&node.object)
    }

    /// Whether what a reference names is in another namespace than the object, and so cannot own it.
    pub fn is_elsewhere(&self, object: &Value, reference: &Value) -> bool {
        let Some(index) = self.by_uid.get(meta::text(reference, "/uid")) else { return false };
        let node = &self.nodes[*index];
        node.resource.namespaced && meta::namespace(&node.object) != meta::namespace(object)
    }
}
