//! `pods/binding`: a scheduler, or a learner by hand, says which node a Pod goes to.
//! Source: `pkg/registry/core/pod/storage/storage.go`, setPodHostAndAnnotations.

use serde_json::{Value, json};

use crate::object::meta;
use crate::sim::apiserver::endpoints::{ApiServer, Request, timestamp};
use crate::sim::apiserver::status::{Result, Status};

/// Assigns the Pod of the request to `target.name` of the Binding.
pub fn bind(server: &ApiServer, request: &Request, binding: &Value) -> Result<Value> {
    let _turn = server.turn();
    let resource = request.resource;
    let group_resource = resource.group_resource();
    let pod =
        server.storage.get(&group_resource, &request.namespace, &request.name).ok_or_else(|| request.not_found())?;
    let refuse = |why: String| Status::conflict(resource.group, "pods/binding", &request.name, &why);
    if meta::is_terminating(&pod) {
        return Err(refuse(format!("pod {} is being deleted, cannot be assigned to a host", request.name)));
    }
    let assigned = meta::text(&pod, "/spec/nodeName");
    if !assigned.is_empty() {
        return Err(refuse(format!("pod {} is already assigned to node {assigned:?}", request.name)));
    }
    let node = meta::text(binding, "/target/name");
    if node.is_empty() {
        return Err(Status::bad_request("target.name is required"));
    }
    let mut bound = (*pod).clone();
    bound["spec"]["nodeName"] = json!(node);
    let scheduled = json!({
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": null,
        "lastTransitionTime": timestamp(server.clock.now()),
    });
    let conditions = meta::child(&mut bound, "status");
    let mut kept: Vec<Value> = meta::list(conditions, "/conditions").to_vec();
    kept.retain(|condition| condition["type"] != "PodScheduled");
    kept.push(scheduled);
    conditions["conditions"] = Value::Array(kept);
    if !request.dry_run {
        let key = (request.namespace.clone(), request.name.clone());
        let written = server.storage.replace(&group_resource, key, meta::revision(&pod), bound);
        written.map_err(|_| Status::modified(resource.group, resource.plural, &request.name))?;
    }
    Ok(json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201 }))
}
