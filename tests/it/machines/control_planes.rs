//! Further control planes, and machines that join by a configuration or a file.
//! Beginning a cluster is `init`'s.

use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod};
use kube::Api;
use kube::api::{Patch, PatchParams};
use kubedrill::base::topology::Topology;
use serde_json::json;

use super::typing::Seat;

const MEMBERS: &str = "etcdctl --cacert /etc/kubernetes/pki/etcd/ca.crt --cert /etc/kubernetes/pki/etcd/server.crt --key /etc/kubernetes/pki/etcd/server.key member list";

#[tokio::test(flavor = "multi_thread")]
async fn a_second_control_plane_joins_where_there_is_a_stable_endpoint() {
    let seat = Seat::take(Topology { blank: 1, ..Topology::workers(1) }).await;
    let client = seat.world.client().unwrap();
    let said = seat.prints("controlplane", "kubeadm init phase upload-certs --upload-certs").await;
    assert!(said.starts_with("[upload-certs] Storing the certificates in Secret \"kubeadm-certs\" in the \"kube-system\" Namespace\n[upload-certs] Using certificate key:\n"), "{said}");
    let key = said.trim().lines().last().unwrap().to_owned();
    let line = seat
        .prints("controlplane", &format!("kubeadm token create --print-join-command --certificate-key {key}"))
        .await;
    assert!(line.trim().ends_with(&format!("--control-plane --certificate-key {key}")), "{line}");
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "kube-system");
    let text = maps.get("kubeadm-config").await.unwrap().data.unwrap().remove("ClusterConfiguration").unwrap();
    let endpoint = "controlPlaneEndpoint: controlplane:6443\n";
    assert!(text.contains(endpoint), "what the join command says is what the cluster's configuration says: {text}");
    let configured = |text: String| Patch::Merge(json!({ "data": { "ClusterConfiguration": text } }));
    maps.patch("kubeadm-config", &PatchParams::default(), &configured(text.replace(endpoint, ""))).await.unwrap();
    let refused = seat.fails("node02", &line).await;
    assert!(refused.contains("\n\nunable to add a new control plane instance to a cluster that doesn't have a stable controlPlaneEndpoint address\n\nPlease ensure that:\n"), "{refused}");

    maps.patch("kubeadm-config", &PatchParams::default(), &configured(text)).await.unwrap();
    let wrong = seat.fails("node02", &line.replace(&key, &"0".repeat(64))).await;
    assert!(wrong.contains("error execution phase control-plane-prepare/download-certs: error downloading certs: error decoding secret data with provided key: cipher: message authentication failed"), "{wrong}");
    let joined = seat.prints("node02", &line).await;
    assert!(
        joined.contains("\nThis node has joined the cluster and a new control plane instance was created:\n"),
        "{joined}"
    );

    let nodes: Api<Node> = Api::all(client.clone());
    let node = nodes.get("node02").await.unwrap();
    assert!(node.metadata.labels.unwrap().contains_key("node-role.kubernetes.io/control-plane"));
    assert!(
        node.spec.unwrap().taints.unwrap().iter().any(|taint| taint.key == "node-role.kubernetes.io/control-plane")
    );
    let pods: Api<Pod> = Api::namespaced(client, "kube-system");
    for component in ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        let name = format!("{component}-node02");
        seat.until(&name, || async {
            pods.get_opt(&name).await.unwrap().and_then(|pod| pod.status?.phase).as_deref() == Some("Running")
        })
        .await;
    }
    let restarts =
        |pod: Pod| pod.status.unwrap().container_statuses.unwrap().iter().map(|one| one.restart_count).sum::<i32>();
    // A time in which an API server that had not found etcd would have ended.
    seat.world.clock().sleep(std::time::Duration::from_secs(60)).await;
    assert_eq!(restarts(pods.get("kube-apiserver-node02").await.unwrap()), 0, "it found its etcd at once");
    for node in ["controlplane", "node02"] {
        let members = seat.prints(node, MEMBERS).await;
        assert_eq!(members.lines().count(), 2, "{members}");
        assert!(
            members.contains(", started, node02, https://192.168.56.12:2380, https://192.168.56.12:2379, false\n"),
            "{members}"
        );
    }
    // As `yes` answers.
    seat.answers("node02", "kubeadm reset", &"y\n".repeat(100)).await;
    assert_eq!(seat.prints("controlplane", MEMBERS).await.lines().count(), 1, "the member is gone");
    seat.prints("controlplane", "kubeadm token list").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_joins_by_a_configuration_or_by_a_file() {
    let seat = Seat::take(Topology { blank: 2, ..Topology::workers(1) }).await;
    let line = seat.prints("controlplane", "kubeadm token create --print-join-command").await;
    let word =
        |flag: &str| line.split(&format!("{flag} ")).nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let (token, hash) = (word("--token"), word("--discovery-token-ca-cert-hash"));
    let config = format!(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ndiscovery:\n  bootstrapToken:\n    apiServerEndpoint: controlplane:6443\n    token: {token}\n    caCertHashes: [\"{hash}\"]\n"
    );
    seat.files("node02", |root| root.write("/root/join.yaml", config.as_bytes(), 0o644).unwrap());
    let mixed = seat.fails("node02", "kubeadm join --config join.yaml --token abcdef.0123456789abcdef").await;
    assert!(mixed.starts_with("error: can not mix '--config' with arguments [token]\n"), "{mixed}");
    seat.types("node02", "systemctl stop containerd", "").await;
    let runtime = seat.fails("node02", "kubeadm join --config join.yaml").await;
    assert!(runtime.contains("\t[ERROR CRI]: could not connect to the container runtime: "), "{runtime}");
    seat.prints("node02", "systemctl start containerd").await;
    seat.prints("node02", "kubeadm join --config join.yaml --node-name node02").await;

    let admin = seat.files("controlplane", |root| root.text("/etc/kubernetes/admin.conf").unwrap());
    seat.files("node03", |root| root.write("/root/cluster.conf", admin.as_bytes(), 0o600).unwrap());
    let bare = seat.fails("node03", "kubeadm join --discovery-file cluster.conf").await;
    assert!(bare.contains("tlsBootstrapToken"), "{bare}");
    seat.prints("node03", &format!("kubeadm join --discovery-file cluster.conf --tls-bootstrap-token {token}")).await;
    let nodes: Api<Node> = Api::all(seat.world.client().unwrap());
    for name in ["node02", "node03"] {
        seat.until(name, || async {
            let conditions =
                nodes.get(name).await.unwrap().status.and_then(|status| status.conditions).unwrap_or_default();
            conditions.iter().any(|one| one.type_ == "Ready" && one.status == "True")
        })
        .await;
    }
}
