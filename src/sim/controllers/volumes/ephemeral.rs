//! ephemeral-volume-controller: makes the claim of each volume that lives as long as its Pod.
//! The garbage collector takes it away with the Pod. Source: `pkg/controller/volume/ephemeral/controller.go`.

use serde_json::{Value, json};

use crate::object::{claim, meta};
use crate::sim::apiserver::registry::kinds::persistentvolumeclaim::PERSISTENTVOLUMECLAIM;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;
use crate::sim::controllers::Controller;
use crate::sim::reconciler::{Context, Key, Next, Watched, controller_key, key};

/// The controller; its keys are Pods.
pub static EPHEMERAL_VOLUME_CONTROLLER: Controller = Controller {
    name: "ephemeral_volume",
    watches: &[
        Watched { resource: &POD, keys: |_, pod| own(pod) },
        Watched { resource: &PERSISTENTVOLUMECLAIM, keys: |_, claim| controller_key(claim, "Pod") },
    ],
    reconcile,
};

fn volumes(pod: &Value) -> impl Iterator<Item = &Value> {
    meta::list(pod, "/spec/volumes").iter().filter(|volume| volume.get("ephemeral").is_some())
}

fn own(pod: &Object) -> Vec<Key> {
    volumes(pod).next().map(|_| key(pod)).into_iter().collect()
}

fn reconcile(context: &Context, (namespace, name): &Key) -> Result<Next> {
    let Some(pod) = context.client.find(&POD, namespace, name).filter(|pod| !meta::is_terminating(pod)) else {
        return Ok(Next::Done);
    };
    for volume in volumes(&pod) {
        if let Err(why) = make(context, &pod, volume) {
            let why = format!("ephemeral volume {}: {why}", meta::text(volume, "/name"));
            context.events.warning(&pod, "FailedBinding", &why);
            return Err(Status::internal(why));
        }
    }
    Ok(Next::Done)
}

fn make(context: &Context, pod: &Value, volume: &Value) -> std::result::Result<(), String> {
    let (namespace, name) = (meta::namespace(pod), claim::ephemeral_name(pod, volume));
    if let Some(found) = context.client.find(&PERSISTENTVOLUMECLAIM, namespace, &name) {
        if claim::is_of_pod(pod, &found) {
            return Ok(());
        }
        let pod = meta::name(pod);
        return Err(format!("PVC {namespace}/{name} was not created for pod {namespace}/{pod} (pod is not owner)"));
    }
    let template = &volume["ephemeral"]["volumeClaimTemplate"];
    let mut metadata =
        json!({ "name": name, "namespace": namespace, "ownerReferences": [meta::controller_reference(pod)] });
    for key in ["labels", "annotations"] {
        if let Some(given) = template.pointer(&format!("/metadata/{key}")) {
            metadata[key] = given.clone();
        }
    }
    let claim =
        json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": template["spec"] });
    let made = context.client.create(&PERSISTENTVOLUMECLAIM, claim);
    made.map(drop).map_err(|status| format!("create PVC {name}: {}", status.message))
}
