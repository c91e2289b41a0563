//! Stories of cause and effect: what is done to a node's files and services, and what the cluster makes of it.
//! What is typed there and how it is read stands in `typing`.

use kubedrill::base::topology::Topology;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DynamicObject, ListParams, LogParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};

use super::typing::Seat;

impl Seat {
    pub(super) fn objects(&self, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", kind));
        let client = self.world.client().unwrap();
        if namespace.is_empty() {
            Api::all_with(client, &resource)
        } else {
            Api::namespaced_with(client, namespace, &resource)
        }
    }

    /// The status and message of a node's condition Ready.
    async fn ready(&self, node: &str) -> (String, String) {
        let node = self.objects("Node", "").get(node).await.unwrap();
        let conditions = node.data["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let ready = conditions.iter().find(|condition| condition["type"] == "Ready").cloned().unwrap_or_default();
        let text = |key: &str| ready[key].as_str().unwrap_or_default().to_owned();
        (text("status"), text("message"))
    }

    /// Waits until a node's Ready is `status`, by the cluster's clock.
    async fn waits(&self, node: &str, status: &str) -> String {
        let clock = self.world.clock();
        for _ in 0..3000 {
            let (found, message) = self.ready(node).await;
            if found == status {
                return message;
            }
            clock.sleep(Duration::from_secs(1)).await;
        }
        panic!("{node} does not become {status}: {:?}", self.ready(node).await);
    }

    async fn mirrors(&self, node: &str) -> Vec<String> {
        let listed = self.objects("Pod", "").list(&ListParams::default()).await.unwrap();
        let mirrors = listed.items.iter().filter(|pod| pod.data["spec"]["nodeName"] == node);
        let mirrors = mirrors.filter(|pod| {
            pod.metadata.annotations.iter().flatten().any(|(key, _)| key == "kubernetes.io/config.mirror")
        });
        mirrors.filter_map(|pod| pod.metadata.name.clone()).collect()
    }

    pub(super) fn edits(&self, node: &str, path: &str, change: impl Fn(String) -> String) {
        self.files(node, |root| root.write(path, change(root.text(path).unwrap()).as_bytes(), 0o644).unwrap());
    }

    async fn listens(&self) -> bool {
        let address = self.world.url().trim_start_matches("https://").to_owned();
        tokio::net::TcpStream::connect(address).await.is_ok()
    }
}

#[tokio::test]
async fn a_stopped_kubelet_is_missed_and_a_started_one_is_back() {
    let seat = Seat::take(Topology::workers(1)).await;
    let said = seat.prints("node01", "systemctl status kubelet").await;
    assert!(said.contains("Active: active (running)") && said.contains("10-kubeadm.conf"), "{said}");
    assert!(seat.prints("node01", "journalctl -u kubelet").await.contains("Successfully registered node"));
    seat.prints("node01", "systemctl stop kubelet").await;
    assert_eq!(seat.types("node01", "systemctl is-active kubelet", "").await.code, 3);
    let message = seat.waits("node01", "Unknown").await;
    assert_eq!(message, "Kubelet stopped posting node status.");
    let pods: Api<Pod> = Api::namespaced(seat.world.client().unwrap(), "kube-system");
    let on_it = ListParams::default().fields("spec.nodeName=node01").labels("k8s-app=kube-proxy");
    let proxy = pods.list(&on_it).await.unwrap().items[0].metadata.name.clone().unwrap();
    let refused = "192.168.56.11:10250: connect: connection refused";
    let logs = pods.logs(&proxy, &LogParams::default()).await.unwrap_err().to_string();
    let asked =
        format!("Get \"https://192.168.56.11:10250/containerLogs/kube-system/{proxy}/kube-proxy\": dial tcp {refused}");
    assert!(logs.contains(&asked), "{logs}");
    seat.prints("node01", "systemctl start kubelet").await;
    seat.waits("node01", "True").await;
    assert!(seat.fails("node01", "systemctl start kubelets").await.contains("Unit kubelets.service not found."));
}

#[tokio::test]
async fn a_kubelet_that_cannot_start_says_why_and_tries_again() {
    let seat = Seat::take(Topology::workers(1)).await;
    let config = "/var/lib/kubelet/config.yaml";
    seat.edits("node01", config, |text| text.replace("pki/ca.crt", "pki/CA.crt"));
    seat.prints("node01", "systemctl restart kubelet").await;
    let said = seat.types("node01", "systemctl status kubelet", "").await;
    assert_eq!(said.code, 3);
    assert!(said.out.contains("activating (auto-restart) (Result: exit-code)"), "{}", said.out);
    seat.waits("node01", "Unknown").await;
    let read = || seat.prints("node01", "journalctl -u kubelet --no-pager");
    let again = "kubelet.service: Scheduled restart job, restart counter is at 2.";
    seat.until("it is tried again", || async { read().await.contains(again) }).await;
    let journal = read().await;
    for line in [
        "unable to load client CA file /etc/kubernetes/pki/CA.crt: open /etc/kubernetes/pki/CA.crt: no such file or directory",
        "kubelet.service: Main process exited, code=exited, status=1/FAILURE",
    ] {
        assert!(journal.contains(line), "{line} in {journal}");
    }
    seat.edits("node01", config, |text| text.replace("pki/CA.crt", "pki/ca.crt"));
    seat.waits("node01", "True").await;
}

#[tokio::test]
async fn a_kubelet_on_a_machine_that_swaps_does_not_start() {
    let seat = Seat::take(Topology::workers(1)).await;
    seat.files("node01", |root| root.write("/swap.img", b"", 0o600).unwrap());
    seat.prints("node01", "swapon /swap.img").await;
    seat.prints("node01", "systemctl restart kubelet").await;
    let journal = seat.prints("node01", "journalctl -u kubelet --no-pager").await;
    assert!(journal.contains("failed to run Kubelet: running with swap on is not supported, please disable swap or set --fail-swap-on flag to false"), "{journal}");
    seat.prints("node01", "swapoff -a").await;
    seat.prints("node01", "systemctl restart kubelet").await;
    assert_eq!(seat.prints("node01", "systemctl is-active kubelet").await, "active\n");
}

#[tokio::test]
async fn a_kubelet_that_looks_at_the_wrong_port_runs_and_is_missed() {
    let seat = Seat::take(Topology::workers(1)).await;
    let wrong = |text: String| {
        text.lines()
            .map(|line| {
                if line.contains("server:") {
                    "    server: https://controlplane:6553\n".to_owned()
                } else {
                    format!("{line}\n")
                }
            })
            .collect()
    };
    seat.edits("node01", "/etc/kubernetes/kubelet.conf", wrong);
    seat.prints("node01", "systemctl restart kubelet").await;
    seat.prints("node01", "systemctl is-active kubelet").await;
    seat.waits("node01", "Unknown").await;
    let journal = seat.prints("node01", "journalctl -u kubelet").await;
    assert!(journal.contains(":6553: connect: connection refused"), "{journal}");
}

#[tokio::test]
async fn a_kubelet_that_did_not_find_the_api_server_goes_on_trying() {
    let seat = Seat::take(Topology::workers(1)).await;
    seat.edits("node01", "/etc/hosts", |text| text.replace("controlplane", "controlplain"));
    seat.prints("node01", "systemctl restart kubelet").await;
    seat.waits("node01", "Unknown").await;
    let journal = seat.prints("node01", "journalctl -u kubelet").await;
    assert!(journal.contains("lookup controlplane on "), "{journal}");
    seat.edits("node01", "/etc/hosts", |text| text.replace("controlplain", "controlplane"));
    seat.waits("node01", "True").await;
    let (there, away) = ("/etc/kubernetes/manifests/kube-apiserver.yaml", "/root/kube-apiserver.yaml");
    seat.files("controlplane", |root| root.rename(there, away).unwrap());
    assert!(becomes(&seat, false).await, "the API server is gone");
    seat.prints("controlplane", "systemctl restart kubelet").await;
    let last = "journalctl -u kubelet -n 1";
    let refused = seat.prints("controlplane", last).await;
    assert!(
        refused.contains("Unable to register node") && refused.contains(":6443: connect: connection refused"),
        "{refused}"
    );
    seat.files("controlplane", |root| root.rename(away, there).unwrap());
    assert!(becomes(&seat, true).await, "the API server is back");
    seat.world.settle().await;
    let registered = || async {
        seat.prints("controlplane", "journalctl -u kubelet -n 3").await.contains("Successfully registered node")
    };
    seat.until("it is registered", registered).await;
}

#[tokio::test]
async fn a_unit_file_counts_after_it_was_read_again() {
    let seat = Seat::take(Topology::workers(1)).await;
    seat.prints("node01", "systemctl is-active kubelet").await;
    let over = "/etc/systemd/system/kubelet.service.d/20-args.conf";
    seat.files("node01", |root| {
        root.write(over, b"[Service]\nEnvironment=\"KUBELET_KUBECONFIG_ARGS=--nope\"\n", 0o644).unwrap()
    });
    let said = seat.types("node01", "systemctl restart kubelet", "").await;
    assert!(said.code == 0 && said.errors.contains("changed on disk"), "{said:?}");
    seat.prints("node01", "systemctl is-active kubelet").await;
    seat.prints("node01", "systemctl daemon-reload").await;
    seat.prints("node01", "systemctl restart kubelet").await;
    let journal = seat.prints("node01", "journalctl -u kubelet").await;
    assert!(journal.contains("failed to parse kubelet flag: unknown flag: --nope"), "{journal}");
}

#[tokio::test]
async fn a_node_without_a_network_is_not_ready() {
    let seat = Seat::take(Topology::workers(1)).await;
    let moved = |from: &str, to: &str| seat.files("node01", |root| root.rename(from, to).unwrap());
    moved("/etc/cni/net.d/10-flannel.conflist", "/root/10-flannel.conflist");
    let message = seat.waits("node01", "False").await;
    assert_eq!(
        message,
        "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"
    );
    let pods: Api<Pod> = Api::default_namespaced(seat.world.client().unwrap());
    let pod = serde_json::json!({ "metadata": { "name": "bound" }, "spec": {
        "nodeName": "node01", "tolerations": [{ "operator": "Exists" }], "containers": [{ "name": "web", "image": "nginx" }],
    } });
    pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    let events = seat.objects("Event", "default");
    let told = || async {
        let found = events.list(&ListParams::default()).await.unwrap().items;
        found.iter().any(|event| event.data["reason"] == "NetworkNotReady")
    };
    seat.until("the Pod is told of the network", told).await;
    let phase = |pod: Pod| pod.status.and_then(|status| status.phase).unwrap_or_default();
    assert_eq!(phase(pods.get("bound").await.unwrap()), "Pending", "there is no network for it");
    moved("/root/10-flannel.conflist", "/etc/cni/net.d/10-flannel.conflist");
    seat.waits("node01", "True").await;
    seat.until("the Pod runs", || async { phase(pods.get("bound").await.unwrap()) == "Running" }).await;
}

#[tokio::test]
async fn static_pods_follow_their_manifests() {
    let seat = Seat::take(Topology::workers(1)).await;
    let manifest = "/etc/kubernetes/manifests/web.yaml";
    let pod =
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: web\n    image: nginx\n";
    seat.files("node01", |root| root.write(manifest, pod.as_bytes(), 0o644).unwrap());
    seat.until("it is there", || async { seat.mirrors("node01").await == ["web-node01"] }).await;
    seat.edits("node01", manifest, |text| text.replace("- name: web", "-- name: web"));
    seat.until("it is gone", || async { seat.mirrors("node01").await.is_empty() }).await;
    // What the API server does not take keeps nothing after it back.
    let refused = pod.replace("image: nginx", "image: nginx\n    volumeMounts: [{ name: none, mountPath: /none }]");
    let first = "/etc/kubernetes/manifests/a.yaml";
    seat.files("node01", |root| root.write(first, refused.replace("web", "refused").as_bytes(), 0o644).unwrap());
    let second = "/etc/kubernetes/manifests/b.yaml";
    seat.files("node01", |root| root.write(second, pod.replace("web", "other").as_bytes(), 0o644).unwrap());
    seat.until("the other is there", || async { seat.mirrors("node01").await == ["other-node01"] }).await;
    let journal = seat.prints("node01", "journalctl -u kubelet").await;
    assert!(journal.contains("Could not process manifest file"), "{journal}");
    assert_eq!(seat.mirrors("controlplane").await.len(), 4);
}

/// Whether the API server comes to listen, or not to, within minutes of the cluster's time: one is little of the machine's.
pub(super) async fn becomes(seat: &Seat, listening: bool) -> bool {
    for _ in 0..300 {
        seat.world.settle().await;
        if seat.listens().await == listening {
            return true;
        }
        seat.world.clock().sleep(Duration::from_secs(1)).await;
    }
    false
}

#[tokio::test]
async fn a_component_without_its_manifest_does_not_run() {
    let seat = Seat::take(Topology::workers(1)).await;
    let moved = |from: &str, to: &str| seat.files("controlplane", |root| root.rename(from, to).unwrap());
    let (there, away) = ("/etc/kubernetes/manifests/kube-apiserver.yaml", "/root/kube-apiserver.yaml");
    assert!(seat.listens().await);
    moved(there, away);
    assert!(becomes(&seat, false).await, "the API server is gone");
    moved(away, there);
    assert!(becomes(&seat, true).await, "the API server is back");
}

#[tokio::test]
async fn an_api_server_with_a_flag_nobody_knows_ends_again_and_again() {
    let seat = Seat::take(Topology::workers(1)).await;
    let manifest = "/etc/kubernetes/manifests/kube-apiserver.yaml";
    seat.edits("controlplane", manifest, |text| text.replace("--allow-privileged=true", "--allow-privilege=true"));
    seat.world.settle().await;
    let pods = seat.objects("Pod", "kube-system");
    let again = || async {
        let pod = pods.get_opt("kube-apiserver-controlplane").await.unwrap();
        pod.is_some_and(|pod| pod.data["status"]["containerStatuses"][0]["restartCount"].as_u64() > Some(1))
    };
    seat.until("it is started again and again", again).await;
    assert!(!seat.listens().await, "nobody answers");
    seat.edits("controlplane", manifest, |text| text.replace("--allow-privilege=true", "--allow-privileged=true"));
    assert!(becomes(&seat, true).await, "mended");
    seat.waits("node01", "True").await;
}

#[tokio::test]
async fn a_second_scheduler_places_the_pods_that_name_it() {
    let seat = Seat::take(Topology::workers(1)).await;
    let pods: Api<Pod> = Api::default_namespaced(seat.world.client().unwrap());
    let asks = |name: &str, scheduler: &str| {
        let pod = serde_json::json!({ "metadata": { "name": name }, "spec": {
            "schedulerName": scheduler, "containers": [{ "name": "web", "image": "nginx" }],
        } });
        serde_json::from_value::<Pod>(pod).unwrap()
    };
    pods.create(&PostParams::default(), &asks("early", "my-scheduler")).await.unwrap();
    let config = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nclientConnection: { kubeconfig: /etc/kubernetes/scheduler.conf }\nleaderElection: { leaderElect: false }\nprofiles: [{ schedulerName: my-scheduler }]\n";
    let manifests = "/etc/kubernetes/manifests";
    seat.files("controlplane", |root| {
        root.write("/etc/kubernetes/my-scheduler.yaml", config.as_bytes(), 0o600).unwrap();
        let own = root.text(&format!("{manifests}/kube-scheduler.yaml")).unwrap();
        let second = own
            .replace("name: kube-scheduler\n", "name: my-scheduler\n")
            .replace("component: kube-scheduler", "component: my-scheduler")
            .replace(
                "    - --kubeconfig=/etc/kubernetes/scheduler.conf\n",
                "    - --config=/etc/kubernetes/my-scheduler.yaml\n",
            )
            .replace("    - --leader-elect=true\n", "    - --secure-port=10269\n")
            .replace(
                "  volumes:\n",
                "  volumes:\n  - hostPath: { path: /etc/kubernetes/my-scheduler.yaml, type: File }\n    name: config\n",
            )
            .replace(
                "    volumeMounts:\n",
                "    volumeMounts:\n    - mountPath: /etc/kubernetes/my-scheduler.yaml\n      name: config\n",
            );
        root.write(&format!("{manifests}/my-scheduler.yaml"), second.as_bytes(), 0o600).unwrap();
    });
    let placed = |name: &'static str| {
        let pods = pods.clone();
        async move { pods.get(name).await.unwrap().spec.unwrap().node_name }
    };
    seat.until("the second scheduler begins", || async { placed("early").await.is_some() }).await;
    let events = seat.objects("Event", "default").list(&ListParams::default()).await.unwrap().items;
    let told = |event: &DynamicObject| {
        event.data["reason"] == "Scheduled" && event.data["reportingComponent"] == "my-scheduler"
    };
    assert!(events.iter().any(told), "it speaks for itself");

    // The cluster's own is gone: the second one does not stand in for it.
    seat.files("controlplane", |root| root.remove(&format!("{manifests}/kube-scheduler.yaml")).unwrap());
    seat.world.settle().await;
    pods.create(&PostParams::default(), &asks("usual", "default-scheduler")).await.unwrap();
    pods.create(&PostParams::default(), &asks("late", "my-scheduler")).await.unwrap();
    seat.until("the second scheduler goes on", || async { placed("late").await.is_some() }).await;
    assert_eq!(placed("usual").await, None);
}

#[tokio::test]
async fn a_component_that_starts_again_becomes_ready() {
    let seat = Seat::take(Topology::workers(1)).await;
    let pods = seat.objects("Pod", "kube-system");
    let uid = |pod: &DynamicObject| pod.metadata.uid.clone();
    let before = uid(&pods.get("kube-scheduler-controlplane").await.unwrap());
    let manifest = "/etc/kubernetes/manifests/kube-scheduler.yaml";
    let text = seat.files("controlplane", |root| root.text(manifest).unwrap());
    seat.files("controlplane", |root| root.remove(manifest).unwrap());
    let gone = || async { pods.get_opt("kube-scheduler-controlplane").await.unwrap().is_none() };
    seat.until("the scheduler ends", gone).await;
    seat.files("controlplane", |root| root.write(manifest, text.as_bytes(), 0o600).unwrap());
    let ready = || async {
        let pod = pods.get_opt("kube-scheduler-controlplane").await.unwrap();
        pod.is_some_and(|pod| uid(&pod) != before && pod.data["status"]["containerStatuses"][0]["ready"] == true)
    };
    seat.until("its probes go well", ready).await;
}
