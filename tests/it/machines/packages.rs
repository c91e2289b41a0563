//! Packages of a node: what is held stays, what a repository does not have is not found, and a new repository brings new versions.
//! What kubeadm does with them is `kubeadm.rs`.

use kubedrill::base::topology::Topology;
use kubedrill::sim::machine::packages::line;
use kubedrill::sim::machine::packages::offers::LIST;

use super::typing::Seat;

fn old() -> Topology {
    Topology { kubernetes: "1.34.2".to_owned(), ..Topology::workers(1) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_born_with_the_version_it_is_asked_for() {
    let seat = Seat::take(old()).await;
    let client = seat.world.client().unwrap();
    assert_eq!(client.apiserver_version().await.unwrap().git_version, "v1.34.2");
    let nodes: kube::Api<k8s_openapi::api::core::v1::Node> = kube::Api::all(client.clone());
    let node = nodes.get("node01").await.unwrap();
    assert_eq!(node.status.unwrap().node_info.unwrap().kubelet_version, "v1.34.2");
    let pods: kube::Api<k8s_openapi::api::core::v1::Pod> = kube::Api::namespaced(client, "kube-system");
    let etcd = pods.get("etcd-controlplane").await.unwrap().spec.unwrap().containers[0].image.clone();
    assert_eq!(etcd.as_deref(), Some("registry.k8s.io/etcd:3.6.5-0"));
    assert_eq!(seat.prints("node01", "kubelet --version").await, "Kubernetes v1.34.2\n");
    let manifest =
        seat.files("controlplane", |root| root.text("/etc/kubernetes/manifests/kube-apiserver.yaml").unwrap());
    assert!(manifest.contains("registry.k8s.io/kube-apiserver:v1.34.2\n"), "{manifest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn held_packages_and_unknown_versions_fail_in_apts_words() {
    let seat = Seat::take(old()).await;
    assert_eq!(seat.prints("node01", "apt-mark showhold").await, "kubeadm\nkubectl\nkubelet\n");
    let newest = seat.prints("node01", "apt-cache madison kubeadm").await;
    assert!(
        newest.starts_with("   kubeadm | 1.34.7-1.1 | https://pkgs.k8s.io/core:/stable:/v1.34/deb  Packages\n"),
        "{newest}"
    );
    let unknown = seat.fails("node01", "apt-get install -y kubeadm=1.35.4-1.1").await;
    assert_eq!(unknown, "E: Version '1.35.4-1.1' for 'kubeadm' was not found\n");
    assert_eq!(seat.fails("node01", "apt-get install -y kubadm").await, "E: Unable to locate package kubadm\n");
    let held = seat.fails("node01", "apt-get install -y kubeadm=1.34.7-1.1").await;
    assert_eq!(held, "E: Held packages were changed and -y was used without --allow-change-held-packages.\n");
    let asked = seat.types("node01", "apt-get install kubeadm=1.34.7-1.1", "n\n").await;
    assert_eq!((asked.code, asked.errors.as_str()), (100, "Abort.\n"));
    assert!(asked.out.contains("The following held packages will be changed:\n  kubeadm\n"), "{}", asked.out);
    assert!(
        seat.prints("node01", "apt-get upgrade -y").await.contains("have been kept back:\n  kubeadm kubectl kubelet\n")
    );
    assert_eq!(
        seat.prints("node01", "apt-mark unhold kubeadm kubelet").await,
        "Canceled hold on kubeadm.\nCanceled hold on kubelet.\n"
    );
    let installed = seat.prints("node01", "apt-get install -y kubelet=1.34.7-*").await;
    assert!(installed.contains("Unpacking kubelet (1.34.7-1.1) over (1.34.2-1.1) ...\n"), "{installed}");
    assert_eq!(seat.prints("node01", "kubelet --version").await, "Kubernetes v1.34.7\n");
    let older = seat.fails("node01", "apt-get install -y kubelet=1.34.2-1.1").await;
    assert_eq!(older, "E: Packages were downgraded and -y was used without --allow-downgrades.\n");
    assert!(
        seat.prints("node01", "dpkg -l kubectl").await.contains("\nhi  kubectl        1.34.2-1.1 "),
        "the others stay"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_repository_counts_after_an_update() {
    let seat = Seat::take(old()).await;
    seat.files("node01", |root| root.write(LIST, line("1.35").as_bytes(), 0o644)).unwrap();
    let before = seat.types("node01", "apt-cache madison kubeadm", "").await;
    assert_eq!(before.out, "", "nobody asked the new repository yet");
    let updated = seat.prints("node01", "apt-get update").await;
    assert!(updated.contains("/core:/stable:/v1.35/deb  InRelease [1,227 B]\n"), "{updated}");
    let policy = seat.prints("node01", "apt-cache policy kubeadm").await;
    assert!(policy.starts_with("kubeadm:\n  Installed: 1.34.2-1.1\n  Candidate: 1.35.4-1.1\n"), "{policy}");
    let upgradable = seat.prints("node01", "apt list --upgradable").await;
    assert!(upgradable.contains("kubelet/unknown 1.35.4-1.1 amd64 [upgradable from: 1.34.2-1.1]\n"), "{upgradable}");
    seat.files("node01", |root| root.write(LIST, line("1.99").as_bytes(), 0o644)).unwrap();
    let refused = seat.fails("node01", "apt-get update").await;
    assert!(
        refused.starts_with("E: Failed to fetch https://pkgs.k8s.io/core:/stable:/v1.99/deb/InRelease  403  Forbidden"),
        "{refused}"
    );
}
