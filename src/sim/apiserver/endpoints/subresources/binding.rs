//! `pods/binding`: a scheduler, or a learner by hand, says which node a Pod goes to.
//! Source: `pkg/registry/core/pod/storage/storage.go`, BindingREST; `plugin/pkg/admission/podtopologylabels`.

use serde_json::{Value, json};

use crate::object::meta;
use crate::sim::apiserver::admission::pod_topology_labels;
use crate::sim::apiserver::endpoints::{ApiServer, Request, timestamp};
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::{Result, Status};

/// The same by a Binding posted to `bindings`, which names the Pod itself: the plugin does not look at those.
pub fn bind_named(server: &ApiServer, request: &Request, binding: &Value) -> Result<Value> {
    let mut pod = Request::new(request.user.clone(), &POD, &request.namespace, meta::name(binding));
    pod.dry_run = request.dry_run;
    assign(server, &pod, binding)
}

/// Assigns the Pod of the request to `target.name` of the Binding, which gets the labels of where the node stands.
pub fn bind(server: &ApiServer, request: &Request, binding: &Value) -> Result<Value> {
    let mut labelled = binding.clone();
    if meta::text(binding, "/target/kind") == "Node" {
        pod_topology_labels::copy(&server.storage, meta::text(binding, "/target/name"), &mut labelled);
    }
    assign(server, request, &labelled)
}

fn assign(server: &ApiServer, request: &Request, binding: &Value) -> Result<Value> {
    check(binding)?;
    let _turn = server.turn();
    let resource = request.resource;
    let group_resource = resource.group_resource();
    let pod =
        server.storage.get(&group_resource, &request.namespace, &request.name).ok_or_else(|| request.not_found())?;
    if let Some(why) = unbindable(&pod) {
        return Err(Status::conflict(resource.group, "pods/binding", &request.name, &why));
    }
    let bound = bound(server, &pod, binding);
    if !request.dry_run {
        let key = (request.namespace.clone(), request.name.clone());
        let written = server.storage.replace(&group_resource, key, meta::revision(&pod), bound);
        written.map_err(|_| Status::modified(resource.group, resource.plural, &request.name))?;
    }
    Ok(json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201 }))
}

/// Upstream answers these with 500 and the bare list.
fn check(binding: &Value) -> Result<()> {
    let mut errors = ErrorList::default();
    let kind = meta::text(binding, "/target/kind");
    if !matches!(kind, "" | "Node") {
        errors.not_supported("target.kind", kind, &["Node", "<empty>"]);
    }
    if meta::text(binding, "/target/name").is_empty() {
        errors.required("target.name", "");
    }
    if errors.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = errors.0.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
    let told = if let [one] = told.as_slice() { one.clone() } else { format!("[{}]", told.join(", ")) };
    Err(Status::unclassified(500, told))
}

fn unbindable(pod: &Value) -> Option<String> {
    let (name, assigned) = (meta::name(pod), meta::text(pod, "/spec/nodeName"));
    if meta::is_terminating(pod) {
        return Some(format!("pod {name} is being deleted, cannot be assigned to a host"));
    }
    if !assigned.is_empty() {
        return Some(format!("pod {name} is already assigned to node {assigned:?}"));
    }
    let gated = !meta::list(pod, "/spec/schedulingGates").is_empty();
    gated.then(|| format!("pod {name} has non-empty .spec.schedulingGates"))
}

fn bound(server: &ApiServer, pod: &Value, binding: &Value) -> Value {
    let name = meta::text(binding, "/target/name");
    let mut bound = pod.clone();
    bound["spec"]["nodeName"] = json!(name);
    for (key, value) in meta::map(binding, "/metadata/annotations").into_iter().flatten() {
        meta::set_annotation(&mut bound, key, value.as_str().unwrap_or_default());
    }
    for (key, value) in meta::map(binding, "/metadata/labels").into_iter().flatten() {
        meta::set_label(&mut bound, key, value.as_str().unwrap_or_default());
    }
    let scheduled = json!({
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": null,
        "lastTransitionTime": timestamp(server.clock.now()),
    });
    let status = meta::child(&mut bound, "status");
    meta::remove(status, "nominatedNodeName");
    meta::edit_list(status, "conditions", |conditions| {
        match conditions.iter_mut().find(|condition| condition["type"] == "PodScheduled") {
            Some(condition) => *condition = scheduled,
            None => conditions.push(scheduled),
        }
    });
    bound
}
