//! rancher.io/local-path: makes volumes that are directories of a node, for the claims of its classes.
//! Asking it is the binder's. Source: `provisioner.go` of rancher/local-path-provisioner, and `controller.go` of
//! kubernetes-sigs/sig-storage-lib-external-provisioner for the events.

use serde_json::{Value, json};

use super::{BIND_COMPLETED, PROVISIONED_BY, SELECTED_NODE, STORAGE_PROVISIONER};
use crate::object::claim::class_name;
use crate::object::meta;
use crate::sim::apiserver::registry::kinds::persistentvolume::PERSISTENTVOLUME;
use crate::sim::apiserver::registry::kinds::persistentvolumeclaim::PERSISTENTVOLUMECLAIM;
use crate::sim::apiserver::registry::kinds::storageclass::STORAGECLASS;
use crate::sim::apiserver::status::Result;
use crate::sim::controllers::Controller;
use crate::sim::reconciler::{Context, Key, Next, Watched, own};

/// The provisioner that classes name.
pub const PROVISIONER: &str = "rancher.io/local-path";

/// The controller; its keys are claims.
pub static LOCAL_PATH_PROVISIONER: Controller =
    Controller { name: PROVISIONER, watches: &[Watched { resource: &PERSISTENTVOLUMECLAIM, keys: own }], reconcile };

fn reconcile(context: &Context, (namespace, name): &Key) -> Result<Next> {
    let Some(claim) = context.client.find(&PERSISTENTVOLUMECLAIM, namespace, name) else { return Ok(Next::Done) };
    let mine = meta::annotation(&claim, STORAGE_PROVISIONER) == Some(PROVISIONER);
    let settled =
        meta::annotation(&claim, BIND_COMPLETED).is_some() || !meta::text(&claim, "/spec/volumeName").is_empty();
    let volume = format!("pvc-{}", meta::uid(&claim));
    if !mine || settled || meta::is_terminating(&claim) || context.client.find(&PERSISTENTVOLUME, "", &volume).is_some()
    {
        return Ok(Next::Done);
    }
    let Some(class) = context.client.find(&STORAGECLASS, "", class_name(&claim)) else {
        return Ok(Next::Done);
    };
    let node = meta::annotation(&claim, SELECTED_NODE);
    if node.is_none() && meta::text(&class, "/volumeBindingMode") == "WaitForFirstConsumer" {
        return Ok(Next::Done);
    }
    let message = format!("External provisioner is provisioning volume for claim \"{namespace}/{name}\"");
    context.events.normal(&claim, "Provisioning", &message);
    if let Err(why) = check(&claim) {
        let message = format!("failed to provision volume with StorageClass {:?}: {why}", meta::name(&class));
        context.events.warning(&claim, "ProvisioningFailed", &message);
        return Ok(Next::Done);
    }
    match context.client.create(&PERSISTENTVOLUME, made(&claim, &class, (&volume, node))) {
        Err(status) if status.reason != "AlreadyExists" => return Err(status),
        _ => {}
    }
    context.events.normal(&claim, "ProvisioningSucceeded", &format!("Successfully provisioned volume {volume}"));
    Ok(Next::Done)
}

fn check(claim: &Value) -> std::result::Result<(), &'static str> {
    if claim.pointer("/spec/selector").is_some() {
        return Err("claim.Spec.Selector is not supported");
    }
    let alone = |mode: &Value| mode == "ReadWriteOnce" || mode == "ReadWriteOncePod";
    if !meta::list(claim, "/spec/accessModes").iter().all(alone) {
        return Err("NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes");
    }
    Ok(())
}

/// The volume for a claim; bound to a node where one was chosen.
fn made(claim: &Value, class: &Value, (name, node): (&str, Option<&str>)) -> Value {
    let (namespace, claim_name) = (meta::namespace(claim), meta::name(claim));
    let policy = Some(meta::text(class, "/reclaimPolicy")).filter(|policy| !policy.is_empty()).unwrap_or("Delete");
    let mut volume = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": { "name": name, "annotations": { PROVISIONED_BY: PROVISIONER } },
        "spec": {
            "capacity": { "storage": claim["spec"]["resources"]["requests"]["storage"] },
            "hostPath": {
                "path": format!("/var/local-path-provisioner/{name}_{namespace}_{claim_name}"),
                "type": "DirectoryOrCreate",
            },
            "accessModes": claim["spec"]["accessModes"],
            "claimRef": {
                "kind": "PersistentVolumeClaim",
                "namespace": namespace,
                "name": claim_name,
                "uid": meta::uid(claim),
                "apiVersion": "v1",
                "resourceVersion": meta::text(claim, "/metadata/resourceVersion"),
            },
            "persistentVolumeReclaimPolicy": policy,
            "storageClassName": meta::name(class),
            "volumeMode": "Filesystem",
        },
    });
    if let Some(node) = node {
        meta::set_annotation(&mut volume, "local.path.provisioner/selected-node", node);
        let here = json!({ "key": "kubernetes.io/hostname", "operator": "In", "values": [node] });
        let terms = json!([{ "matchExpressions": [here] }]);
        volume["spec"]["nodeAffinity"] = json!({ "required": { "nodeSelectorTerms": terms } });
    }
    volume
}
