//! Stories of claims and volumes over an API server in the process: who gets whom, and what becomes of them.
//! Time stands still until every task waits; choosing a node is played by hand.

use kubedrill::object::meta;
use kubedrill::sim::apiserver::endpoints::DeleteOptions;
use kubedrill::sim::apiserver::registry::kinds::persistentvolume::PERSISTENTVOLUME;
use kubedrill::sim::apiserver::registry::kinds::persistentvolumeclaim::PERSISTENTVOLUMECLAIM;
use kubedrill::sim::apiserver::registry::kinds::pod::POD;
use kubedrill::sim::apiserver::storage::Object;
use serde_json::{Value, json};

use crate::infra::{World, pod};

const CONTROLLERS: &[&str] = &[
    "persistentvolume-controller",
    "rancher.io/local-path",
    "ephemeral_volume",
    "volume_expand",
    "pvc-protection-controller",
    "pv-protection-controller",
];

fn volume(name: &str, size: &str, more: Value) -> Value {
    let mut volume = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": { "name": name },
        "spec": {
            "capacity": { "storage": size },
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "shelf",
            "hostPath": { "path": "/srv/data" },
        },
    });
    kubedrill::object::patch::merge(&mut volume["spec"], &more);
    volume
}

fn claim(name: &str, size: &str, more: Value) -> Value {
    let mut claim = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": { "name": name },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "shelf",
            "resources": { "requests": { "storage": size } },
        },
    });
    kubedrill::object::patch::merge(&mut claim["spec"], &more);
    claim
}

fn class(name: &str, mode: &str) -> Value {
    json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": { "name": name },
        "provisioner": "rancher.io/local-path",
        "volumeBindingMode": mode,
        "allowVolumeExpansion": true,
    })
}

impl World {
    fn claimed(&self, name: &str) -> Object {
        self.client.get(&PERSISTENTVOLUMECLAIM, "default", name).unwrap()
    }

    fn volume_phase(&self, name: &str) -> String {
        let volume = self.client.find(&PERSISTENTVOLUME, "", name);
        volume.map_or("gone".to_owned(), |volume| meta::text(&volume, "/status/phase").to_owned())
    }

    fn drop_claim(&self, name: &str) {
        self.client.delete(&PERSISTENTVOLUMECLAIM, "default", name, &DeleteOptions::default()).unwrap();
    }
}

/// Phase and volume of a claim.
fn state(claim: &Value) -> (&str, &str) {
    (meta::text(claim, "/status/phase"), meta::text(claim, "/spec/volumeName"))
}

#[tokio::test(start_paused = true)]
async fn a_claim_gets_the_smallest_volume_that_suits_it() {
    let world = World::with_controllers(CONTROLLERS);
    world.make(volume("large", "8Gi", json!({})));
    world.make(volume("small", "1Gi", json!({})));
    world.make(volume("right", "3Gi", json!({})));
    world.make(volume("other", "2Gi", json!({ "storageClassName": "attic" })));
    world.make(volume("mode", "2Gi", json!({ "accessModes": ["ReadOnlyMany"] })));
    world.settle().await;
    assert_eq!(world.volume_phase("right"), "Available");
    world.make(claim("data", "2Gi", json!({})));
    world.settle().await;
    let found = world.claimed("data");
    assert_eq!(state(&found), ("Bound", "right"));
    assert_eq!(found["status"]["capacity"]["storage"], "3Gi");
    assert_eq!(meta::annotation(&found, "pv.kubernetes.io/bind-completed"), Some("yes"));
    assert_eq!(meta::annotation(&found, "pv.kubernetes.io/bound-by-controller"), Some("yes"));
    let taken = world.client.get(&PERSISTENTVOLUME, "", "right").unwrap();
    assert_eq!(taken["spec"]["claimRef"]["uid"], found["metadata"]["uid"]);
    assert_eq!(world.volume_phase("right"), "Bound");
    assert_eq!(world.volume_phase("large"), "Available");
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_finds_nothing_is_told_why() {
    let world = World::with_controllers(CONTROLLERS);
    world.make(class("late", "WaitForFirstConsumer"));
    world.make(volume("small", "1Gi", json!({})));
    world.make(claim("lost", "2Gi", json!({})));
    world.make(claim("plain", "2Gi", json!({ "storageClassName": "" })));
    world.make(claim("named", "2Gi", json!({ "volumeName": "small" })));
    world.make(claim("late", "2Gi", json!({ "storageClassName": "late" })));
    world.settle().await;
    let told = |name: &str| world.events("PersistentVolumeClaim", name);
    assert_eq!(told("lost"), ["ProvisioningFailed: storageclass.storage.k8s.io \"shelf\" not found"]);
    let none = "FailedBinding: no persistent volumes available for this claim and no storage class is set";
    assert_eq!(told("plain"), [none]);
    assert_eq!(told("named"), ["VolumeMismatch: Cannot bind to requested volume \"small\": requested PV is too small"]);
    assert_eq!(told("late"), ["WaitForFirstConsumer: waiting for first consumer to be created before binding"]);
    assert_eq!(state(&world.claimed("lost")), ("Pending", ""));
    // Nobody reports it when a volume that suits comes, it is just taken.
    world.make(volume("enough", "2Gi", json!({})));
    world.settle().await;
    assert_eq!(state(&world.claimed("lost")), ("Bound", "enough"));
}

#[tokio::test(start_paused = true)]
async fn a_claim_waits_for_a_provisioner_that_nobody_runs() {
    let world = World::with_controllers(CONTROLLERS);
    let mut far = class("far", "Immediate");
    far["provisioner"] = json!("ebs.csi.aws.com");
    world.make(far);
    world.make(claim("data", "2Gi", json!({ "storageClassName": "far" })));
    world.settle().await;
    assert_eq!(state(&world.claimed("data")), ("Pending", ""));
    let told = "ExternalProvisioning: Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.";
    let found = world.events("PersistentVolumeClaim", "data");
    assert!(!found.is_empty() && found.iter().all(|event| event == told), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_volume_kept_for_a_claim_of_another_mode_tells_both() {
    let world = World::with_controllers(CONTROLLERS);
    let wanted = world.make(claim("data", "2Gi", json!({ "volumeMode": "Block" })));
    let kept = json!({ "namespace": "default", "name": "data", "uid": meta::uid(&wanted) });
    world.make(volume("kept", "2Gi", json!({ "claimRef": kept })));
    world.settle().await;
    assert_eq!(state(&world.claimed("data")), ("Pending", ""));
    let told =
        |what: &str| format!("VolumeMismatch: Cannot bind PersistentVolume {what} due to incompatible volumeMode.");
    let of_volume = world.events("PersistentVolume", "kept");
    assert!(of_volume.contains(&told("to requested PersistentVolumeClaim \"data\"")), "{of_volume:?}");
    let of_claim = world.events("PersistentVolumeClaim", "data");
    assert!(of_claim.contains(&told("\"kept\" to requested PersistentVolumeClaim")), "{of_claim:?}");
}

#[tokio::test(start_paused = true)]
async fn a_released_volume_waits_until_its_reference_is_taken_out() {
    let world = World::with_controllers(CONTROLLERS);
    world.make(volume("kept", "2Gi", json!({ "persistentVolumeReclaimPolicy": "Retain" })));
    world.make(claim("old", "2Gi", json!({})));
    world.settle().await;
    assert_eq!(world.volume_phase("kept"), "Bound");
    world.drop_claim("old");
    world.settle().await;
    assert_eq!(world.volume_phase("kept"), "Released");
    world.make(claim("new", "2Gi", json!({ "volumeName": "kept" })));
    world.settle().await;
    assert_eq!(state(&world.claimed("new")), ("Pending", "kept"));
    let told = world.events("PersistentVolumeClaim", "new");
    assert_eq!(told, ["FailedBinding: volume \"kept\" already bound to a different claim."]);
    world.client.merge(&PERSISTENTVOLUME, "", "kept", json!({ "spec": { "claimRef": null } })).unwrap();
    world.settle().await;
    assert_eq!(state(&world.claimed("new")), ("Bound", "kept"));
    assert_eq!(world.volume_phase("kept"), "Bound");
}

#[tokio::test(start_paused = true)]
async fn a_reference_by_name_alone_reserves_a_volume() {
    let world = World::with_controllers(CONTROLLERS);
    let reserved = json!({ "claimRef": { "namespace": "default", "name": "mine" } });
    world.make(volume("reserved", "5Gi", reserved));
    world.make(claim("other", "1Gi", json!({})));
    world.settle().await;
    assert_eq!(state(&world.claimed("other")), ("Pending", ""));
    world.make(claim("mine", "1Gi", json!({})));
    world.settle().await;
    assert_eq!(state(&world.claimed("mine")), ("Bound", "reserved"));
}

#[tokio::test(start_paused = true)]
async fn a_volume_is_made_once_a_node_is_chosen_and_goes_with_its_claim() {
    let world = World::with_controllers(CONTROLLERS);
    world.make(class("late", "WaitForFirstConsumer"));
    world.make(claim("data", "1Gi", json!({ "storageClassName": "late" })));
    world.settle().await;
    assert_eq!(state(&world.claimed("data")), ("Pending", ""));
    let chosen = json!({ "metadata": { "annotations": { "volume.kubernetes.io/selected-node": "node01" } } });
    world.client.merge(&PERSISTENTVOLUMECLAIM, "default", "data", chosen).unwrap();
    world.settle().await;
    let found = world.claimed("data");
    let name = format!("pvc-{}", meta::uid(&found));
    assert_eq!(state(&found), ("Bound", name.as_str()));
    let made = world.client.get(&PERSISTENTVOLUME, "", &name).unwrap();
    let term = &made["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0];
    assert_eq!(term["values"], json!(["node01"]));
    assert_eq!(made["spec"]["persistentVolumeReclaimPolicy"], "Delete");
    let told = world.events("PersistentVolumeClaim", "data");
    assert!(told.contains(&format!("ProvisioningSucceeded: Successfully provisioned volume {name}")), "{told:?}");
    assert!(told.iter().any(|event| event.starts_with("ExternalProvisioning: ")), "{told:?}");
    world.drop_claim("data");
    world.settle().await;
    assert_eq!(world.volume_phase(&name), "gone");
}

#[tokio::test(start_paused = true)]
async fn a_volume_of_an_immediate_class_is_made_at_once_and_grows() {
    let world = World::with_controllers(CONTROLLERS);
    world.make(class("now", "Immediate"));
    world.make(json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default" } }));
    world.make(claim("data", "1Gi", json!({ "storageClassName": "now" })));
    world.settle().await;
    assert_eq!(state(&world.claimed("data")).0, "Bound");
    let more = json!({ "spec": { "resources": { "requests": { "storage": "2Gi" } } } });
    world.client.merge(&PERSISTENTVOLUMECLAIM, "default", "data", more).unwrap();
    world.settle().await;
    // The volume has grown; the file system in it grows where a Pod uses it.
    let claim = world.claimed("data");
    assert_eq!(claim["status"]["capacity"]["storage"], "1Gi");
    assert_eq!(claim["status"]["conditions"][0]["type"], "FileSystemResizePending");
    let volume = world.client.get(&PERSISTENTVOLUME, "", meta::text(&claim, "/spec/volumeName")).unwrap();
    assert_eq!(volume["spec"]["capacity"]["storage"], "2Gi");
    let mut user = pod("user");
    user["spec"]["nodeName"] = json!("node01");
    user["spec"]["volumes"] = json!([{ "name": "d", "persistentVolumeClaim": { "claimName": "data" } }]);
    world.make(user);
    let runs = |pod: &mut Value| pod["status"]["phase"] = json!("Running");
    world.client.modify_status(&POD, "default", "user", runs).unwrap();
    world.settle().await;
    let claim = world.claimed("data");
    assert_eq!(claim["status"]["capacity"]["storage"], "2Gi");
    assert!(meta::list(&claim, "/status/conditions").is_empty());
    let told = world.events("PersistentVolumeClaim", "data");
    assert!(told.contains(&"FileSystemResizeRequired: Require file system resize of volume on node".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_lives_with_its_pod_gets_a_claim_of_its_own() {
    let world = World::with_controllers(CONTROLLERS);
    world.make(class("now", "Immediate"));
    world.make(json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default" } }));
    let spec = json!({ "accessModes": ["ReadWriteOnce"], "storageClassName": "now", "resources": { "requests": { "storage": "1Gi" } } });
    let volume = json!({ "name": "scratch", "ephemeral": { "volumeClaimTemplate": { "metadata": { "labels": { "a": "b" } }, "spec": spec } } });
    let mut user = pod("user");
    user["spec"]["volumes"] = json!([volume]);
    let user = world.make(user);
    world.settle().await;
    let claim = world.claimed("user-scratch");
    assert_eq!(state(&claim).0, "Bound");
    assert_eq!(meta::label(&claim, "a"), Some("b"));
    assert_eq!(meta::controller_of(&claim).map(|owner| meta::text(owner, "/uid")), Some(meta::uid(&user)));
    // A claim that was there before is nobody's to take.
    world.make(self::claim("other-scratch", "1Gi", json!({})));
    let mut other = pod("other");
    other["spec"]["volumes"] = json!([volume]);
    world.make(other);
    world.settle().await;
    let why = "FailedBinding: ephemeral volume scratch: PVC default/other-scratch was not created for pod default/other (pod is not owner)";
    assert_eq!(world.events("Pod", "other").first().map(String::as_str), Some(why));
}

#[tokio::test(start_paused = true)]
async fn a_claim_stays_while_a_pod_on_a_node_mounts_it() {
    let world = World::with_controllers(CONTROLLERS);
    world.make(volume("v", "2Gi", json!({})));
    world.make(claim("data", "2Gi", json!({})));
    let mut user = pod("user");
    user["spec"]["nodeName"] = json!("node01");
    user["spec"]["volumes"] = json!([{ "name": "d", "persistentVolumeClaim": { "claimName": "data" } }]);
    world.make(user);
    world.settle().await;
    world.drop_claim("data");
    world.client.delete(&PERSISTENTVOLUME, "", "v", &DeleteOptions::default()).unwrap();
    world.settle().await;
    assert!(meta::is_terminating(&world.claimed("data")));
    assert_eq!(world.volume_phase("v"), "Bound");
    world.client.delete(&POD, "default", "user", &DeleteOptions::now()).unwrap();
    world.settle().await;
    assert!(world.client.find(&PERSISTENTVOLUMECLAIM, "default", "data").is_none());
    assert_eq!(world.volume_phase("v"), "gone");
}

#[tokio::test(start_paused = true)]
async fn a_host_path_outside_tmp_is_not_deleted() {
    let world = World::with_controllers(CONTROLLERS);
    world.make(volume("v", "2Gi", json!({ "persistentVolumeReclaimPolicy": "Delete" })));
    world.make(claim("data", "2Gi", json!({})));
    world.settle().await;
    world.drop_claim("data");
    world.settle().await;
    assert_eq!(world.volume_phase("v"), "Failed");
    let why = "VolumeFailedDelete: host_path deleter only supports /tmp/.+ but received provided /srv/data";
    assert_eq!(world.events("PersistentVolume", "v"), [why]);
}
