//! Stories of programs in containers that live by the API server: how they look for it, lose it and elect who works.
//! What each reads when it starts is in `configurations`.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use kubedrill::base::topology::Topology;

use super::causes::becomes;
use super::configurations::{PROXY, RBAC, bind, scheduling};
use super::typing::Seat;

impl Seat {
    async fn restarts(&self, pod: &str) -> u64 {
        let pod = self.objects("Pod", "kube-system").get_opt(pod).await.unwrap();
        pod.and_then(|pod| pod.data["status"]["containerStatuses"][0]["restartCount"].as_u64()).unwrap_or_default()
    }

    /// Makes a Pod in `default` that asks for a scheduler.
    async fn asks_for(&self, name: &str, scheduler: &str) {
        let pods: Api<Pod> = Api::default_namespaced(self.world.client().unwrap());
        let pod = serde_json::json!({ "metadata": { "name": name }, "spec": {
            "schedulerName": scheduler, "containers": [{ "name": "web", "image": "nginx" }],
        } });
        pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    }

    /// Who holds a lease.
    async fn holder(&self, name: &str) -> String {
        let leases: Api<Lease> = Api::namespaced(self.world.client().unwrap(), "kube-system");
        leases.get(name).await.unwrap().spec.unwrap().holder_identity.unwrap()
    }

    async fn is_placed(&self, name: &str) -> bool {
        let pods: Api<Pod> = Api::default_namespaced(self.world.client().unwrap());
        pods.get(name).await.unwrap().spec.unwrap().node_name.is_some()
    }
}

#[tokio::test]
async fn a_proxy_and_a_scheduler_go_on_looking_for_a_host_they_do_not_find() {
    let seat = Seat::take(Topology::workers(1)).await;
    let host = |node: &'static str, from: &'static str, to: &'static str| {
        seat.edits(node, "/etc/hosts", |text| text.replace(from, to));
    };
    // Their kubelets have long found the API server.
    for node in ["node01", "controlplane"] {
        seat.prints(node, "systemctl is-active kubelet").await;
    }
    let lookup = "dial tcp: lookup controlplane on 192.168.56.1:53: no such host";
    host("node01", "controlplane", "controlplain");
    let proxy = seat.renews(PROXY, "node01").await;
    let log = || async { seat.log("kube-system", &proxy, false).await };
    let asked = "api/v1/nodes?fieldSelector=metadata.name%3Dnode01&limit=500&resourceVersion=0";
    seat.until("kube-proxy tries again", || async { log().await.matches(asked).count() > 2 }).await;
    assert!(log().await.contains(lookup) && !log().await.contains("Caches are synced"), "{}", log().await);
    host("node01", "controlplain", "controlplane");
    seat.until("kube-proxy has found it", || async { log().await.contains("Using iptables Proxier") }).await;
    assert_eq!(seat.restarts(&proxy).await, 0, "{}", log().await);

    host("controlplane", "controlplane", "controlplain");
    let id = seat.prints("controlplane", "crictl ps --name kube-scheduler -q").await;
    seat.prints("controlplane", &format!("crictl stop {}", id.trim())).await;
    let log = || async { seat.log("kube-system", "kube-scheduler-controlplane", false).await };
    seat.until("the scheduler does not find it", || async { log().await.contains(lookup) }).await;
    seat.asks_for("waits", "default-scheduler").await;
    assert!(!log().await.contains("acquire"), "nobody is elected before all is listed: {}", log().await);
    assert!(!seat.is_placed("waits").await);
    host("controlplane", "controlplain", "controlplane");
    seat.until("the scheduler works", || async { seat.is_placed("waits").await }).await;
    assert!(log().await.contains("Successfully acquired lease"), "{}", log().await);
    assert_eq!(seat.restarts("kube-scheduler-controlplane").await, 1);
}

#[tokio::test]
async fn who_leads_ends_without_its_api_server_and_waits_for_the_old_lease() {
    let seat = Seat::take(Topology::workers(1)).await;
    let (there, away) = ("/etc/kubernetes/manifests/kube-apiserver.yaml", "/root/kube-apiserver.yaml");
    seat.files("controlplane", |root| root.rename(there, away).unwrap());
    assert!(becomes(&seat, false).await, "the API server is gone");
    let (manager, scheduler) = ("kube-controller-manager-controlplane", "kube-scheduler-controlplane");
    let log = |pod: &'static str, previous: bool| seat.log("kube-system", pod, previous);
    let refused = ":6443: connect: connection refused";
    for (pod, end) in [(manager, "leaderelection lost"), (scheduler, "Leaderelection lost")] {
        seat.until(&format!("{pod} ends"), || async { log(pod, true).await.contains(end) }).await;
        let before = log(pod, true).await;
        for line in [refused, "falling back to slow path", "\"Failed to renew lease\" lock=\"kube-system/kube-"] {
            assert!(before.contains(line), "{line} in {before}");
        }
        assert!(seat.restarts(pod).await >= 1, "{pod} is started again by its kubelet");
    }
    let tries = || async { log(manager, false).await.matches("Error retrieving lease lock").count() > 2 };
    seat.until("the manager goes on trying", tries).await;
    assert!(!log(manager, false).await.contains("Successfully acquired lease"));
    assert!(log(scheduler, false).await.contains("Error looking up in-cluster authentication configuration"));
    let restarts = seat.restarts(manager).await;
    seat.files("controlplane", |root| root.rename(away, there).unwrap());
    assert!(becomes(&seat, true).await, "the API server is back");
    for pod in [manager, scheduler] {
        seat.until("it leads", || async { log(pod, false).await.contains("Successfully acquired lease") }).await;
    }
    let told = log(manager, false).await;
    let last = |what: &str| second(told.lines().rfind(|line| line.contains(what)).unwrap());
    let waited = (last("Successfully acquired lease") - last("Error retrieving lease lock")).rem_euclid(86400);
    assert!(waited >= 15, "the lease of the one that ended has to run out: {told}");
    assert_eq!(seat.restarts(manager).await, restarts, "it was not started again for that");
    seat.asks_for("late", "default-scheduler").await;
    seat.until("Pods are placed", || async { seat.is_placed("late").await }).await;
}

/// The second of the day a line was written, as klog writes it: `I1201 05:21:22.046817`.
fn second(line: &str) -> i64 {
    line[6..14].split(':').fold(0, |sum, part| sum * 60 + part.parse::<i64>().unwrap())
}

/// A second scheduler's rights, its configuration, and a Deployment of two.
async fn two_of(seat: &Seat, name: &str) {
    let create = |kind: &'static str, value: serde_json::Value| {
        let objects = seat.objects(kind, "kube-system");
        async move { objects.create(&PostParams::default(), &serde_json::from_value(value).unwrap()).await.unwrap() }
    };
    create("ServiceAccount", serde_json::json!({ "metadata": { "name": name } })).await;
    let data = serde_json::json!({ "config": scheduling(&format!("schedulerName: {name}")) });
    create("ConfigMap", serde_json::json!({ "metadata": { "name": name }, "data": data })).await;
    let subjects = serde_json::json!([{ "kind": "ServiceAccount", "name": name, "namespace": "kube-system" }]);
    let gives = serde_json::json!({ "apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin" });
    let binding = serde_json::json!({ "metadata": { "name": name }, "roleRef": gives, "subjects": subjects });
    bind(seat, ("ClusterRoleBinding", ""), binding).await;
    for at in ["one", "two"] {
        let labels = serde_json::json!({ "app": name });
        create(
            "Pod",
            serde_json::json!({ "metadata": { "name": format!("{name}-{at}"), "labels": labels }, "spec": {
            "serviceAccountName": name, "containers": [{
                "name": "scheduler", "image": "registry.k8s.io/kube-scheduler:v1.35.4",
                "command": ["kube-scheduler", "--config=/etc/mine/config"],
                "volumeMounts": [{ "name": "config", "mountPath": "/etc/mine" }],
            }], "volumes": [{ "name": "config", "configMap": { "name": name } }] } }),
        )
        .await;
    }
}

#[tokio::test]
async fn a_scheduler_of_before_places_nothing_after_a_reset() {
    let seat = Seat::take(Topology::workers(1)).await;
    let before = seat.world.checkpoint();
    two_of(&seat, "mine").await;
    seat.asks_for("first", "mine").await;
    seat.until("it places Pods", || async { seat.is_placed("first").await }).await;
    seat.world.restore(&before).await;
    seat.asks_for("later", "mine").await;
    seat.world.clock().sleep(Duration::from_secs(60)).await;
    assert!(!seat.is_placed("later").await, "nobody of that name is there any more");
}

#[tokio::test]
async fn of_two_schedulers_one_leads_and_the_other_takes_over() {
    let seat = Seat::take(Topology::workers(1)).await;
    two_of(&seat, "mine").await;
    let pods = seat.objects("Pod", "kube-system");
    let leads = |pod: String| {
        let seat = &seat;
        async move { seat.log("kube-system", &pod, false).await.contains("Successfully acquired lease") }
    };
    let leaders = || async {
        let mut found = Vec::new();
        for pod in pods.list(&ListParams::default().labels("app=mine")).await.unwrap().items {
            let name = pod.metadata.name.unwrap();
            if leads(name.clone()).await {
                found.push(name);
            }
        }
        found
    };
    seat.until("one leads", || async { !leaders().await.is_empty() }).await;
    let other = |leader: &str| if leader == "mine-one" { "mine-two" } else { "mine-one" };
    let leader = leaders().await.pop().unwrap();
    let waits = other(&leader);
    let attempts =
        || async { seat.log("kube-system", waits, false).await.contains("Attempting to acquire leader lease") };
    seat.until("the other waits", attempts).await;
    seat.world.clock().sleep(Duration::from_secs(60)).await;
    assert_eq!(leaders().await, [leader.as_str()]);

    pods.delete(&leader, &DeleteParams::default().grace_period(0)).await.unwrap();
    let holder = seat.holder("mine").await;
    assert!(holder.starts_with(&leader), "a lease that was not given up has to run out: {holder}");
    seat.until("the other takes over", || async { leaders().await == [waits] }).await;
    seat.asks_for("placed", "mine").await;
    seat.until("it places Pods", || async { seat.is_placed("placed").await }).await;
}
