//! What stands behind a Service: Endpoints and EndpointSlices, ready or not, by number or by name, by hand.
//! Who may reach it is the reachability engine's.

use kubedrill::object::meta;
use kubedrill::sim::apiserver::endpoints::DeleteOptions;
use kubedrill::sim::apiserver::registry::kinds::endpoints::ENDPOINTS;
use kubedrill::sim::apiserver::registry::kinds::endpointslice::ENDPOINTSLICE;
use kubedrill::sim::apiserver::registry::kinds::pod::POD;
use kubedrill::sim::apiserver::registry::kinds::service::SERVICE;
use kubedrill::sim::apiserver::storage::Object;
use serde_json::{Value, json};

use super::{World, pod};

const CONTROLLERS: &[&str] =
    &["endpoint-controller", "endpoint-slice-controller", "endpoint-slice-mirroring-controller"];

fn service(spec: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "labels": { "tier": "front" } }, "spec": spec })
}

fn world() -> World {
    let world = World::with_controllers(CONTROLLERS);
    world.make(json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "node01" } }));
    world
}

impl World {
    /// A Pod of app `web` that runs on node01.
    fn running(&self, name: &str, ip: &str, ready: bool) {
        let mut pod = pod(name);
        pod["metadata"]["labels"] = json!({ "app": "web" });
        pod["spec"]["nodeName"] = json!("node01");
        pod["spec"]["containers"][0]["ports"] = json!([{ "name": "http", "containerPort": 8080 }]);
        self.make(pod);
        let ready = if ready { "True" } else { "False" };
        let status = json!({ "phase": "Running", "podIP": ip, "podIPs": [{ "ip": ip }], "conditions": [{ "type": "Ready", "status": ready }] });
        self.client.modify_status(&POD, "default", name, |pod| pod["status"] = status.clone()).unwrap();
    }

    fn endpoints(&self) -> Object {
        self.client.get(&ENDPOINTS, "default", "web").unwrap()
    }

    fn slices(&self) -> Vec<Object> {
        self.client.list(&ENDPOINTSLICE, "default")
    }
}

fn ips(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().map(|address| meta::text(address, "/ip")).collect()
}

/// Address, ready, serving and terminating of each endpoint.
fn states(slice: &Value) -> Vec<(String, [bool; 3])> {
    let state = |endpoint: &Value| {
        let says = |key: &str| endpoint["conditions"][key] == true;
        (meta::text(endpoint, "/addresses/0").to_owned(), ["ready", "serving", "terminating"].map(says))
    };
    let mut states: Vec<_> = meta::list(slice, "/endpoints").iter().map(state).collect();
    states.sort();
    states
}

#[tokio::test(start_paused = true)]
async fn only_ready_pods_are_addresses() {
    let world = world();
    world.make(service(
        json!({ "selector": { "app": "web" }, "ports": [{ "name": "http", "port": 80, "targetPort": "http" }] }),
    ));
    world.settle().await;
    assert!(meta::list(&world.endpoints(), "/subsets").is_empty());
    assert_eq!(world.slices().len(), 1, "an empty Service has an empty slice");
    assert!(meta::list(&world.slices()[0], "/endpoints").is_empty());

    world.running("a", "10.244.1.2", true);
    world.running("b", "10.244.1.3", false);
    world.settle().await;
    let endpoints = world.endpoints();
    let subset = &endpoints["subsets"][0];
    assert_eq!(ips(&subset["addresses"]), ["10.244.1.2"]);
    assert_eq!(ips(&subset["notReadyAddresses"]), ["10.244.1.3"]);
    assert_eq!(subset["ports"], json!([{ "name": "http", "port": 8080, "protocol": "TCP" }]));
    assert_eq!(subset["addresses"][0]["nodeName"], "node01");
    assert_eq!(subset["addresses"][0]["targetRef"]["name"], "a");
    assert_eq!(
        endpoints["metadata"]["labels"],
        json!({ "tier": "front", "endpoints.kubernetes.io/managed-by": "endpoint-controller" })
    );
    let slices = world.slices();
    assert_eq!(slices.len(), 1);
    assert!(meta::name(&slices[0]).starts_with("web-"));
    assert_eq!(
        slices[0]["metadata"]["labels"],
        json!({ "tier": "front", "kubernetes.io/service-name": "web", "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io" })
    );
    assert_eq!(meta::text(&slices[0], "/metadata/ownerReferences/0/kind"), "Service");
    assert_eq!(
        states(&slices[0]),
        [("10.244.1.2".to_owned(), [true, true, false]), ("10.244.1.3".to_owned(), [false, false, false])]
    );

    world.client.delete(&POD, "default", "a", &DeleteOptions::default()).unwrap();
    world.settle().await;
    assert_eq!(ips(&world.endpoints()["subsets"][0]["addresses"]), [""; 0]);
    assert_eq!(states(&world.slices()[0])[0], ("10.244.1.2".to_owned(), [false, true, true]));
}

#[tokio::test(start_paused = true)]
async fn a_selector_or_port_that_fits_nothing_leaves_nothing() {
    let world = world();
    world.running("a", "10.244.1.2", true);
    world.make(service(json!({ "selector": { "app": "wep" }, "ports": [{ "port": 80 }] })));
    world.settle().await;
    assert!(meta::list(&world.endpoints(), "/subsets").is_empty());
    let change = |spec: Value| world.client.merge(&SERVICE, "default", "web", json!({ "spec": spec })).unwrap();
    change(json!({ "selector": { "app": "web" }, "ports": [{ "port": 80, "targetPort": "https" }] }));
    world.settle().await;
    assert!(meta::list(&world.endpoints(), "/subsets").is_empty());
    change(json!({ "ports": [{ "port": 80, "targetPort": 9999 }] }));
    world.settle().await;
    assert_eq!(world.endpoints()["subsets"][0]["ports"], json!([{ "port": 9999, "protocol": "TCP" }]));
    let slices = world.slices();
    assert_eq!((slices.len(), &slices[0]["ports"]), (1, &json!([{ "name": "", "port": 9999, "protocol": "TCP" }])));
}

#[tokio::test(start_paused = true)]
async fn a_headless_service_may_publish_what_is_not_ready() {
    let world = world();
    world.running("a", "10.244.1.2", false);
    world.make(service(json!({ "clusterIP": "None", "publishNotReadyAddresses": true, "selector": { "app": "web" } })));
    world.settle().await;
    let endpoints = world.endpoints();
    assert_eq!(ips(&endpoints["subsets"][0]["addresses"]), ["10.244.1.2"]);
    assert_eq!(endpoints["metadata"]["labels"]["service.kubernetes.io/headless"], "");
    assert_eq!(states(&world.slices()[0]), [("10.244.1.2".to_owned(), [true, false, false])]);
}

#[tokio::test(start_paused = true)]
async fn endpoints_go_with_their_service_and_come_back_when_deleted() {
    let world = world();
    world.running("a", "10.244.1.2", true);
    world.make(service(json!({ "selector": { "app": "web" }, "ports": [{ "port": 80 }] })));
    world.settle().await;
    world.client.delete(&ENDPOINTS, "default", "web", &DeleteOptions::default()).unwrap();
    let slice = meta::name(&world.slices()[0]).to_owned();
    world.client.delete(&ENDPOINTSLICE, "default", &slice, &DeleteOptions::default()).unwrap();
    world.settle().await;
    assert_eq!(ips(&world.endpoints()["subsets"][0]["addresses"]), ["10.244.1.2"]);
    assert_eq!(world.slices().len(), 1);
    world.client.delete(&SERVICE, "default", "web", &DeleteOptions::default()).unwrap();
    world.settle().await;
    assert!(world.client.find(&ENDPOINTS, "default", "web").is_none());
}

#[tokio::test(start_paused = true)]
async fn hand_made_endpoints_stay_and_are_mirrored() {
    let world = world();
    let endpoints = json!({
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": { "name": "web" },
        "subsets": [{ "addresses": [{ "ip": "203.0.113.7" }], "ports": [{ "port": 5432 }] }],
    });
    world.make(endpoints);
    world.settle().await;
    assert!(world.slices().is_empty(), "there is no Service yet");
    world.make(service(json!({ "ports": [{ "port": 5432 }] })));
    world.settle().await;
    assert_eq!(ips(&world.endpoints()["subsets"][0]["addresses"]), ["203.0.113.7"]);
    let slices = world.slices();
    assert_eq!(slices.len(), 1);
    assert_eq!(
        meta::label(&slices[0], "endpointslice.kubernetes.io/managed-by"),
        Some("endpointslicemirroring-controller.k8s.io")
    );
    assert_eq!(states(&slices[0]), [("203.0.113.7".to_owned(), [true, false, false])]);

    let change = json!({ "subsets": [{ "addresses": [{ "ip": "203.0.113.8" }], "ports": [{ "port": 5432 }] }] });
    world.client.merge(&ENDPOINTS, "default", "web", change).unwrap();
    world.settle().await;
    assert_eq!(states(&world.slices()[0])[0].0, "203.0.113.8");
    assert_eq!(world.slices().len(), 1);
    world.client.delete(&ENDPOINTS, "default", "web", &DeleteOptions::default()).unwrap();
    world.settle().await;
    assert!(world.slices().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_while_nothing_changes() {
    let world = world();
    world.running("a", "10.244.1.2", true);
    world.make(service(
        json!({ "selector": { "app": "web" }, "ports": [{ "name": "x", "port": 80, "appProtocol": "http" }] }),
    ));
    world.settle().await;
    let (endpoints, slice) = (meta::revision(&world.endpoints()), meta::revision(&world.slices()[0]));
    world.client.merge(&POD, "default", "a", json!({ "metadata": { "annotations": { "a": "b" } } })).unwrap();
    world.pass(60).await;
    assert_eq!((endpoints, slice), (meta::revision(&world.endpoints()), meta::revision(&world.slices()[0])));
}
