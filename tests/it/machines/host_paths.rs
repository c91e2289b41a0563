//! Pods that mount files of their node: each sees what the other does.
//! How both are brought to one is `sim/nodes/host_paths`.

use kube::api::PostParams;
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
    let size = json!({ "storage": "1Gi" });
    let volume = json!({ "storageClassName": "manual", "capacity": size, "accessModes": ["ReadWriteOnce"], "hostPath": { "path": "/mnt/data" } });
    seat.make(
        "PersistentVolume",
        json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "pv" }, "spec": volume }),
    )
    .await;
    let claim =
        json!({ "storageClassName": "manual", "accessModes": ["ReadWriteOnce"], "resources": { "requests": size } });
    seat.make(
        "PersistentVolumeClaim",
        json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "pvc" }, "spec": claim }),
    )
    .await;
    seat.sees("web", json!([{ "persistentVolumeClaim": { "claimName": "pvc" } }])).await;
    seat.phase("web", "Running").await;
    assert_eq!(seat.does("web", "cat /v/0/index.html").await, "Hello\n");
}

#[tokio::test]
async fn a_volume_that_has_to_be_there_waits_for_it() {
    let seat = Seat::take(Topology::workers(1)).await;
    seat.sees("late", json!([{ "hostPath": { "path": "/opt/late", "type": "Directory" } }])).await;
    let told = || async {
        let events = seat.objects("Event", "default").list(&kube::api::ListParams::default()).await.unwrap();
        events.items.iter().filter_map(|event| event.data["message"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let why = "MountVolume.SetUp failed for volume \"v0\" : hostPath type check failed: /opt/late is not a directory";
    let tells = || async { told().await.iter().any(|message| message == why) };
    seat.until("it tells why", tells).await;
    seat.phase("late", "Pending").await;
    seat.files("node01", |root| root.make_dir("/opt/late", 0o755)).unwrap();
    seat.phase("late", "Running").await;
}

#[tokio::test]
async fn a_file_that_is_to_be_made_is_on_the_node() {
    let seat = Seat::take(Topology::workers(1)).await;
    seat.sees("maker", json!([{ "hostPath": { "path": "/etc/made.conf", "type": "FileOrCreate" } }])).await;
    seat.phase("maker", "Running").await;
    seat.until("it is there", || async { seat.files("node01", |root| root.exists("/etc/made.conf")) }).await;
}
