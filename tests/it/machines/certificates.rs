//! Certificates that end when a task wants them to: what is in their files then, and what the API server shows.
//! How kubeadm lists and renews them stands in `kubeadm`, what a check says of one with the check.

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::ListParams;
use kubedrill::base::topology::Topology;
use kubedrill::cluster::certificates::{inspect, sign_anew};
use kubedrill::cluster::nodes::{Nodes as _, Simulated};

use super::typing::Seat;

const PATH: &str = "/etc/kubernetes/pki/apiserver.crt";

/// Has a certificate of the control plane end so many days from now.
async fn ends(seat: &Seat, path: &str, days: i64) {
    let (nodes, now) = (Simulated(seat.world.inside().clone()), seat.world.clock().now());
    sign_anew(&nodes, ("controlplane", path), now, now + SignedDuration::from_hours(24 * days)).await.unwrap();
}

/// What somebody hears who asks the API server over its port.
async fn heard(seat: &Seat) -> Result<usize, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    seat.world.write_kubeconfig(&file).unwrap();
    let config = kube::config::Kubeconfig::read_from(&file).unwrap();
    let config = kube::Config::from_custom_kubeconfig(config, &Default::default()).await.unwrap();
    let nodes: Api<Node> = Api::all(kube::Client::try_from(config).unwrap());
    nodes.list(&ListParams::default()).await.map(|found| found.items.len()).map_err(|error| format!("{error:?}"))
}

#[tokio::test]
async fn an_expired_certificate_is_shown_and_a_renewed_one_without_a_restart() {
    let seat = Seat::take(Topology::workers(1)).await;
    assert_eq!(heard(&seat).await, Ok(2));
    ends(&seat, PATH, -2).await;
    let refused = heard(&seat).await.unwrap_err();
    assert!(refused.contains("Expired"), "{refused}");
    seat.prints("controlplane", "kubeadm certs renew apiserver").await;
    assert_eq!(heard(&seat).await, Ok(2));
    let more = seat.fails("controlplane", "kubeadm certs renew apiserver etcd-server").await;
    assert!(
        more.starts_with("error: unknown command \"etcd-server\" for \"kubeadm certs renew apiserver\"\n"),
        "{more}"
    );
}

#[tokio::test]
async fn what_is_signed_anew_is_what_it_was_but_for_its_end() {
    let seat = Seat::take(Topology::workers(1)).await;
    let nodes = Simulated(seat.world.inside().clone());
    for path in [PATH, "/etc/kubernetes/scheduler.conf", "/etc/kubernetes/pki/etcd/peer.crt"] {
        let read = || async { inspect(&nodes.read("controlplane", path).await.unwrap().unwrap()).unwrap() };
        let before = read().await;
        ends(&seat, path, 20).await;
        let after = read().await;
        assert_eq!((&after.subject, &after.names, &after.usages), (&before.subject, &before.names, &before.usages));
        let days = after.not_after.duration_since(seat.world.clock().now()).as_hours() as f64 / 24.0;
        assert!((19.0..20.1).contains(&days), "{path}: {days}");
    }
    let now = seat.world.clock().now();
    let missing = sign_anew(&nodes, ("controlplane", "/opt/none.crt"), now, now).await.unwrap_err();
    assert_eq!(missing.to_string(), "the file /opt/none.crt is not there on controlplane");
}
