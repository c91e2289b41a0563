//! Pods from beginning to end on one node, as the kubelet tells of them.
//! Scripts alone are `scripts.rs`. Time stands still until every task waits.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use kubedrill::base::clock::Clock;
use kubedrill::base::topology::Topology;
use kubedrill::object::meta;
use kubedrill::sim::apiserver::auth::{Authenticator, TokenKey};
use kubedrill::sim::apiserver::client::Client;
use kubedrill::sim::apiserver::endpoints::{ApiServer, DeleteOptions};
use kubedrill::sim::apiserver::pki::{Authority, KeyPair};
use kubedrill::sim::apiserver::registry;
use kubedrill::sim::apiserver::registry::kinds::event::EVENT;
use kubedrill::sim::apiserver::registry::kinds::pod::POD;
use kubedrill::sim::apiserver::server::{Connector, LogOptions};
use kubedrill::sim::apiserver::storage::{Object, Storage};
use kubedrill::sim::nodes::heartbeat::Plan;
use kubedrill::sim::nodes::runtime::Runtime;
use kubedrill::sim::nodes::{Kubelet, Kubelets};
use kubedrill::sim::reconciler::{self, Context};
use serde_json::{Value, json};

const NS: &str = "default";

/// A node with its kubelet; Pods come to it without a scheduler.
struct World {
    client: Client,
    kubelet: Kubelet,
}

impl World {
    fn new() -> Self {
        let clock = Clock::from_epoch("2026-03-01T12:00:00Z".parse().unwrap(), 1.0);
        let authority = Arc::new(Authority::generate("kubernetes", clock.now()).unwrap());
        let tokens = TokenKey::new(&KeyPair::generate().unwrap()).unwrap();
        let api = ApiServer::new(Storage::new(), clock, Authenticator::new(authority.certificate(), tokens));
        let client = Client::of_component(api.clone(), "tester");
        let runtime = Arc::new(Runtime::default());
        let context = || Context::new(api.clone(), "kubelet", authority.clone());
        let kubelets = Kubelets::new(runtime.clone());
        let running = context();
        tokio::spawn(async move { reconciler::run(&kubelets, running).await });
        let world = Self { client, kubelet: Kubelet::new(context(), runtime) };
        world.make(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NS } }));
        world.make(
            json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default", "namespace": NS } }),
        );
        Plan::cluster(&Topology::workers(1)).unwrap().iter().for_each(|plan| drop(world.make(plan.node(clock.now()))));
        world
    }

    fn make(&self, object: Value) -> Object {
        let kind = registry::of_kind(meta::text(&object, "/apiVersion"), meta::text(&object, "/kind")).expect("a kind");
        self.client.create(kind, object.clone()).unwrap_or_else(|status| panic!("{status}: {object}"))
    }

    fn pod(&self, name: &str, mut spec: Value) {
        spec["nodeName"] = json!("node01");
        spec["automountServiceAccountToken"] = json!(false);
        self.make(
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": NS }, "spec": spec }),
        );
    }

    async fn after(&self, seconds: u64) {
        self.client.clock().sleep(Duration::from_secs(seconds)).await;
    }

    fn find(&self, name: &str) -> Option<Object> {
        self.client.find(&POD, NS, name)
    }

    /// The status of a Pod's first container.
    fn status(&self, name: &str) -> Value {
        self.find(name).expect("there is such a Pod")["status"]["containerStatuses"][0].clone()
    }

    fn events(&self, name: &str, reason: &str) -> Vec<String> {
        let about = |event: &&Object| {
            meta::text(event, "/involvedObject/name") == name && meta::text(event, "/reason") == reason
        };
        let events = self.client.list(&EVENT, NS);
        events.iter().filter(about).map(|event| meta::text(event, "/message").to_owned()).collect()
    }

    async fn log(&self, name: &str, container: &str, previous: bool) -> String {
        let options = LogOptions { container: container.to_owned(), previous, ..LogOptions::default() };
        let pod = self.find(name).expect("there is such a Pod");
        let mut stream = self.kubelet.logs(&pod, &options).unwrap_or_else(|status| panic!("{status}"));
        let mut text = String::new();
        while let Some(Ok(bytes)) = stream.next().await {
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
        text
    }
}

fn shell(name: &str, script: &str) -> Value {
    json!({ "name": name, "image": "busybox", "command": ["sh", "-c", script] })
}

#[tokio::test(start_paused = true)]
async fn a_script_that_fails_is_started_again_later_and_later() {
    let world = World::new();
    world.pod("crash", json!({ "containers": [shell("c", "echo oops; exit 3")] }));
    world.after(5).await;
    let status = world.status("crash");
    assert_eq!(meta::text(&status, "/state/waiting/reason"), "CrashLoopBackOff", "{status}");
    assert_eq!(meta::number(&status, "/lastState/terminated/exitCode"), Some(3));
    assert_eq!(meta::number(&status, "/restartCount"), Some(1));
    assert_eq!(world.log("crash", "c", true).await, "oops\n");
    world.after(10).await;
    assert_eq!(meta::number(&world.status("crash"), "/restartCount"), Some(2));
    assert_eq!(world.events("crash", "BackOff").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_ends_well_is_done() {
    let world = World::new();
    world.pod("once", json!({ "restartPolicy": "Never", "containers": [shell("c", "echo a; sleep 3; echo b")] }));
    world.after(2).await;
    assert_eq!(world.log("once", "c", false).await, "a\n");
    world.after(5).await;
    let pod = world.find("once").expect("it stays");
    assert_eq!(meta::text(&pod, "/status/phase"), "Succeeded");
    assert_eq!(world.log("once", "c", false).await, "a\nb\n");
}

#[tokio::test(start_paused = true)]
async fn a_failed_liveness_probe_ends_in_a_restart_once_the_grace_is_over() {
    let world = World::new();
    let mut container = shell("c", "touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600");
    container["livenessProbe"] = json!({ "exec": { "command": ["cat", "/tmp/healthy"] }, "periodSeconds": 5 });
    world.pod("live", json!({ "terminationGracePeriodSeconds": 10, "containers": [container] }));
    world.after(28).await;
    assert!(world.events("live", "Unhealthy").is_empty());
    world.after(18).await;
    let unhealthy = "Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory\n";
    assert_eq!(world.events("live", "Unhealthy"), [unhealthy]);
    assert_eq!(world.events("live", "Killing"), ["Container c failed liveness probe, will be restarted"]);
    assert_eq!(meta::number(&world.status("live"), "/restartCount"), Some(0), "a shell does not heed SIGTERM");
    world.after(12).await;
    let status = world.status("live");
    assert_eq!(meta::number(&status, "/restartCount"), Some(1));
    assert_eq!(meta::number(&status, "/lastState/terminated/exitCode"), Some(137));
}

#[tokio::test(start_paused = true)]
async fn a_pod_goes_as_soon_as_its_processes_let_it() {
    let world = World::new();
    world.pod("server", json!({ "containers": [{ "name": "c", "image": "nginx" }] }));
    world.pod("stubborn", json!({ "containers": [{ "name": "c", "image": "busybox", "command": ["sleep", "3600"] }] }));
    world.after(3).await;
    for name in ["server", "stubborn"] {
        world.client.delete(&POD, NS, name, &DeleteOptions::default()).expect("it may be deleted");
    }
    world.after(2).await;
    assert!(world.find("server").is_none());
    assert!(world.find("stubborn").is_some(), "sleep as process 1 does not heed SIGTERM");
    assert_eq!(world.events("stubborn", "Killing"), ["Stopping container c"]);
    world.after(30).await;
    assert!(world.find("stubborn").is_none());
}

#[tokio::test(start_paused = true)]
async fn containers_share_what_they_write() {
    let world = World::new();
    let mount = json!([{ "name": "logs", "mountPath": "/logs" }]);
    let with = |mut container: Value, policy: Option<&str>| {
        container["volumeMounts"] = mount.clone();
        policy.into_iter().for_each(|policy| container["restartPolicy"] = json!(policy));
        container
    };
    world.pod(
        "shared",
        json!({
            "volumes": [{ "name": "logs", "emptyDir": {} }],
            "initContainers": [
                with(shell("prep", "echo prepared > /logs/app.log"), None),
                with(shell("shipper", "tail -n+1 -F /logs/app.log"), Some("Always")),
            ],
            "containers": [with(shell("app", "sleep 1; echo tick >> /logs/app.log; sleep 600"), None)],
        }),
    );
    world.after(6).await;
    assert_eq!(world.log("shared", "shipper", false).await, "prepared\ntick\n");
}

#[tokio::test(start_paused = true)]
async fn what_a_map_holds_can_be_read() {
    let world = World::new();
    let metadata = json!({ "name": "cfg", "namespace": NS });
    world.make(
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "greeting": "hello\n" } }),
    );
    let mut container = shell("c", "cat /cfg/greeting; echo $WORD; sleep 600");
    container["volumeMounts"] = json!([{ "name": "cfg", "mountPath": "/cfg" }]);
    container["env"] = json!([{ "name": "WORD", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } }]);
    world.pod(
        "reads",
        json!({ "volumes": [{ "name": "cfg", "configMap": { "name": "cfg" } }], "containers": [container] }),
    );
    world.after(2).await;
    assert_eq!(world.log("reads", "c", false).await, "hello\nreads\n");
}

#[tokio::test(start_paused = true)]
async fn what_takes_too_much_memory_is_told_so() {
    let world = World::new();
    let limits = json!({ "limits": { "memory": "100Mi" } });
    let command = json!(["stress", "--vm", "1", "--vm-bytes", "250M"]);
    world.pod("oom", json!({ "restartPolicy": "Never", "containers": [{ "name": "c", "image": "polinux/stress", "command": command, "resources": limits }] }));
    world.after(5).await;
    let status = world.status("oom");
    assert_eq!(meta::text(&status, "/state/terminated/reason"), "OOMKilled", "{status}");
    assert_eq!(meta::number(&status, "/state/terminated/exitCode"), Some(137));
}
