//! Stories of configurations: what kube-proxy, CoreDNS, kubelets and schedulers are told, and what they make of it.
//! What is done to units and manifests is in `causes`.

use std::time::Duration;

use base64::Engine as _;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, DynamicObject, ListParams, LogParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kubedrill::base::topology::Topology;
use kubedrill::sim::apiserver::pki::{Authority, Issue, Subject, Usages};

use super::typing::Seat;

impl Seat {
    /// The log of a Pod's container, or of the run before.
    pub(super) async fn log(&self, namespace: &str, pod: &str, previous: bool) -> String {
        let pods: Api<Pod> = Api::namespaced(self.world.client().unwrap(), namespace);
        pods.logs(pod, &LogParams { previous, ..LogParams::default() }).await.unwrap_or_default()
    }

    /// The Pod with this label on a node, if there is one that is not going.
    pub(super) async fn labelled(&self, label: &str, node: &str) -> Option<DynamicObject> {
        let on = ListParams::default().labels(label).fields(&format!("spec.nodeName={node}"));
        let found = self.objects("Pod", "kube-system").list(&on).await.unwrap().items;
        found.into_iter().find(|pod| pod.metadata.deletion_timestamp.is_none())
    }

    /// Changes one text of a ConfigMap's.
    async fn rewrites(&self, map: &str, key: &str, change: impl Fn(&str) -> String) {
        let maps = self.objects("ConfigMap", "kube-system");
        let text = maps.get(map).await.unwrap().data["data"][key].as_str().unwrap().to_owned();
        let patch = serde_json::json!({ "data": { key: change(&text) } });
        maps.patch(map, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    /// Deletes a Pod and waits for the one that comes in its place on the node.
    pub(super) async fn renews(&self, label: &str, node: &str) -> String {
        let before = self.labelled(label, node).await.unwrap();
        let name = before.metadata.name.clone().unwrap();
        self.objects("Pod", "kube-system").delete(&name, &DeleteParams::default().grace_period(0)).await.unwrap();
        let mut found = String::new();
        for _ in 0..6000 {
            let pod = self.labelled(label, node).await.filter(|pod| pod.metadata.uid != before.metadata.uid);
            let started = |pod: &DynamicObject| pod.data["status"]["containerStatuses"][0]["containerID"].is_string();
            if let Some(pod) = pod.filter(started) {
                found = pod.metadata.name.unwrap();
                break;
            }
            self.world.clock().sleep(Duration::from_millis(200)).await;
        }
        assert!(!found.is_empty(), "no other Pod with {label} on {node}");
        found
    }
}

pub(super) const PROXY: &str = "k8s-app=kube-proxy";

#[tokio::test]
async fn a_kube_proxy_goes_by_its_config_map() {
    let seat = Seat::take(Topology::workers(1)).await;
    let proxy = seat.labelled(PROXY, "node01").await.unwrap().metadata.name.unwrap();
    let log = seat.log("kube-system", &proxy, false).await;
    for line in
        ["Using iptables proxy", "Successfully retrieved NodeIPs", "Caches are synced\" controller=\"service config\""]
    {
        assert!(log.contains(line), "{line} in {log}");
    }
    seat.rewrites("kube-proxy", "config.conf", |text| text.replace("mode: \"\"", "mode: iptable")).await;
    let proxy = seat.renews(PROXY, "node01").await;
    let said = || async { seat.log("kube-system", &proxy, false).await.contains("command failed") };
    seat.until("kube-proxy ends", said).await;
    let log = seat.log("kube-system", &proxy, false).await;
    assert!(
        log.contains("KubeProxyConfiguration.Mode.ProxyMode: Invalid value: \\\"iptable\\\": must be iptables"),
        "{log}"
    );

    seat.rewrites("kube-proxy", "config.conf", |text| text.replace("mode: iptable", "mode: nftables")).await;
    let proxy = seat.renews(PROXY, "node01").await;
    let runs = || async { seat.log("kube-system", &proxy, false).await.contains("Using nftables Proxier") };
    seat.until("kube-proxy runs in another mode", runs).await;
}

#[tokio::test]
async fn a_kube_proxy_that_is_led_astray_runs_and_no_service_works() {
    let seat = Seat::take(Topology::workers(1)).await;
    let pods: Api<Pod> = Api::default_namespaced(seat.world.client().unwrap());
    let pod = serde_json::json!({ "metadata": { "name": "client" }, "spec": { "nodeName": "node01",
        "tolerations": [{ "operator": "Exists" }],
        "containers": [{ "name": "shell", "image": "busybox:1.36", "command": ["sleep", "86400"] }],
    } });
    pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    let asks = || async {
        let id = seat.prints("node01", "crictl ps --name shell -q").await;
        let id = id.trim().to_owned();
        !id.is_empty()
            && seat
                .types("node01", &format!("crictl exec {id} nslookup kubernetes.default.svc.cluster.local"), "")
                .await
                .code
                == 0
    };
    seat.until("names are found", asks).await;
    let wrong = |text: &str| text.replace("controlplane:6443", "controlplane:6553");
    seat.rewrites("kube-proxy", "kubeconfig.conf", wrong).await;
    assert!(asks().await, "a changed ConfigMap counts when kube-proxy starts again");
    let proxy = seat.renews(PROXY, "node01").await;
    // What refuses connections is tried again in silence.
    let waits = || async { seat.log("kube-system", &proxy, false).await.contains("Waiting for caches to sync") };
    seat.until("it has begun to look", waits).await;
    assert!(!seat.log("kube-system", &proxy, false).await.contains("Caches are synced"));
    let pod = seat.objects("Pod", "kube-system").get(&proxy).await.unwrap();
    assert!(pod.data["status"]["containerStatuses"][0]["state"]["running"].is_object(), "{:?}", pod.data["status"]);
    assert!(!asks().await, "no Service works on the node");
    seat.rewrites("kube-proxy", "kubeconfig.conf", |text| text.replace(":6553", ":6443")).await;
    seat.renews(PROXY, "node01").await;
    seat.until("names are found again", asks).await;
}

const DNS: &str = "k8s-app=kube-dns";

#[tokio::test]
async fn coredns_says_what_it_cannot_start_with_and_keeps_what_it_has() {
    let seat = Seat::take(Topology::workers(1)).await;
    let all = || async {
        let found = seat.objects("Pod", "kube-system").list(&ListParams::default().labels(DNS)).await.unwrap().items;
        found.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect::<Vec<_>>()
    };
    let first = all().await.remove(0).metadata.name.unwrap();
    assert!(
        seat.log("kube-system", &first, false).await.starts_with(".:53\n[INFO] plugin/reload: Running configuration")
    );
    seat.rewrites("coredns", "Corefile", |text| text.replace("pods insecure", "pods secure")).await;
    let failed = || async { seat.log("kube-system", &first, false).await.contains("reload failed") };
    seat.until("the Corefile is looked at again", failed).await;
    let log = seat.log("kube-system", &first, false).await;
    let why = "plugin/kubernetes: wrong value for pods: secure,  must be one of: disabled, verified, insecure";
    assert!(log.contains(&format!("[ERROR] plugin/reload: Corefile changed but reload failed: {why}")), "{log}");
    let node = all().await.remove(0).data["spec"]["nodeName"].as_str().unwrap().to_owned();
    let pods = seat.objects("Pod", "kube-system");
    pods.delete(&first, &DeleteParams::default().grace_period(0)).await.unwrap();
    let crashed = || async {
        let mut told = false;
        for pod in all().await {
            told |= pod.data["status"]["containerStatuses"][0]["restartCount"].as_u64().unwrap_or(0) > 0
                && seat.log("kube-system", &pod.metadata.name.unwrap(), false).await.contains(why);
        }
        told
    };
    seat.until(&format!("one that starts on {node} or elsewhere ends"), crashed).await;
}

#[tokio::test]
async fn a_kubelet_tells_how_many_pods_it_takes_and_whom_they_ask_for_names() {
    let seat = Seat::take(Topology::workers(1)).await;
    let config = "/var/lib/kubelet/config.yaml";
    seat.edits("node01", config, |text| format!("{}maxPods: 12\n", text.replace("- 10.96.0.10", "- 10.96.0.99")));
    seat.prints("node01", "systemctl restart kubelet").await;
    let node = seat.objects("Node", "").get("node01").await.unwrap();
    let status = &node.data["status"];
    assert_eq!((&status["capacity"]["pods"], &status["allocatable"]["pods"]), (&"12".into(), &"12".into()));
    let pods: Api<Pod> = Api::default_namespaced(seat.world.client().unwrap());
    for at in 0..12 {
        let pod = serde_json::json!({ "metadata": { "name": format!("p{at}") }, "spec": { "nodeName": "node01",
            "tolerations": [{ "operator": "Exists" }],
            "containers": [{ "name": "shell", "image": "busybox:1.36", "command": ["sh", "-c", "cat /etc/resolv.conf; sleep 86400"] }],
        } });
        pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    }
    let refused = || async {
        let all = pods.list(&ListParams::default()).await.unwrap().items;
        all.iter().any(|pod| pod.status.as_ref().and_then(|status| status.reason.as_deref()) == Some("OutOfpods"))
    };
    seat.until("one too many is refused", refused).await;
    let asks = || async { seat.log("default", "p0", false).await.contains("nameserver 10.96.0.99") };
    seat.until("a Pod is given the kubelet's DNS", asks).await;
    seat.edits("node01", config, |text| text.replace("maxPods: 12", "maxPods: -12"));
    seat.prints("node01", "systemctl restart kubelet").await;
    let journal = seat.prints("node01", "journalctl -u kubelet").await;
    assert!(journal.contains("maxPods (--max-pods) -12 must not be a negative number"), "{journal}");
    seat.edits("node01", config, |text| text.replace("maxPods: -12", "maxpods: 12"));
    seat.prints("node01", "systemctl restart kubelet").await;
    let journal = seat.prints("node01", "journalctl -u kubelet").await;
    let lenient = "Using lenient decoding as strict decoding failed\" err=\"strict decoding error: unknown field";
    assert!(journal.contains(lenient), "{journal}");
    let node = seat.objects("Node", "").get("node01").await.unwrap();
    assert_eq!(node.data["status"]["capacity"]["pods"], "110");
}

#[tokio::test]
async fn a_scheduler_whose_certificate_ends_while_it_runs_ends_too() {
    let seat = Seat::take(Topology::workers(1)).await;
    let now = seat.world.clock().now();
    let (key, authority) = seat.files("controlplane", |root| {
        (root.text("/etc/kubernetes/pki/ca.key").unwrap(), root.text("/etc/kubernetes/pki/ca.crt").unwrap())
    });
    let authority = Authority::from_pem(&authority, &key).unwrap();
    let subject = Subject::new("system:kube-scheduler", &[]);
    // Long enough for a scheduler to begin with it on a machine that has much to do: the cluster's clock is fast.
    let issue =
        Issue { not_after: now + Duration::from_secs(1000), ..Issue::for_a_year(subject, Usages::client(), now) };
    let issued = authority.issue(&issue).unwrap();
    let encode = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
    let (certificate, key) = (encode(issued.certificate_pem()), encode(issued.key.to_pem()));
    seat.edits("controlplane", "/etc/kubernetes/scheduler.conf", |text| {
        let line = |line: &str| match line.trim_start().split(':').next() {
            Some("client-certificate-data") => format!("    client-certificate-data: {certificate}\n"),
            Some("client-key-data") => format!("    client-key-data: {key}\n"),
            _ => format!("{line}\n"),
        };
        text.lines().map(line).collect()
    });
    let id = seat.prints("controlplane", "crictl ps --name kube-scheduler -q").await;
    seat.prints("controlplane", &format!("crictl stop {}", id.trim())).await;
    let log = |previous: bool| seat.log("kube-system", "kube-scheduler-controlplane", previous);
    let leads = || async { log(false).await.contains("Successfully acquired lease") && !log(true).await.is_empty() };
    seat.until("it leads again", leads).await;
    let lost = || async { log(true).await.contains("Leaderelection lost") };
    seat.until("it loses its lease", lost).await;
    let idle = || async { log(false).await.contains("err=\"failed to list *v1.Node: Unauthorized\"") };
    seat.until("the next one is not believed", idle).await;
}

pub(super) const RBAC: &str = "rbac.authorization.k8s.io";

/// Makes an object of RBAC; a namespace of no name is the cluster.
pub(super) async fn bind(seat: &Seat, (kind, namespace): (&str, &str), object: serde_json::Value) {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(RBAC, "v1", kind));
    let client = seat.world.client().unwrap();
    let objects: Api<DynamicObject> = match namespace {
        "" => Api::all_with(client, &resource),
        _ => Api::namespaced_with(client, namespace, &resource),
    };
    objects.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
}

/// A scheduler's configuration with one profile.
pub(super) fn scheduling(profile: &str) -> String {
    format!(
        "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nleaderElection: {{ resourceName: mine }}\nprofiles: [{{ {profile} }}]\n"
    )
}

/// A scheduler in a Pod, with its configuration from a key of the ConfigMap `mine`.
fn scheduler(name: &str, file: &str) -> serde_json::Value {
    serde_json::json!({ "metadata": { "name": name }, "spec": { "serviceAccountName": "mine", "containers": [{
        "name": "scheduler", "image": "registry.k8s.io/kube-scheduler:v1.35.4",
        "command": ["kube-scheduler", format!("--config=/etc/mine/{file}")],
        "volumeMounts": [{ "name": "config", "mountPath": "/etc/mine" }],
    }], "volumes": [{ "name": "config", "configMap": { "name": "mine" } }] } })
}

#[tokio::test]
async fn a_scheduler_in_a_pod_needs_its_configuration_its_rights_and_a_lease() {
    let seat = Seat::take(Topology::workers(1)).await;
    let create = |kind: &'static str, value: serde_json::Value| {
        let objects = seat.objects(kind, "kube-system");
        async move { objects.create(&PostParams::default(), &serde_json::from_value(value).unwrap()).await.unwrap() }
    };
    create("ServiceAccount", serde_json::json!({ "metadata": { "name": "mine" } })).await;
    let data =
        serde_json::json!({ "good": scheduling("schedulerName: mine"), "bad": scheduling("schedulername: mine") });
    create("ConfigMap", serde_json::json!({ "metadata": { "name": "mine" }, "data": data })).await;
    create("Pod", scheduler("broken", "bad")).await;
    let why = "err=\"strict decoding error: unknown field \\\"profiles[0].schedulername\\\"\"";
    seat.until("one that cannot read ends", || async { seat.log("kube-system", "broken", false).await.contains(why) })
        .await;

    create("Pod", scheduler("mine", "good")).await;
    let forbidden = "pods is forbidden: User \\\"system:serviceaccount:kube-system:mine\\\" cannot list resource \\\"pods\\\" in API group \\\"\\\" at the cluster scope";
    seat.until("it is refused", || async { seat.log("kube-system", "mine", false).await.contains(forbidden) }).await;
    let pods: Api<Pod> = Api::default_namespaced(seat.world.client().unwrap());
    let asks = serde_json::json!({ "metadata": { "name": "waits" }, "spec": { "schedulerName": "mine",
        "containers": [{ "name": "web", "image": "nginx" }] } });
    pods.create(&PostParams::default(), &serde_json::from_value(asks).unwrap()).await.unwrap();
    let placed = || async { pods.get("waits").await.unwrap().spec.unwrap().node_name.is_some() };

    let subjects = serde_json::json!([{ "kind": "ServiceAccount", "name": "mine", "namespace": "kube-system" }]);
    for role in ["system:kube-scheduler", "system:volume-scheduler"] {
        let gives = serde_json::json!({ "apiGroup": RBAC, "kind": "ClusterRole", "name": role });
        let binding = serde_json::json!({ "metadata": { "name": format!("mine-{}", &role[7..]) }, "roleRef": gives, "subjects": subjects });
        bind(&seat, ("ClusterRoleBinding", ""), binding).await;
    }
    seat.world.clock().sleep(Duration::from_secs(30)).await;
    assert!(!placed().await, "it may not have its lease yet");
    let rules = serde_json::json!([{ "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": ["mine"],
        "verbs": ["get", "update"] }]);
    let may = serde_json::json!({ "metadata": { "name": "mine" }, "rules": rules });
    bind(&seat, ("Role", "kube-system"), may).await;
    let gives = serde_json::json!({ "apiGroup": RBAC, "kind": "Role", "name": "mine" });
    let binding = serde_json::json!({ "metadata": { "name": "mine" }, "roleRef": gives, "subjects": subjects });
    bind(&seat, ("RoleBinding", "kube-system"), binding).await;
    seat.until("it places the Pod", placed).await;
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("coordination.k8s.io", "v1", "Lease"));
    let leases: Api<DynamicObject> = Api::namespaced_with(seat.world.client().unwrap(), "kube-system", &resource);
    let lease = leases.get("mine").await.unwrap();
    assert!(lease.data["spec"]["holderIdentity"].as_str().unwrap().starts_with("mine_"), "{:?}", lease.data);
}
