//! `curl` on a node: what is within the cluster answers there as to anything on the node's own network, the rest is this machine's affair.
//! What the network decides stands in `network`.

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Api;
use kubedrill::base::topology::Topology;
use serde_json::json;

use super::typing::Seat;

const TRIES: usize = 3000;

/// A web server on node01 behind a Service with node port 30080.
async fn with_web() -> (Seat, String, String) {
    let seat = Seat::take(Topology::workers(1)).await;
    let client = seat.world.client().unwrap();
    let (pods, services): (Api<Pod>, Api<Service>) =
        (Api::namespaced(client.clone(), "default"), Api::namespaced(client, "default"));
    let spec = json!({ "nodeName": "node01", "containers": [{ "name": "web", "image": "nginx:1.27" }] });
    let pod = json!({ "metadata": { "name": "web", "labels": { "app": "web" } }, "spec": spec });
    pods.create(&kube::api::PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    let spec =
        json!({ "type": "NodePort", "selector": { "app": "web" }, "ports": [{ "port": 80, "nodePort": 30080 }] });
    let service = json!({ "metadata": { "name": "web" }, "spec": spec });
    let service = serde_json::from_value(service).unwrap();
    let made = services.create(&kube::api::PostParams::default(), &service).await.unwrap();
    for _ in 0..TRIES {
        if seat.types("controlplane", "curl -s -m 1 node01:30080", "").await.out.contains("Welcome to nginx!") {
            let address = pods.get("web").await.unwrap().status.unwrap().pod_ip.unwrap();
            return (seat, made.spec.unwrap().cluster_ip.unwrap(), address);
        }
    }
    panic!("nothing answers at the node port in {TRIES} tries");
}

#[tokio::test]
async fn services_pods_and_node_ports_answer_on_nodes() {
    let (seat, service, pod) = with_web().await;
    for url in
        ["localhost:30080", "http://127.0.0.1:30080/", "192.168.56.11:30080", "controlplane:30080", &service, &pod]
    {
        let said = seat.types("node01", &format!("curl -s {url}"), "").await;
        assert!(said.code == 0 && said.out.contains("Welcome to nginx!"), "{url}: {said:?}");
    }
    let refused = seat.types("node01", &format!("curl -sS {pod}:81"), "").await;
    assert_eq!((refused.code, refused.out.as_str()), (7, ""));
    assert!(refused.errors.starts_with(&format!("curl: (7) Failed to connect to {pod} port 81")), "{refused:?}");
    seat.prints("node01", &format!("curl -s -o page.html {service}")).await;
    let page = seat.files("node01", |root| root.text("/root/page.html"));
    assert!(page.unwrap().contains("Welcome to nginx!"));
}

#[tokio::test]
async fn what_is_not_the_clusters_is_left_to_this_machine() {
    let seat = Seat::take(Topology::workers(1)).await;
    for url in ["https://example.com", "localhost:30999", "https://controlplane:6443/healthz", "-V"] {
        let port = seat.world.machines().birth().api.port();
        let url = url.replace("6443", &port.to_string());
        assert!(seat.leaves("node01", &format!("curl {url}")).await, "{url}");
    }
    assert!(!seat.leaves("node01", "curl -m 1 10.244.1.99").await);
}

#[tokio::test]
async fn the_parts_of_a_node_tell_of_their_health() {
    let seat = Seat::take(Topology::workers(1)).await;
    let asks = |url: &'static str| {
        let seat = &seat;
        async move { seat.types("controlplane", &format!("curl -sSk -m 3 {url}"), "").await }
    };
    let forbidden = "\"message\": \"forbidden: User \\\"system:anonymous\\\" cannot get path \\\"/metrics\\\"\"";
    for (url, said) in [
        ("localhost:10248/healthz", "ok"),
        ("https://localhost:10250/healthz", "Unauthorized"),
        ("https://127.0.0.1:10257/healthz", "ok"),
        ("https://127.0.0.1:10257/livez", "404 page not found\n"),
        ("https://127.0.0.1:10259/livez", "ok"),
        ("https://127.0.0.1:10259/metrics", forbidden),
        ("http://127.0.0.1:2381/health", "{\"health\":\"true\",\"reason\":\"\"}"),
        ("http://127.0.0.1:2381/metrics", "\netcd_server_has_leader 1\n"),
        ("localhost:10249/proxyMode", "iptables"),
        ("localhost:10249/healthz", "ok"),
        ("localhost:10256/healthz", ",\"nodeEligible\":true,\"healthy\":true,\"status\":{\"IPv4\":{"),
    ] {
        let heard = asks(url).await;
        let whole = ["ok", "iptables", "Unauthorized"].contains(&said);
        assert!(if whole { heard.out == said } else { heard.out.contains(said) }, "{url}: {heard:?}");
    }
    let plain = asks("http://localhost:10250/healthz").await;
    assert_eq!(plain.out, "Client sent an HTTP request to an HTTPS server.\n");
    seat.prints("controlplane", "systemctl stop kubelet").await;
    for url in ["localhost:10248/healthz", "https://localhost:10250/healthz", "https://192.168.56.10:10250/healthz"] {
        assert_eq!(asks(url).await.code, 7, "{url} without a kubelet");
    }
    assert_eq!(asks("https://192.168.56.11:10250/healthz").await.out, "Unauthorized", "the other node's");
}

#[tokio::test]
async fn the_api_server_is_asked_at_its_nodes_port() {
    let seat = Seat::take(Topology::workers(1)).await;
    for url in ["https://localhost:6443/livez", "https://127.0.0.1:6443/livez", "https://192.168.56.10:6443/livez"] {
        assert!(seat.leaves("controlplane", &format!("curl -k {url}")).await, "{url}");
    }
    let refused = "curl: (7) Failed to connect to localhost port 6443 after 0 ms: Couldn't connect to server\n";
    let said = seat.types("node01", "curl -k https://localhost:6443/livez", "").await;
    assert_eq!((said.code, said.errors.as_str()), (7, refused), "there is none on a worker");
    assert!(seat.leaves("node01", "curl -k https://192.168.56.10:6443/livez").await);
    seat.files("controlplane", |root| {
        root.rename("/etc/kubernetes/manifests/kube-apiserver.yaml", "/root/kube-apiserver.yaml").unwrap();
    });
    assert!(super::causes::becomes(&seat, false).await, "the API server is gone");
    let said = seat.types("controlplane", "curl -ks https://localhost:6443/livez", "").await;
    assert_eq!((said.code, said.errors.as_str()), (7, ""), "nobody listens, and nothing is said of it");
}
