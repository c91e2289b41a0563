//! What kubeadm is told by configuration files and flags, and what comes of it in the cluster: networks, names, flags, taints, add-ons.
//! That a cluster begins at all is `init`'s. What kubeadm says is what the real one of 1.35.4 says.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod, Service};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use kubedrill::base::topology::Topology;
use kubedrill::sim::apiserver::pki;
use serde_json::{Value, json};

use super::init::{apply, blank, flannel};
use super::typing::Seat;

const STRICT: &str = "error unmarshaling configuration schema.GroupVersionKind{Group:\"kubeadm.k8s.io\", Version:\"v1beta4\", Kind:\"ClusterConfiguration\"}: strict decoding error: unknown field \"networking.podSubnets\"";

/// A configuration with other networks, another domain, further flags and volumes, and a field nobody knows.
const CONFIG: &str = r#"apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration:
  taints:
  - { key: own, value: "yes", effect: NoSchedule }
  kubeletExtraArgs:
  - { name: node-labels, value: disk=ssd }
  ignorePreflightErrors: [Swap]
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
controlPlaneEndpoint: cluster.corp.example
networking:
  podSubnet: 10.100.0.0/16
  podSubnets: 10.101.0.0/16
  serviceSubnet: 172.20.0.0/16
  dnsDomain: corp.example
apiServer:
  certSANs: [api.corp.example]
  extraArgs:
  - { name: audit-log-maxage, value: "7" }
  extraVolumes:
  - { name: audit, hostPath: /var/log/audit, mountPath: /audit, pathType: DirectoryOrCreate }
scheduler:
  extraArgs:
  - { name: v, value: "4" }
"#;

fn write(seat: &Seat, node: &str, path: &str, text: &str) {
    seat.files(node, |root| root.write(path, text.as_bytes(), 0o644).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_has_the_networks_names_and_flags_its_configuration_says() {
    let seat = blank().await;
    let hosts = seat.files("controlplane", |root| root.text("/etc/hosts").unwrap());
    let api = seat.world.url().trim_start_matches("https://").split(':').next().unwrap().to_owned();
    for node in ["controlplane", "node01"] {
        let hosts = seat.files(node, |root| root.text("/etc/hosts").unwrap());
        write(&seat, node, "/etc/hosts", &format!("{hosts}{api} cluster.corp.example\n"));
    }
    assert!(!hosts.contains("corp"));
    write(&seat, "controlplane", "/root/kubeadm.yaml", CONFIG);
    let said = seat.types("controlplane", "kubeadm init --config kubeadm.yaml", "").await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.errors.contains(STRICT), "{}", said.errors);
    assert!(said.out.contains("kubeadm join cluster.corp.example:6443 --token "), "{}", said.out);
    assert!(said.out.contains("DNS names [api.corp.example cluster.corp.example controlplane kubernetes kubernetes.default kubernetes.default.svc kubernetes.default.svc.corp.example localhost] and IPs ["), "{}", said.out);

    let client = seat.world.client().unwrap();
    let services: Api<Service> = Api::namespaced(client.clone(), "default");
    let address = |service: Service| service.spec.unwrap().cluster_ip.unwrap();
    assert_eq!(address(services.get("kubernetes").await.unwrap()), "172.20.0.1");
    let dns: Api<Service> = Api::namespaced(client.clone(), "kube-system");
    assert_eq!(address(dns.get("kube-dns").await.unwrap()), "172.20.0.10");
    let web = json!({ "metadata": { "name": "web" }, "spec": { "ports": [{ "port": 80 }] } });
    let web = services.create(&PostParams::default(), &serde_json::from_value(web).unwrap()).await.unwrap();
    assert!(address(web).starts_with("172.20."));
    let certificate = seat.files("controlplane", |root| root.text("/etc/kubernetes/pki/apiserver.crt").unwrap());
    let names = pki::inspect(&certificate).unwrap().names;
    assert!(names.ips.contains(&"172.20.0.1".parse().unwrap()) && !names.ips.contains(&"10.96.0.1".parse().unwrap()));

    let node: Node = Api::all(client.clone()).get("controlplane").await.unwrap();
    assert_eq!(node.metadata.labels.unwrap().get("disk").map(String::as_str), Some("ssd"));
    let taints: Vec<String> = node.spec.unwrap().taints.unwrap().into_iter().map(|taint| taint.key).collect();
    assert!(
        taints.contains(&"own".to_owned()) && !taints.iter().any(|key| key.contains("control-plane")),
        "{taints:?}"
    );
    let text = |path: &str| seat.files("controlplane", |root| root.text(path).unwrap());
    assert_eq!(text("/var/lib/kubelet/kubeadm-flags.env"), "KUBELET_KUBEADM_ARGS=\"--node-labels=disk=ssd\"\n");
    let kubelet: Value = serde_yaml::from_str(&text("/var/lib/kubelet/config.yaml")).unwrap();
    assert_eq!((&kubelet["clusterDNS"], &kubelet["clusterDomain"]), (&json!(["172.20.0.10"]), &json!("corp.example")));
    let manifest = text("/etc/kubernetes/manifests/kube-apiserver.yaml");
    for line in [
        "    - --service-cluster-ip-range=172.20.0.0/16\n",
        "    - --service-account-issuer=https://kubernetes.default.svc.corp.example\n",
        "    - --tls-private-key-file=/etc/kubernetes/pki/apiserver.key\n    - --audit-log-maxage=7\n    image: ",
        "    - mountPath: /audit\n      name: audit\n",
        "  - hostPath:\n      path: /var/log/audit\n      type: DirectoryOrCreate\n    name: audit\n",
    ] {
        assert!(manifest.contains(line), "{line}: {manifest}");
    }
    assert!(text("/etc/kubernetes/manifests/kube-scheduler.yaml").contains("    - --leader-elect=true\n    - --v=4\n"));
    let admin = text("/etc/kubernetes/admin.conf");
    assert!(admin.contains("server: https://cluster.corp.example:6443\n"), "{admin}");
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "kube-system");
    let kept = maps.get("kubeadm-config").await.unwrap().data.unwrap().remove("ClusterConfiguration").unwrap();
    assert!(kept.contains("\ncontrolPlaneEndpoint: cluster.corp.example:6443\n"), "{kept}");

    apply(&client, flannel("10.100.0.0/16")).await;
    let join = said.out.split("Then you can join any number of worker").nth(1).unwrap();
    let join = join.split("kubeadm join ").nth(1).unwrap().replace("\\\n\t", "");
    worker(&seat, &client, &join).await;
}

/// A worker joins by a configuration with taints and flags of its own, and its Pods find the cluster's names.
async fn worker(seat: &Seat, client: &kube::Client, join: &str) {
    let word =
        |flag: &str| join.split(&format!("{flag} ")).nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let config = format!(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ndiscovery:\n  bootstrapToken:\n    apiServerEndpoint: cluster.corp.example:6443\n    token: {}\n    caCertHashes: [\"{}\"]\nnodeRegistration:\n  taints:\n  - {{ key: batch, effect: PreferNoSchedule }}\n  kubeletExtraArgs:\n  - {{ name: node-labels, value: \"disk=hdd,zone=a\" }}\n  nme: other\n",
        word("--token"),
        word("--discovery-token-ca-cert-hash")
    );
    write(seat, "node01", "/root/join.yaml", &config);
    let joined = seat.types("node01", "kubeadm join --config join.yaml", "").await;
    assert_eq!(joined.code, 0, "{joined:?}");
    assert!(
        joined
            .errors
            .contains("Kind:\"JoinConfiguration\"}: strict decoding error: unknown field \"nodeRegistration.nme\"\n"),
        "{joined:?}"
    );
    let nodes: Api<Node> = Api::all(client.clone());
    let node = nodes.get("node01").await.unwrap();
    assert_eq!(node.metadata.labels.unwrap().get("disk").map(String::as_str), Some("hdd"));
    assert!(
        node.spec
            .unwrap()
            .taints
            .unwrap()
            .iter()
            .any(|taint| taint.key == "batch" && taint.effect == "PreferNoSchedule")
    );
    let flags = seat.files("node01", |root| root.text("/var/lib/kubelet/kubeadm-flags.env").unwrap());
    assert_eq!(
        flags,
        "KUBELET_KUBEADM_ARGS=\"--register-with-taints=batch:PreferNoSchedule --node-labels=disk=hdd,zone=a\"\n"
    );

    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    let caller = json!({ "metadata": { "name": "caller" }, "spec": { "nodeName": "node01", "containers": [{ "name": "c", "image": "busybox:1.36", "command": ["sleep", "1d"] }] } });
    pods.create(&PostParams::default(), &serde_json::from_value(caller).unwrap()).await.unwrap();
    let network = seat.world.network();
    seat.until("the domain answers", || async {
        let from = ("default", "caller");
        network
            .survey(from, ("kubernetes.default.svc.corp.example", 443), None)
            .is_ok_and(|ends| ends.iter().all(Result::is_ok))
            && network.survey(from, ("kubernetes", 443), None).is_ok()
    })
    .await;
    assert!(network.survey(("default", "caller"), ("kubernetes.default.svc.cluster.local", 443), None).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn add_ons_become_again_what_kubeadm_makes_of_them() {
    let seat = Seat::take(Topology::workers(1)).await;
    let client = seat.world.client().unwrap();
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "kube-system");
    let daemons: Api<DaemonSet> = Api::namespaced(client.clone(), "kube-system");
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "kube-system");
    let image = |image: &str| json!({ "spec": { "replicas": 3, "template": { "spec": { "containers": [{ "name": "coredns", "image": image }] } } } });
    let change = PatchParams::default();
    deployments.patch("coredns", &change, &Patch::Strategic(image("nginx:1.29"))).await.unwrap();
    let corefile = maps.get("coredns").await.unwrap().data.unwrap().remove("Corefile").unwrap();
    let own = corefile.replace("ttl 30", "ttl 60");
    maps.patch("coredns", &change, &Patch::Merge(json!({ "data": { "Corefile": own } }))).await.unwrap();
    maps.patch("kube-proxy", &change, &Patch::Merge(json!({ "data": { "config.conf": "mode: ipvs\n" } })))
        .await
        .unwrap();

    let said = seat
        .prints(
            "controlplane",
            "kubeadm init phase addon all --pod-network-cidr 10.244.0.0/16 --image-repository mirror.example/k8s",
        )
        .await;
    assert_eq!(said, "[addons] Applied essential addon: CoreDNS\n[addons] Applied essential addon: kube-proxy\n");
    let dns = deployments.get("coredns").await.unwrap().spec.unwrap();
    assert_eq!(dns.replicas, Some(3), "the number of replicas stays");
    let dns = dns.template.spec.unwrap().containers.remove(0).image.unwrap();
    assert!(dns.starts_with("mirror.example/k8s/coredns:v1."), "{dns}");
    let proxy =
        daemons.get("kube-proxy").await.unwrap().spec.unwrap().template.spec.unwrap().containers.remove(0).image;
    assert_eq!(proxy.as_deref(), Some("mirror.example/k8s/kube-proxy:v1.35.4"));
    let kept = maps.get("coredns").await.unwrap().data.unwrap().remove("Corefile").unwrap();
    assert_eq!(kept, own, "a Corefile that somebody wrote stays");
    let config = maps.get("kube-proxy").await.unwrap().data.unwrap().remove("config.conf").unwrap();
    assert!(config.contains("clusterCIDR: 10.244.0.0/16\n") && !config.contains("ipvs"), "{config}");

    maps.patch(
        "coredns",
        &change,
        &Patch::Merge(json!({ "data": { "Corefile": corefile.replace("/etc/resolv.conf", "1.1.1.1") } })),
    )
    .await
    .unwrap();
    seat.prints("controlplane", "kubeadm init phase addon coredns").await;
    let back = maps.get("coredns").await.unwrap().data.unwrap().remove("Corefile").unwrap();
    assert_eq!(back, corefile, "one that is kubeadm's but for where others are asked is kubeadm's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_joins_phase_by_phase() {
    let seat = Seat::take(Topology { blank: 1, ..Topology::workers(1) }).await;
    let line = seat.prints("controlplane", "kubeadm token create --print-join-command").await;
    let words = line.trim().trim_start_matches("kubeadm join ");
    let checks = seat.prints("node02", &format!("kubeadm join phase preflight {words}")).await;
    assert!(checks.starts_with("[preflight] Running pre-flight checks\n[preflight] Reading configuration from the \"kubeadm-config\" ConfigMap"), "{checks}");
    let nodes: Api<Node> = Api::all(seat.world.client().unwrap());
    assert!(nodes.get_opt("node02").await.unwrap().is_none());
    seat.prints("node02", &format!("kubeadm join phase kubelet-start {words}")).await;
    let waited = seat.prints("node02", &format!("kubeadm join phase kubelet-wait-bootstrap {words}")).await;
    assert!(waited.ends_with("[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap\n"), "{waited}");
    seat.until("the node is there", || async { nodes.get_opt("node02").await.unwrap().is_some() }).await;
    let none = seat.fails("node02", "kubeadm join phase kubelet-sart").await;
    assert!(none.starts_with("error: unknown command \"kubelet-sart\" for \"kubeadm join phase\"\n"), "{none}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubelet_may_not_give_its_node_every_label() {
    let seat = Seat::take(Topology::workers(1)).await;
    write(
        &seat,
        "node01",
        "/var/lib/kubelet/kubeadm-flags.env",
        "KUBELET_KUBEADM_ARGS=\"--node-labels=node-role.kubernetes.io/worker=\"\n",
    );
    seat.prints("node01", "systemctl restart kubelet").await;
    let refused =
        "unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: [node-role.kubernetes.io/worker]";
    let log = || seat.prints("node01", "journalctl -u kubelet --no-pager");
    seat.until("it says why it ends", || async { log().await.contains(refused) }).await;
}
