//! Who answers whom: names, Services, endpoints, nodes, an Ingress controller. Objects are put there; nothing runs.
//! Policies alone are `policies.rs`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use kubedrill::base::clock::Clock;
use kubedrill::base::topology::Topology;
use kubedrill::object::meta;
use kubedrill::sim::apiserver::auth::{Authenticator, TokenKey};
use kubedrill::sim::apiserver::client::Client;
use kubedrill::sim::apiserver::endpoints::{ApiServer, DeleteOptions};
use kubedrill::sim::apiserver::pki::{Authority, KeyPair};
use kubedrill::sim::apiserver::registry;
use kubedrill::sim::apiserver::registry::kinds::configmap::CONFIGMAP;
use kubedrill::sim::apiserver::registry::kinds::pod::POD;
use kubedrill::sim::apiserver::registry::kinds::service::SERVICE;
use kubedrill::sim::apiserver::storage::{Object, Storage};
use kubedrill::sim::network::{ClusterDns, Datagram, Network, Reply, Request, Sockets};
use kubedrill::sim::nodes::heartbeat::Plan;
use serde_json::{Value, json};

/// What listens, by the Pod's uid; each answers with its port and the path.
#[derive(Default)]
struct Open(Mutex<HashMap<String, Vec<u16>>>);

impl Sockets for Open {
    fn turn(&self) -> usize {
        0
    }

    fn open(&self, pod: &Object) -> Vec<u16> {
        self.0.lock().unwrap().get(meta::uid(pod)).cloned().unwrap_or_default()
    }

    fn get(&self, _: &Object, port: u16, request: &Request) -> Result<Reply, String> {
        Ok(Reply { status: 200, body: format!("{port} {}", request.path), ..Reply::default() })
    }

    fn datagram(&self, _: &Object, port: u16, sent: &Datagram) -> Option<String> {
        Some(format!("{port} {} from {}", sent.text, sent.from))
    }

    fn cluster_dns(&self, _: &str) -> ClusterDns {
        ClusterDns::default()
    }

    fn has_kubelet(&self, _: &str) -> bool {
        true
    }
}

struct Cluster {
    client: Client,
    open: Arc<Open>,
    network: Network,
}

const COREFILE: &str = ".:53 {\n    kubernetes cluster.local in-addr.arpa {\n        pods insecure\n    }\n    forward . /etc/resolv.conf\n}\n";

impl Cluster {
    /// Two nodes with kube-proxy and CoreDNS, and a client in namespace `web`.
    fn new() -> Self {
        let clock = Clock::from_epoch("2026-03-01T12:00:00Z".parse().unwrap(), 1.0);
        let authority = Authority::generate("kubernetes", clock.now()).unwrap();
        let tokens = TokenKey::new(&KeyPair::generate().unwrap()).unwrap();
        let api = ApiServer::new(Storage::new(), clock, Authenticator::new(authority.certificate(), tokens));
        let client = Client::of_component(api, "tester");
        let open = Arc::new(Open::default());
        let sockets: Arc<dyn Sockets> = open.clone();
        let network = Network::new(client.clone(), Arc::downgrade(&sockets));
        let cluster = Self { client, open, network };
        for name in ["kube-system", "web", "shop"] {
            cluster.make(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": { "team": name } } }));
            cluster.make(json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default", "namespace": name } }));
        }
        Plan::cluster(&Topology::workers(1)).unwrap().iter().for_each(|plan| cluster.make(plan.node(clock.now())));
        let proxy = json!({ "k8s-app": "kube-proxy" });
        for (at, node) in ["controlplane", "node01"].into_iter().enumerate() {
            let address = format!("192.168.56.{}", 10 + at);
            let spec = json!({ "hostNetwork": true });
            cluster.pod(
                ("kube-system", &format!("kube-proxy-{at}")),
                (node, &address),
                proxy.clone(),
                (spec, &[10249]),
            );
        }
        let volume = json!({ "volumes": [{ "name": "c", "configMap": { "name": "coredns" } }] });
        cluster.make(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "coredns", "namespace": "kube-system" }, "data": { "Corefile": COREFILE } }));
        cluster.pod(
            ("kube-system", "coredns"),
            ("controlplane", "10.244.0.2"),
            json!({ "k8s-app": "kube-dns" }),
            (volume, &[53]),
        );
        let port = json!([{ "name": "dns", "port": 53, "protocol": "UDP" }]);
        cluster.service(("kube-system", "kube-dns"), json!({ "clusterIP": "10.96.0.10", "ports": port }));
        cluster.slice(
            ("kube-system", "kube-dns"),
            json!([{ "name": "dns", "port": 53, "protocol": "UDP" }]),
            &[("10.244.0.2", "controlplane")],
        );
        cluster.pod(("web", "client"), ("node01", "10.244.1.2"), json!({ "app": "client" }), (json!({}), &[]));
        cluster
    }

    fn make(&self, object: Value) {
        let kind = registry::of_kind(meta::text(&object, "/apiVersion"), meta::text(&object, "/kind")).expect("a kind");
        self.client.create(kind, object.clone()).unwrap_or_else(|status| panic!("{status}: {object}"));
    }

    fn pod(
        &self,
        (namespace, name): (&str, &str),
        (node, address): (&str, &str),
        labels: Value,
        (mut spec, ports): (Value, &[u16]),
    ) {
        spec["nodeName"] = json!(node);
        if spec.get("containers").is_none() {
            spec["containers"] = json!([{ "name": "c", "image": "nginx" }]);
        }
        spec["automountServiceAccountToken"] = json!(false);
        self.make(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": namespace, "labels": labels }, "spec": spec }));
        let host = if node == "node01" { "192.168.56.11" } else { "192.168.56.10" };
        let status = json!({ "phase": "Running", "podIP": address, "hostIP": host, "conditions": [{ "type": "Ready", "status": "True" }] });
        let made = self.client.modify_status(&POD, namespace, name, |pod| pod["status"] = status.clone()).unwrap();
        self.open.0.lock().unwrap().insert(meta::uid(&made).to_owned(), ports.to_vec());
    }

    fn service(&self, (namespace, name): (&str, &str), spec: Value) {
        self.make(json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": namespace }, "spec": spec }));
    }

    fn slice(&self, (namespace, service): (&str, &str), ports: Value, ends: &[(&str, &str)]) {
        let ends: Vec<Value> = ends
            .iter()
            .map(|(address, node)| json!({ "addresses": [address], "nodeName": node, "conditions": { "ready": true } }))
            .collect();
        self.make(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": { "name": service, "namespace": namespace, "labels": { "kubernetes.io/service-name": service } },
            "ports": ports, "endpoints": ends,
        }));
    }

    /// A Deployment's worth of Pods behind a Service `shop/db`, port 80 to 8080, one on each node.
    fn shop(&self) {
        for (name, node, address) in [("db-1", "node01", "10.244.1.9"), ("db-2", "controlplane", "10.244.0.9")] {
            self.pod(("shop", name), (node, address), json!({ "app": "db" }), (json!({}), &[8080]));
        }
        let ports = json!([{ "name": "", "port": 8080, "protocol": "TCP" }]);
        self.service(
            ("shop", "db"),
            json!({ "selector": { "app": "db" }, "ports": [{ "port": 80, "targetPort": 8080 }] }),
        );
        self.slice(("shop", "db"), ports, &[("10.244.1.9", "node01"), ("10.244.0.9", "controlplane")]);
    }

    fn policy(&self, namespace: &str, name: &str, spec: Value) {
        self.make(json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": name, "namespace": namespace }, "spec": spec }));
    }

    /// What comes of a call of `web/client`: how many ends answer, or the first reason why one does not.
    fn call(&self, host: &str, port: u16) -> Result<usize, String> {
        let ends = self.network.survey(("web", "client"), (host, port), None).map_err(|why| why.to_string())?;
        let count = ends.len();
        ends.into_iter().collect::<Result<Vec<_>, _>>().map(|_| count).map_err(|why| why.to_string())
    }

    fn get(&self, host: &str, port: u16, (name, path): (&str, &str)) -> Result<Reply, String> {
        let request = Request { host: name.to_owned(), ..Request::of(path) };
        let ends =
            self.network.survey(("web", "client"), (host, port), Some(&request)).map_err(|why| why.to_string())?;
        ends.into_iter().next().unwrap().map(Option::unwrap_or_default).map_err(|why| why.to_string())
    }

    fn set_service(&self, field: &str, value: Value) {
        self.client.modify(&SERVICE, "shop", "db", |service| service["spec"][field] = value.clone()).unwrap();
    }
}

#[tokio::test]
async fn names_lead_to_services_and_pods() {
    let cluster = Cluster::new();
    cluster.shop();
    for name in ["db.shop", "db.shop.svc", "db.shop.svc.cluster.local", "db.shop.svc.cluster.local."] {
        assert_eq!(cluster.call(name, 80), Ok(2), "{name}");
    }
    assert_eq!(cluster.call("db", 80), Err("DNS knows no db".to_owned()));
    assert_eq!(cluster.call("10-244-1-9.shop.pod", 8080), Ok(1));
    assert_eq!(cluster.call("10.244.1.9", 8080), Ok(1));
    cluster.service(("web", "alias"), json!({ "type": "ExternalName", "externalName": "db.shop.svc.cluster.local" }));
    assert_eq!(cluster.call("alias", 80), Ok(2));
    cluster.service(("shop", "members"), json!({ "clusterIP": "None", "ports": [{ "port": 8080 }] }));
    assert!(cluster.call("members.shop", 8080).is_err(), "a headless Service without endpoints is no name");
    cluster.slice(
        ("shop", "members"),
        json!([{ "name": "", "port": 8080 }]),
        &[("10.244.1.9", "node01"), ("10.244.0.9", "controlplane")],
    );
    assert_eq!(cluster.call("members.shop", 8080), Ok(2));
    assert_eq!(cluster.call("10-244-1-9.members.shop", 8080), Ok(1));
}

#[tokio::test]
async fn each_refusal_says_why() {
    let cluster = Cluster::new();
    cluster.shop();
    assert_eq!(cluster.call("db.shop", 81), Err("Service shop/db has no port 81; it has 80".to_owned()));
    assert_eq!(
        cluster.call("10.244.1.9", 80),
        Err("nothing listens on port 80 of Pod shop/db-1; something does on 8080".to_owned())
    );
    assert_eq!(cluster.call("10.244.1.77", 80), Err("nobody has the address 10.244.1.77".to_owned()));
    cluster.service(("shop", "empty"), json!({ "ports": [{ "port": 80 }] }));
    assert_eq!(cluster.call("empty.shop", 80), Err("Service shop/empty has no ready endpoints".to_owned()));
    cluster.policy("shop", "deny-all", json!({ "podSelector": {}, "policyTypes": ["Ingress"] }));
    assert_eq!(
        cluster.call("db.shop", 80),
        Err("NetworkPolicy shop/deny-all selects Pod shop/db-1 and allows no ingress".to_owned())
    );
}

#[tokio::test]
async fn dns_is_traffic_too() {
    let cluster = Cluster::new();
    cluster.shop();
    let to_db = json!([{ "to": [{ "namespaceSelector": { "matchLabels": { "team": "shop" } } }] }]);
    cluster.policy("web", "out", json!({ "podSelector": {}, "policyTypes": ["Egress"], "egress": to_db }));
    let refused = cluster.call("db.shop", 80).unwrap_err();
    assert!(
        refused.starts_with("the DNS server 10.96.0.10 cannot be asked: NetworkPolicy web/out selects"),
        "{refused}"
    );
    assert_eq!(cluster.call("10.244.1.9", 8080), Ok(1));
    let dns = json!([{ "ports": [{ "port": 53, "protocol": "UDP" }] }]);
    cluster.policy("web", "dns", json!({ "podSelector": {}, "policyTypes": ["Egress"], "egress": dns }));
    assert_eq!(cluster.call("db.shop", 80), Ok(2));
}

#[tokio::test]
async fn dns_needs_its_pods_and_its_configuration() {
    let cluster = Cluster::new();
    cluster.shop();
    let write = |text: &str| {
        cluster
            .client
            .modify(&CONFIGMAP, "kube-system", "coredns", |map| map["data"]["Corefile"] = json!(text))
            .unwrap();
    };
    write(&COREFILE.replace("cluster.local", "cluster.locl"));
    assert_eq!(cluster.call("db.shop", 80), Err("DNS knows no db.shop".to_owned()));
    write(&COREFILE.replace("cluster.local", "cluster.local corp.example"));
    assert_eq!(cluster.call("db.shop.svc.corp.example", 80), Ok(2));
    write(&COREFILE.replace("forward . /etc/resolv.conf", "forward . 10.9.9.9"));
    assert_eq!(cluster.call("db.shop", 80), Ok(2));
    assert!(cluster.call("example.com", 80).unwrap_err().contains("cannot tell the address of example.com"));
    write(&COREFILE.replace(".:53", ".:5353"));
    assert!(cluster.call("db.shop", 80).unwrap_err().contains("cannot tell"), "no server of that port");
    write(COREFILE);
    let uid = meta::uid(&cluster.client.find(&POD, "kube-system", "coredns").unwrap()).to_owned();
    cluster.open.0.lock().unwrap().insert(uid, Vec::new());
    assert!(cluster.call("db.shop", 80).unwrap_err().contains("nothing listens on port 53"));
    cluster.client.delete(&SERVICE, "kube-system", "kube-dns", &DeleteOptions::default()).unwrap();
    assert!(cluster.call("db.shop", 80).unwrap_err().contains("cannot be asked"));
}

#[tokio::test]
async fn without_kube_proxy_there_are_no_services() {
    let cluster = Cluster::new();
    cluster.shop();
    cluster
        .client
        .modify_status(&POD, "kube-system", "kube-proxy-1", |pod| pod["status"]["conditions"] = json!([]))
        .unwrap();
    assert!(cluster.call("10.96.0.10", 53).unwrap_err().contains("no kube-proxy is ready on node node01"));
    assert_eq!(cluster.call("10.244.1.9", 8080), Ok(1));
}

#[tokio::test]
async fn nodes_have_ports() {
    let cluster = Cluster::new();
    cluster.shop();
    cluster.set_service("type", json!("NodePort"));
    let ports = json!([{ "port": 80, "targetPort": 8080, "nodePort": 30080, "protocol": "TCP" }]);
    cluster.set_service("ports", ports);
    assert_eq!(cluster.call("192.168.56.10", 30080), Ok(2));
    assert!(
        cluster
            .call("192.168.56.10", 30081)
            .unwrap_err()
            .contains("nothing listens on port 30081 of node controlplane")
    );
    // On a node its own loopback device has them as well, and nothing else that is not there.
    let own = |address: &str, port| cluster.network.get_from_node("node01", (address, port), &Request::of("/"));
    assert_eq!(own("127.0.0.1", 30080).map(|reply| reply.body), Ok("8080 /".to_owned()));
    assert!(own("127.0.0.1", 30081).is_err() && own("::1", 30080).is_err());
    assert!(cluster.call("127.0.0.1", 30080).is_err(), "a Pod's loopback device is its own");
    cluster.policy("shop", "deny-all", json!({ "podSelector": {}, "policyTypes": ["Ingress"] }));
    // From another node's port a Pod is asked as by that node.
    assert!(cluster.call("192.168.56.10", 30080).unwrap_err().contains("deny-all"));
    let hosted = json!({ "containers": [{ "name": "c", "image": "nginx", "ports": [{ "containerPort": 80, "hostPort": 8081 }] }] });
    cluster.pod(("web", "hosted"), ("node01", "10.244.1.20"), json!({}), (hosted, &[80]));
    assert_eq!(cluster.call("192.168.56.11", 8081), Ok(1));
}

#[tokio::test]
async fn local_traffic_stays_on_its_node() {
    let cluster = Cluster::new();
    cluster.shop();
    cluster.set_service("internalTrafficPolicy", json!("Local"));
    assert_eq!(cluster.call("db.shop", 80), Ok(1));
    let slices = registry::of_kind("discovery.k8s.io/v1", "EndpointSlice").unwrap();
    cluster
        .client
        .modify(slices, "shop", "db", |slice| slice["endpoints"].as_array_mut().map(|all| drop(all.remove(0))).unwrap())
        .unwrap();
    let refused = cluster.call("db.shop", 80).unwrap_err();
    assert_eq!(refused, "Service shop/db has no ready endpoint on node node01, and its traffic policy is Local");
}

#[tokio::test]
async fn an_ingress_controller_routes_by_host_and_path() {
    let cluster = Cluster::new();
    cluster.shop();
    let image = json!({ "containers": [{ "name": "c", "image": "registry.k8s.io/ingress-nginx/controller:v1.13.2" }] });
    cluster.pod(("web", "controller"), ("controlplane", "10.244.0.30"), json!({}), (image, &[80, 443]));
    cluster.make(json!({ "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": { "name": "nginx" }, "spec": { "controller": "k8s.io/ingress-nginx" } }));
    let path = |path: &str, kind: &str, service: &str| json!({ "path": path, "pathType": kind, "backend": { "service": { "name": service, "port": { "number": 80 } } } });
    let paths =
        json!([path("/cart", "Prefix", "db"), path("/exact", "Exact", "db"), path("/gone", "Prefix", "nobody")]);
    cluster.make(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "i", "namespace": "shop" },
        "spec": { "ingressClassName": "nginx", "rules": [{ "host": "shop.example.org", "http": { "paths": paths } }] },
    }));
    let status = |host: &str, path: &str| cluster.get("10.244.0.30", 80, (host, path)).map(|reply| reply.status);
    assert_eq!(
        cluster.get("10.244.0.30", 80, ("shop.example.org", "/cart/1")).map(|reply| reply.body),
        Ok("8080 /cart/1".to_owned())
    );
    assert_eq!(status("shop.example.org", "/carts"), Ok(404));
    assert_eq!(status("other.example.org", "/cart"), Ok(404));
    assert_eq!((status("shop.example.org", "/exact"), status("shop.example.org", "/exact/x")), (Ok(200), Ok(404)));
    assert_eq!(status("shop.example.org", "/gone"), Ok(503));
    cluster.policy("shop", "deny-all", json!({ "podSelector": {}, "policyTypes": ["Ingress"] }));
    assert_eq!(status("shop.example.org", "/cart"), Ok(504));
}
