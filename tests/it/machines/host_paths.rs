//! Pods that mount files of their node: each sees what the other does.
//! How both are brought to one is `sim/nodes/host_paths`.

use kube::api::{ListParams, PostParams};
use kubedrill::base::topology::Topology;
use serde_json::{Value, json};

use super::typing::Seat;

impl Seat {
    async fn make(&self, kind: &str, object: Value) {
        let namespace = if kind == "PersistentVolume" { "" } else { "default" };
        let object = serde_json::from_value(object).unwrap();
        self.objects(kind, namespace).create(&PostParams::default(), &object).await.unwrap();
    }

    /// A Pod on node01 that sees these volumes below `/v/0`, `/v/1` and so on, and runs.
    async fn sees(&self, name: &str, volumes: Value) {
        let named = volumes.as_array().unwrap().iter().enumerate().map(|(at, volume)| {
            let mut volume = volume.clone();
            volume["name"] = json!(format!("v{at}"));
            volume
        });
        let named: Vec<Value> = named.collect();
        let mount = |(at, _)| json!({ "name": format!("v{at}"), "mountPath": format!("/v/{at}") });
        let mounts: Vec<Value> = named.iter().enumerate().map(mount).collect();
        let container = json!({ "name": "main", "image": "busybox", "command": ["sh", "-c", "echo first > /v/0/pod; sleep 1d"], "volumeMounts": mounts });
        let spec = json!({ "nodeName": "node01", "volumes": named, "containers": [container] });
        self.make("Pod", json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name }, "spec": spec }))
            .await;
    }

    /// A volume of 1Gi, and the claim `pvc` that gets it.
    async fn claims(&self, source: Value) {
        let size = json!({ "storage": "1Gi" });
        let mut volume = json!({ "storageClassName": "manual", "capacity": size, "accessModes": ["ReadWriteOnce"] });
        kubedrill::object::patch::merge(&mut volume, &source);
        let claim = json!({ "storageClassName": "manual", "accessModes": ["ReadWriteOnce"], "resources": { "requests": size } });
        for (kind, name, spec) in [("PersistentVolume", "pv", volume), ("PersistentVolumeClaim", "pvc", claim)] {
            let object = json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": name }, "spec": spec });
            self.make(kind, object).await;
        }
    }

    /// Waits until an event says this.
    async fn told(&self, message: &str) {
        let is = || async {
            let events = self.objects("Event", "default").list(&ListParams::default()).await.unwrap();
            events.items.iter().any(|event| event.data["message"] == message)
        };
        self.until(message, is).await;
    }

    async fn phase(&self, name: &str, wanted: &str) {
        let is = || async { self.objects("Pod", "default").get(name).await.unwrap().data["status"]["phase"] == wanted };
        self.until(&format!("{name} is {wanted}"), is).await;
    }

    async fn does(&self, pod: &str, script: &str) -> String {
        let done = self.world.exec(("default", pod, "main"), &["sh", "-c", script], b"").await.unwrap();
        self.world.settle().await;
        String::from_utf8_lossy(&done.output).into_owned()
    }
}

#[tokio::test]
async fn a_pod_and_its_node_see_what_the_other_writes() {
    let seat = Seat::take(Topology::workers(1)).await;
    seat.sees("box", json!([{ "hostPath": { "path": "/opt/data" } }])).await;
    seat.phase("box", "Running").await;
    // Nobody was on the machine when the Pod wrote.
    seat.files("node01", |_| ());
    seat.world.settle().await;
    assert_eq!(seat.files("node01", |root| root.text("/opt/data/pod")).unwrap(), "first\n");
    seat.files("node01", |root| root.write("/opt/data/sub/node", b"second\n", 0o644)).unwrap();
    seat.world.settle().await;
    assert_eq!(seat.does("box", "cat /v/0/sub/node; echo third > /v/0/sub/node; rm /v/0/pod").await, "second\n");
    assert_eq!(seat.files("node01", |root| root.text("/opt/data/sub/node")).unwrap(), "third\n");
    assert!(!seat.files("node01", |root| root.exists("/opt/data/pod")));
}

#[tokio::test]
async fn a_pod_sees_what_its_node_has() {
    let seat = Seat::take(Topology::workers(1)).await;
    seat.sees("debugger", json!([{ "emptyDir": {} }, { "hostPath": { "path": "/" } }])).await;
    seat.phase("debugger", "Running").await;
    assert_eq!(seat.does("debugger", "cat /v/1/etc/hostname").await, "node01\n");
    assert!(seat.does("debugger", "cat /v/1/var/lib/kubelet/config.yaml").await.contains("staticPodPath"));
    seat.does("debugger", "sed -i s/staticPodPath/staticPath/ /v/1/var/lib/kubelet/config.yaml").await;
    assert!(seat.files("node01", |root| root.text("/var/lib/kubelet/config.yaml")).unwrap().contains("staticPath:"));
}

#[tokio::test]
async fn a_volume_of_a_folder_that_is_on_the_node_is_served_to_its_claim() {
    let seat = Seat::take(Topology::workers(1)).await;
    seat.files("node01", |root| root.write("/mnt/data/index.html", b"Hello\n", 0o644)).unwrap();
    seat.claims(json!({ "hostPath": { "path": "/mnt/data" } })).await;
    seat.sees("web", json!([{ "persistentVolumeClaim": { "claimName": "pvc" } }])).await;
    seat.phase("web", "Running").await;
    assert_eq!(seat.does("web", "cat /v/0/index.html").await, "Hello\n");
}

#[tokio::test]
async fn a_volume_that_has_to_be_there_waits_for_it() {
    let seat = Seat::take(Topology::workers(1)).await;
    seat.sees("late", json!([{ "hostPath": { "path": "/opt/late", "type": "Directory" } }])).await;
    let why = "MountVolume.SetUp failed for volume \"v0\" : hostPath type check failed: /opt/late is not a directory";
    seat.told(why).await;
    seat.phase("late", "Pending").await;
    seat.files("node01", |root| root.make_dir("/opt/late", 0o755)).unwrap();
    seat.phase("late", "Running").await;
}

#[tokio::test]
async fn a_claimed_volume_that_has_to_be_there_waits_for_it() {
    let seat = Seat::take(Topology::workers(1)).await;
    seat.claims(json!({ "hostPath": { "path": "/opt/claimed", "type": "Directory" } })).await;
    seat.sees("late", json!([{ "persistentVolumeClaim": { "claimName": "pvc" } }])).await;
    let why =
        "MountVolume.SetUp failed for volume \"pv\" : hostPath type check failed: /opt/claimed is not a directory";
    seat.told(why).await;
    seat.phase("late", "Pending").await;
    seat.files("node01", |root| root.make_dir("/opt/claimed", 0o755)).unwrap();
    seat.phase("late", "Running").await;
}

#[tokio::test]
async fn a_local_volume_has_no_folder_until_somebody_makes_it() {
    let seat = Seat::take(Topology::workers(1)).await;
    let here = json!({ "key": "kubernetes.io/hostname", "operator": "In", "values": ["node01"] });
    let terms = json!([{ "matchExpressions": [here] }]);
    let affinity = json!({ "required": { "nodeSelectorTerms": terms } });
    seat.claims(json!({ "local": { "path": "/mnt/disk" }, "nodeAffinity": affinity })).await;
    seat.sees("late", json!([{ "persistentVolumeClaim": { "claimName": "pvc" } }])).await;
    let why = "MountVolume.NewMounter initialization failed for volume \"pv\" : path \"/mnt/disk\" does not exist";
    seat.told(why).await;
    seat.phase("late", "Pending").await;
    seat.files("node01", |root| root.make_dir("/mnt/disk", 0o755)).unwrap();
    seat.phase("late", "Running").await;
}

#[tokio::test]
async fn a_volume_of_a_driver_that_nobody_registered_is_not_mounted() {
    let seat = Seat::take(Topology::workers(1)).await;
    seat.sees("secrets", json!([{ "csi": { "driver": "secrets-store.csi.k8s.io" } }])).await;
    let why = "driver name secrets-store.csi.k8s.io not found in the list of registered CSI drivers";
    let failed =
        "MountVolume.SetUp failed for volume \"v0\" : kubernetes.io/csi: mounter.SetUpAt failed to get CSI client";
    seat.told(&format!("{failed}: {why}")).await;
    seat.phase("secrets", "Pending").await;
}

#[tokio::test]
async fn a_file_that_is_to_be_made_is_on_the_node() {
    let seat = Seat::take(Topology::workers(1)).await;
    seat.sees("maker", json!([{ "hostPath": { "path": "/etc/made.conf", "type": "FileOrCreate" } }])).await;
    seat.phase("maker", "Running").await;
    seat.until("it is there", || async { seat.files("node01", |root| root.exists("/etc/made.conf")) }).await;
}
