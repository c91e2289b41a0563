//! Making and deleting the Pods of a workload, and telling about it.
//! How many there should be is each controller's. Source: `RealPodControl` in `pkg/controller/controller_utils.go`.

use serde_json::{Value, json};

use crate::object::meta;
use crate::sim::apiserver::endpoints::DeleteOptions;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::Context;

/// A Pod from the template at `/spec/template` of its owner, without a name yet.
pub fn from_template(owner: &Value) -> Value {
    let mut metadata = json!({
        "generateName": format!("{}-", meta::name(owner)),
        "namespace": meta::namespace(owner),
        "ownerReferences": [meta::controller_reference(owner)],
    });
    for key in ["labels", "annotations", "finalizers"] {
        let found = owner.pointer("/spec/template/metadata").and_then(|template| template.get(key));
        if let Some(found) = found.filter(|found| !found.is_null()) {
            metadata[key] = found.clone();
        }
    }
    let spec = owner.pointer("/spec/template/spec").cloned().unwrap_or_else(|| json!({}));
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec })
}

/// Whether creation failed because the namespace is going: nothing to tell, nothing to try again.
pub fn is_namespace_ending(status: &Status) -> bool {
    let causes = status.details.as_ref().map_or(&[][..], |details| meta::list(details, "/causes"));
    causes.iter().any(|cause| meta::text(cause, "/reason") == "NamespaceTerminating")
}

/// Creates a Pod and tells its owner's events.
pub fn create(context: &Context, owner: &Value, pod: Value) -> Result<Object> {
    let created = context.client.create(&POD, pod);
    match &created {
        Ok(pod) => {
            context.events.normal(owner, "SuccessfulCreate", &format!("Created pod: {}", meta::name(pod)));
        }
        Err(status) if is_namespace_ending(status) => {}
        Err(status) => context.events.warning(owner, "FailedCreate", &format!("Error creating: {status}")),
    }
    created
}

/// Deletes a Pod and tells its owner's events; one that is gone is no error.
pub fn delete(context: &Context, owner: &Value, pod: &Value) -> Result<()> {
    let options = DeleteOptions::of_uid(meta::uid(pod));
    match context.client.delete(&POD, meta::namespace(pod), meta::name(pod), &options) {
        Ok(_) => {
            context.events.normal(owner, "SuccessfulDelete", &format!("Deleted pod: {}", meta::name(pod)));
            Ok(())
        }
        Err(status) if status.is_not_found() || status.is_conflict() => Ok(()),
        Err(status) => {
            context.events.warning(owner, "FailedDelete", &format!("Error deleting: {status}"));
            Err(status)
        }
    }
}

/// Calls `create` up to `wanted` times in growing batches, so that what cannot work is not tried too often.
/// Gives the first error of the batch that failed.
pub fn slow_start(wanted: usize, mut create: impl FnMut(usize) -> Result<()>) -> Result<()> {
    let (mut done, mut batch) = (0, 1);
    while done < wanted {
        let size = batch.min(wanted - done);
        let failures: Vec<Status> = (done..done + size).filter_map(|index| create(index).err()).collect();
        if let Some(first) = failures.into_iter().next() {
            return Err(first);
        }
        done += size;
        batch *= 2;
    }
    Ok(())
}
