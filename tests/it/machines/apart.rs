//! Kubelets that the API server cannot tell anything, or that it does not hear: what becomes of their Pods meanwhile, and after.
//! How a kubelet knows its Pods is `sim/nodes/known`.

use kube::api::{DeleteParams, ListParams, PostParams};
use kubedrill::base::topology::Topology;
use serde_json::{Value, json};

use super::causes::becomes;
use super::typing::Seat;

const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
const AWAY: &str = "/root/kube-apiserver.yaml";

impl Seat {
    /// A Pod on node01 that runs until it is ended.
    async fn box_runs(&self) {
        let container = json!({ "name": "main", "image": "busybox", "command": ["sh", "-c", "echo begun; sleep 1d"] });
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "box" },
            "spec": { "nodeName": "node01", "terminationGracePeriodSeconds": 1, "containers": [container] } });
        let pods = self.objects("Pod", "default");
        pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
        self.until("it runs", || async { self.status("box").await["state"].get("running").is_some() }).await;
    }

    /// What the API server tells of a Pod's container.
    async fn status(&self, name: &str) -> Value {
        let pod = self.objects("Pod", "default").get_opt(name).await.unwrap();
        pod.map_or(Value::Null, |pod| pod.data["status"]["containerStatuses"][0].clone())
    }

    /// The runs of a container on node01: the id and state of each, newest first.
    async fn runs(&self) -> Vec<(String, String)> {
        let listed = self.prints("node01", "crictl ps -a --name main -o json").await;
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
        listed["containers"].as_array().unwrap().iter().map(|one| (text(one, "id"), text(one, "state"))).collect()
    }

    async fn api_server(&self, there: bool) {
        let (from, to) = if there { (AWAY, MANIFEST) } else { (MANIFEST, AWAY) };
        self.files("controlplane", |root| root.rename(from, to).unwrap());
        assert!(becomes(self, there).await, "the API server follows its manifest");
    }
}

#[tokio::test]
async fn without_the_api_server_containers_start_again_and_it_is_told_later() {
    let seat = Seat::take(Topology::workers(1)).await;
    seat.box_runs().await;
    // Nobody was on the worker before.
    seat.api_server(false).await;
    let first = seat.runs().await.remove(0).0;
    seat.prints("node01", &format!("crictl stop {first}")).await;
    seat.until("another runs", || async {
        let runs = seat.runs().await;
        runs.len() == 2 && runs[0].1 == "CONTAINER_RUNNING" && runs[1].0 == first
    })
    .await;
    let second = seat.runs().await.remove(0).0;
    assert_eq!(seat.prints("node01", &format!("crictl logs {second}")).await, "begun\n");

    seat.api_server(true).await;
    seat.until("the API server is told", || async { seat.status("box").await["restartCount"] == 1 }).await;
    let status = seat.status("box").await;
    assert_eq!(status["containerID"], format!("containerd://{second}"));
    assert_eq!(status["lastState"]["terminated"]["containerID"], format!("containerd://{first}"));
    let told = || async {
        let events = seat.objects("Event", "default").list(&ListParams::default()).await.unwrap();
        let mut started = events.items.into_iter().filter(|event| event.data["reason"] == "Started");
        started.any(|event| event.data["count"] == 2)
    };
    seat.until("the events come, too", told).await;
}

#[tokio::test]
async fn a_kubelet_that_begins_without_the_api_server_knows_no_pods() {
    let seat = Seat::take(Topology::workers(1)).await;
    seat.box_runs().await;
    let first = seat.runs().await.remove(0).0;
    seat.api_server(false).await;
    seat.prints("node01", "systemctl restart kubelet").await;
    let waits = || async { seat.prints("node01", "journalctl -u kubelet").await.contains("Unable to register node") };
    seat.until("it misses the API server", waits).await;
    seat.prints("node01", &format!("crictl stop {first}")).await;
    seat.world.clock().sleep(std::time::Duration::from_secs(60)).await;
    let runs = seat.runs().await;
    assert!(runs.iter().all(|(_, state)| state == "CONTAINER_EXITED"), "nobody starts it: {runs:?}");
    seat.api_server(true).await;
    seat.until("it is started again", || async { seat.status("box").await["restartCount"] == 1 }).await;
}

#[tokio::test]
async fn a_stopped_kubelet_hears_of_a_forced_deletion_when_it_is_back() {
    let seat = Seat::take(Topology::workers(1)).await;
    seat.box_runs().await;
    seat.prints("node01", "systemctl stop kubelet").await;
    let forced = DeleteParams::default().grace_period(0);
    seat.objects("Pod", "default").delete("box", &forced).await.unwrap();
    seat.until("it is gone", || async { seat.status("box").await.is_null() }).await;
    let runs = seat.runs().await;
    assert_eq!(runs.len(), 1, "its container runs on");
    assert_eq!(runs[0].1, "CONTAINER_RUNNING");
    seat.prints("node01", "systemctl start kubelet").await;
    seat.until("its container is gone", || async { seat.runs().await.is_empty() }).await;
}
