//! Clusters that end and begin on machines: `kubeadm reset` and `kubeadm init`, the network that is installed then, and who joins.
//! What kubeadm says is what the real one of 1.35.4 says, times and keys apart.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::api::{DynamicObject, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};
use kubedrill::base::topology::Topology;
use kubedrill::sim::apiserver::pki;

use super::typing::Seat;

const ADMIN: &str = "/etc/kubernetes/admin.conf";
const CA: &str = "/etc/kubernetes/pki/ca.crt";

/// What stands in the scenario's file with the manifest of flannel.
pub(super) fn flannel(range: &str) -> Vec<serde_json::Value> {
    let scenario = include_str!("../../../scenarios/cka/init-cluster/scenario.yaml");
    let text = scenario.split("        text: |\n").nth(1).unwrap().split("\n  checks:").next().unwrap();
    let text: String =
        text.lines().map(|line| line.strip_prefix("          ").unwrap_or_default().to_owned() + "\n").collect();
    serde_yaml::from_multiple(&text.replace("10.244.0.0/16", range)).unwrap()
}

pub(super) async fn apply(client: &Client, objects: Vec<serde_json::Value>) {
    for object in objects {
        let text = |key: &str| object[key].as_str().unwrap().to_owned();
        let (group, version) = text("apiVersion")
            .split_once('/')
            .map_or((String::new(), text("apiVersion")), |(group, version)| (group.to_owned(), version.to_owned()));
        let resource = ApiResource::from_gvk(&GroupVersionKind { group, version, kind: text("kind") });
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let api: Api<DynamicObject> = match &object.metadata.namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        api.create(&PostParams::default(), &object).await.unwrap();
    }
}

async fn is_ready(client: &Client, name: &str) -> Option<bool> {
    let nodes: Api<Node> = Api::all(client.clone());
    let conditions = nodes.get_opt(name).await.unwrap()?.status?.conditions?;
    Some(conditions.iter().any(|one| one.type_ == "Ready" && one.status == "True"))
}

/// A client by a kubeconfig, through the API server's door; `named` as whoever reaches it by the control plane's name.
async fn through_the_door(seat: &Seat, kubeconfig: &str, named: bool) -> Client {
    let address = seat.world.url().trim_start_matches("https://").to_owned();
    let mut config = Kubeconfig::from_yaml(kubeconfig).unwrap();
    let cluster = config.clusters[0].cluster.as_mut().unwrap();
    cluster.server = Some(format!("https://{address}"));
    cluster.tls_server_name = named.then(|| "controlplane".to_owned());
    let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

/// Two machines without anything, not even a network.
pub(super) async fn blank() -> Seat {
    let seat = Seat::take(Topology::workers(1)).await;
    for node in ["node01", "controlplane"] {
        seat.prints(node, "kubeadm reset -f").await;
        seat.files(node, |root| root.remove("/etc/cni/net.d").unwrap());
    }
    seat
}

/// The new administrator comes in by name; the practice's own by address, whatever the authority; the old one by name does not.
async fn the_right_ones_come_in(seat: &Seat) {
    let admin = seat.files("controlplane", |root| root.text(ADMIN).unwrap());
    through_the_door(seat, &admin, true).await.apiserver_version().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("kubeconfig");
    seat.world.write_kubeconfig(&own).unwrap();
    let own = std::fs::read_to_string(own).unwrap();
    through_the_door(seat, &own, false).await.apiserver_version().await.unwrap();
    assert!(through_the_door(seat, &own, true).await.apiserver_version().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_leaves_nothing_of_a_control_plane() {
    let seat = Seat::take(Topology::workers(1)).await;
    let said = seat.prints("controlplane", "kubeadm reset --force").await;
    assert!(
        said.contains(
            "[reset] Deleted contents of the etcd data directory: /var/lib/etcd\n[reset] Stopping the kubelet service\n"
        ),
        "{said}"
    );
    assert!(said.contains("[reset] Deleting contents of directories: [/etc/kubernetes/manifests /var/lib/kubelet /etc/kubernetes/pki]\n"), "{said}");
    for folder in ["/etc/kubernetes/manifests", "/etc/kubernetes/pki", "/var/lib/etcd", "/var/lib/kubelet"] {
        assert_eq!(seat.files("controlplane", |root| root.list(folder).unwrap()), [""; 0], "{folder}");
    }
    assert!(!seat.files("controlplane", |root| root.exists(ADMIN)));
    let address = seat.world.url().trim_start_matches("https://").to_owned();
    seat.until("nobody listens", || async { tokio::net::TcpStream::connect(&address).await.is_err() }).await;
    assert_eq!(seat.types("controlplane", "systemctl is-active kubelet", "").await.out, "inactive\n");
    let token = seat.fails("controlplane", "kubeadm token create").await;
    assert!(token.contains("connect: connection refused"), "{token}");
    let expiration = seat.prints("controlplane", "kubeadm certs check-expiration").await;
    assert!(expiration.contains("!MISSING! apiserver "), "{expiration}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_way_of_a_control_plane_is_named() {
    let seat = Seat::take(Topology::workers(1)).await;
    let there = seat.fails("controlplane", "kubeadm init").await;
    for error in [
        "[ERROR Port-6443]: Port 6443 is in use",
        "[ERROR Port-10250]: Port 10250 is in use",
        "[ERROR FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml]: /etc/kubernetes/manifests/kube-apiserver.yaml already exists",
        "[ERROR DirAvailable--var-lib-etcd]: /var/lib/etcd is not empty",
    ] {
        assert!(there.contains(&format!("\t{error}\n")), "{error}: {there}");
    }
    assert!(there.contains("\nerror: error execution phase preflight: preflight checks failed\n"), "{there}");
    seat.prints("controlplane", "kubeadm reset -f").await;
    for line in ["systemctl stop containerd", "sysctl -w net.ipv4.ip_forward=0", "swapon /swap.img"] {
        seat.types("controlplane", line, "").await;
    }
    let machine = seat.fails("controlplane", "kubeadm init").await;
    assert!(machine.contains("\t[ERROR CRI]: could not connect to the container runtime: failed to create new CRI runtime service: validate service connection: validate CRI v1 runtime API for endpoint \"unix:///var/run/containerd/containerd.sock\": rpc error: code = Unavailable"), "{machine}");
    assert!(machine.contains("\t[ERROR FileContent--proc-sys-net-ipv4-ip_forward]: /proc/sys/net/ipv4/ip_forward contents are not set to 1\n"), "{machine}");
    assert!(!machine.contains("Port-"), "{machine}");
    for (line, why) in [
        (
            "kubeadm init --pod-network-cidr=10.244.0.0",
            "networking.podSubnet: Invalid value: \"10.244.0.0\": couldn't parse subnet",
        ),
        (
            "kubeadm init --kubernetes-version v1.30.1",
            "this version of kubeadm only supports deploying clusters with the control plane version >= 1.34.0. Current version: v1.30.1",
        ),
        (
            "kubeadm init --config a.yaml --pod-network-cidr=10.9.0.0/16",
            "can not mix '--config' with arguments [pod-network-cidr]",
        ),
        (
            "kubeadm init --config a.yaml",
            "unable to read config from \"a.yaml\" : open a.yaml: no such file or directory",
        ),
    ] {
        let said = seat.fails("controlplane", line).await;
        assert!(said.starts_with(&format!("error: {why}\n")), "{line}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_begins_anew_and_a_worker_joins_it() {
    let seat = blank().await;
    let before = seat.world.machines().birth().authority.certificate_pem();
    let said = seat
        .prints(
            "controlplane",
            "kubeadm init --pod-network-cidr=10.100.0.0/16 --kubernetes-version=1.35.2 --token=abcdef.0123456789abcdef",
        )
        .await;
    assert!(said.starts_with("[init] Using Kubernetes version: v1.35.2\n[preflight] Running pre-flight checks\n[preflight] Pulling images"), "{said}");
    assert!(said.contains("\nYour Kubernetes control-plane has initialized successfully!\n"), "{said}");
    let authority = seat.files("controlplane", |root| root.text(CA).unwrap());
    assert_ne!(authority, before, "the authority is a new one");
    let hash = pki::public_key_hash(&authority).unwrap();
    assert!(said.ends_with(&format!("kubeadm join controlplane:6443 --token abcdef.0123456789abcdef \\\n\t--discovery-token-ca-cert-hash sha256:{hash} \n")), "{said}");

    let client = seat.world.client().unwrap();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let names: Vec<String> = namespaces
        .list(&ListParams::default())
        .await
        .unwrap()
        .items
        .into_iter()
        .filter_map(|one| one.metadata.name)
        .collect();
    assert_eq!(names, ["default", "kube-node-lease", "kube-public", "kube-system"]);
    let nodes: Api<Node> = Api::all(client.clone());
    let node = nodes.get("controlplane").await.unwrap();
    let spec = node.spec.unwrap();
    assert!(spec.taints.unwrap().iter().any(|taint| taint.key == "node-role.kubernetes.io/control-plane"));
    assert_eq!(is_ready(&client, "controlplane").await, Some(false), "there is no network yet");
    seat.until("the node has its piece of the range", || async {
        nodes.get("controlplane").await.unwrap().spec.unwrap().pod_cidr.as_deref() == Some("10.100.0.0/24")
    })
    .await;
    let pods: Api<Pod> = Api::namespaced(client.clone(), "kube-system");
    let api = pods.get("kube-apiserver-controlplane").await.unwrap().spec.unwrap().containers.remove(0);
    assert_eq!(api.image.as_deref(), Some("registry.k8s.io/kube-apiserver:v1.35.2"));
    let dns = ListParams::default().labels("k8s-app=kube-dns");
    let phases = || async {
        pods.list(&dns).await.unwrap().items.into_iter().filter_map(|pod| pod.status?.phase).collect::<Vec<_>>()
    };
    seat.until("CoreDNS waits", || async { phases().await == ["Pending", "Pending"] }).await;

    the_right_ones_come_in(&seat).await;
    apply(&client, flannel("10.100.0.0/16")).await;
    let join = said.split("kubeadm join ").nth(1).unwrap().replace("\\\n\t", "");
    let joined = seat.prints("node01", &format!("kubeadm join {join}")).await;
    assert!(joined.contains("\nThis node has joined the cluster:\n"), "{joined}");
    seat.until("both nodes are ready", || async {
        is_ready(&client, "controlplane").await == Some(true) && is_ready(&client, "node01").await == Some(true)
    })
    .await;
    seat.until("CoreDNS runs", || async { phases().await == ["Running", "Running"] }).await;
    assert!(
        seat.files("node01", |root| root.text("/run/flannel/subnet.env").unwrap())
            .contains("FLANNEL_SUBNET=10.100.1.1/24\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_of_another_range_leaves_nodes_unready_and_says_why() {
    let seat = blank().await;
    let config = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.35.3\ncontrolPlaneEndpoint: controlplane:6443\nnetworking:\n  podSubnet: 10.50.0.0/16\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration:\n  taints: []\n";
    seat.files("controlplane", |root| root.write("/root/kubeadm.yaml", config.as_bytes(), 0o644).unwrap());
    let said = seat
        .prints("controlplane", "kubeadm init --config kubeadm.yaml --upload-certs --skip-phases=addon/kube-proxy")
        .await;
    assert!(said.contains("\t--control-plane --certificate-key "), "{said}");
    assert!(!said.contains("kube-proxy\n") && said.contains("[addons] Applied essential addon: CoreDNS\n"), "{said}");
    let client = seat.world.client().unwrap();
    let nodes: Api<Node> = Api::all(client.clone());
    let taints = nodes.get("controlplane").await.unwrap().spec.unwrap().taints.unwrap_or_default();
    assert!(!taints.iter().any(|taint| taint.key.contains("control-plane")), "{taints:?}");
    apply(&client, flannel("10.244.0.0/16")).await;
    let pods: Api<Pod> = Api::namespaced(client.clone(), "kube-flannel");
    seat.until("flannel says why it ends", || async {
        let Some(pod) = pods.list(&ListParams::default()).await.unwrap().items.pop() else { return false };
        let name = pod.metadata.name.unwrap();
        let log = pods.logs(&name, &kube::api::LogParams { container: Some("kube-flannel".to_owned()), ..Default::default() }).await;
        log.is_ok_and(|log| log.contains("subnet \"10.244.0.0/16\" specified in the flannel net config doesn't contain \"10.50.0.0/24\" PodCIDR of the \"controlplane\" node"))
    })
    .await;
    assert_eq!(is_ready(&client, "controlplane").await, Some(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_back_to_before_has_the_cluster_of_before() {
    let seat = Seat::take(Topology::workers(1)).await;
    let authority = seat.files("controlplane", |root| root.text(CA).unwrap());
    seat.world.machines().keep("before").unwrap();
    let before = seat.world.checkpoint();
    seat.prints("controlplane", "kubeadm reset -f").await;
    seat.prints("controlplane", "kubeadm init").await;
    assert_ne!(seat.world.machines().authority().certificate_pem(), authority);
    let mut still = seat.world.still().await;
    seat.world.machines().bring_back("before").unwrap();
    seat.world.restore(&before).await;
    still.forget();
    drop(still);
    seat.world.settle().await;
    assert_eq!(seat.world.machines().authority().certificate_pem(), authority);
    assert!(seat.world.ready(Duration::from_secs(1000)).await, "everything runs again");
    let admin = seat.files("controlplane", |root| root.text(ADMIN).unwrap());
    through_the_door(&seat, &admin, true).await.apiserver_version().await.unwrap();
}
