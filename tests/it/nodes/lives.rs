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
pub(super) struct World {
    pub(super) client: Client,
    kubelet: Kubelet,
}

impl World {
    pub(super) fn new() -> Self {
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

    pub(super) fn make(&self, object: Value) -> Object {
        let kind = registry::of_kind(meta::text(&object, "/apiVersion"), meta::text(&object, "/kind")).expect("a kind");
        self.client.create(kind, object.clone()).unwrap_or_else(|status| panic!("{status}: {object}"))
    }

    pub(super) fn pod(&self, name: &str, mut spec: Value) {
        spec["nodeName"] = json!("node01");
        spec["automountServiceAccountToken"] = json!(false);
        self.make(
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": NS }, "spec": spec }),
        );
    }

    pub(super) async fn after(&self, seconds: u64) {
        self.client.clock().sleep(Duration::from_secs(seconds)).await;
    }

    fn find(&self, name: &str) -> Option<Object> {
        self.client.find(&POD, NS, name)
    }

    /// The status of a Pod's first container.
    pub(super) fn status(&self, name: &str) -> Value {
        self.find(name).expect("there is such a Pod")["status"]["containerStatuses"][0].clone()
    }

    pub(super) fn events(&self, name: &str, reason: &str) -> Vec<String> {
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

pub(super) fn shell(name: &str, script: &str) -> Value {
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

#[tokio::test(start_paused = true)]
async fn a_node_takes_in_only_what_it_has_room_for() {
    let world = World::new();
    let big = json!({ "name": "c", "image": "nginx", "resources": { "requests": { "cpu": "100" } } });
    let port = json!({ "name": "c", "image": "nginx", "ports": [{ "containerPort": 80, "hostPort": 8888 }] });
    world.pod("big", json!({ "containers": [big] }));
    world.pod("elsewhere", json!({ "nodeSelector": { "disk": "ssd" }, "containers": [shell("c", "sleep 60")] }));
    world.pod("first", json!({ "containers": [port] }));
    world.after(3).await;
    world.pod("second", json!({ "containers": [port] }));
    world.after(3).await;
    assert!(world.status("first").pointer("/state/running").is_some());
    for (name, reason, why) in [
        ("big", "OutOfcpu", "Node didn't have enough resource: cpu, requested: 100000, used: 0, capacity: "),
        (
            "elsewhere",
            "NodeAffinity",
            "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
        ),
        (
            "second",
            "NodePorts",
            "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
        ),
    ] {
        let status = world.find(name).expect("it stays")["status"].clone();
        assert_eq!((meta::text(&status, "/phase"), meta::text(&status, "/reason")), ("Failed", reason), "{status}");
        assert!(meta::text(&status, "/message").starts_with(&format!("Pod was rejected: {why}")), "{status}");
        assert_eq!(world.events(name, reason).len(), 1, "{name}");
        assert!(meta::list(&status, "/containerStatuses").is_empty(), "{status}");
    }
    world.client.delete(&POD, NS, "first", &DeleteOptions::default()).expect("it may be deleted");
    world.after(3).await;
    world.pod("third", json!({ "containers": [port] }));
    world.after(3).await;
    assert!(world.status("third").pointer("/state/running").is_some(), "the port is free again");
}

#[tokio::test(start_paused = true)]
async fn servers_are_told_who_asks_and_ask_others() {
    let world = World::new();
    let image = "registry.k8s.io/e2e-test-images/agnhost:2.59";
    let ready = json!({ "httpGet": { "scheme": "HTTPS", "port": 8444, "path": "/readyz" } });
    let webhook = json!({ "name": "w", "image": image, "args": ["webhook", "--port=8444"], "readinessProbe": ready });
    let demo = json!({ "name": "n", "image": "registry.k8s.io/e2e-test-images/nautilus:1.7" });
    world.pod("server", json!({ "containers": [{ "name": "c", "image": image, "args": ["netexec"] }, webhook, demo] }));
    world.after(12).await;
    let server = world.find("server").expect("it is there");
    assert!(meta::list(&server, "/status/containerStatuses").iter().all(|one| one["ready"] == true), "{server}");
    let address = meta::text(&server, "/status/podIP").to_owned();
    let dial = format!("http://127.0.0.1:8080/dial?request=echo?msg%3Dhi&protocol=http&host={address}&port=8080");
    let script = format!("curl -s {address}:8080/clientip; echo; echo hostname | nc -u -w 1 {address} 8081");
    let hook = json!({ "postStart": { "httpGet": { "host": address, "port": 8080, "path": "/echo?msg=begun" } } });
    let client = json!({ "name": "c", "image": image, "command": ["sh", "-c", script], "lifecycle": hook });
    let other = json!({ "name": "d", "image": image, "args": ["netexec"] });
    let caller = json!({ "name": "e", "image": image, "command": ["sh", "-c", format!("sleep 1; curl -s '{dial}'; curl -s {address}/data.json")] });
    world.pod("client", json!({ "restartPolicy": "Never", "containers": [client, other, caller] }));
    world.after(8).await;
    let own = meta::text(&world.find("client").expect("it is there"), "/status/podIP").to_owned();
    let log = world.log("client", "c", false).await;
    assert!(log.starts_with(&format!("{own}:")) && log.ends_with("\nserver"), "{log:?}");
    assert_eq!(world.log("client", "e", false).await, "{\"responses\":[\"hi\"]}{\n  \"image\": \"nautilus.jpg\"\n}");
    let log = world.log("server", "c", false).await;
    assert!(log.contains("GET /echo?msg=begun") && log.contains("GET /clientip"), "{log}");
}

#[tokio::test(start_paused = true)]
async fn capabilities_decide_what_root_may() {
    let world = World::new();
    let script = "date -s '2020-01-01 12:00:00' 2>&1; echo $?; ip link add dummy0 type dummy 2>&1; echo $?";
    let with = |name: &str, context: Value| {
        let mut container = shell("c", script);
        container["securityContext"] = context;
        world.pod(name, json!({ "restartPolicy": "Never", "containers": [container] }));
    };
    with("plain", json!({}));
    with("added", json!({ "capabilities": { "add": ["SYS_TIME", "NET_ADMIN"] } }));
    with("nobody", json!({ "runAsUser": 1000, "capabilities": { "add": ["SYS_TIME", "NET_ADMIN"] } }));
    world.after(5).await;
    let day = "Wed Jan  1 12:00:00 UTC 2020";
    let (date, link) = ("date: can't set date", "ip: RTNETLINK answers");
    let refused = format!("{date}: Operation not permitted\n{day}\n1\n{link}: Operation not permitted\n1\n");
    assert_eq!(world.log("plain", "c", false).await, refused);
    assert_eq!(world.log("nobody", "c", false).await, refused);
    assert_eq!(world.log("added", "c", false).await, format!("{day}\n0\n0\n"));
}

impl World {
    /// Asks for other resources of a Pod's first container, by `/resize`.
    fn resize(&self, name: &str, resources: Value) -> Result<(), String> {
        let mut pod = (*self.find(name).expect("there is such a Pod")).clone();
        pod["spec"]["containers"][0]["resources"] = resources;
        self.client.update_part(&POD, pod, "resize").map(drop).map_err(|status| status.to_string())
    }

    /// The reason of a Pod's condition, if it has one.
    fn condition(&self, name: &str, kind: &str) -> Option<String> {
        let pod = self.find(name).expect("there is such a Pod");
        let found = meta::list(&pod, "/status/conditions").iter().find(|condition| condition["type"] == kind);
        found.map(|condition| meta::text(condition, "/reason").to_owned())
    }
}

/// A web server that asks for so much CPU.
fn asking(cpu: &str) -> Value {
    json!({ "name": "c", "image": "nginx", "resources": { "requests": { "cpu": cpu } } })
}

#[tokio::test(start_paused = true)]
async fn limits_may_be_added_while_a_container_runs() {
    let world = World::new();
    let wanted = json!({ "requests": { "cpu": "100m" }, "limits": { "cpu": "500m" } });
    world.pod("web", json!({ "containers": [asking("100m")] }));
    world.pod("none", json!({ "containers": [{ "name": "c", "image": "nginx" }] }));
    world.after(3).await;
    world.resize("web", wanted.clone()).expect("limits may come");
    world.after(3).await;
    assert_eq!(world.status("web")["resources"], wanted);
    assert_eq!(meta::number(&world.status("web"), "/restartCount"), Some(0));
    for (name, resources, why) in [
        (
            "web",
            json!({ "requests": { "cpu": "100m" } }),
            "spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed",
        ),
        (
            "web",
            json!({ "requests": { "cpu": "100m", "ephemeral-storage": "1Gi" }, "limits": { "cpu": "500m" } }),
            "spec: Forbidden: only cpu and memory resources are mutable",
        ),
        (
            "none",
            json!({ "requests": { "cpu": "1" } }),
            "spec: Invalid value: \"BestEffort\": Pod QOS Class may not change as a result of resizing",
        ),
    ] {
        let refused = world.resize(name, resources).expect_err(why);
        assert!(refused.ends_with(&format!("is invalid: {why}")), "{refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_to_restart_to_be_resized_does_so_once() {
    let world = World::new();
    let mut container = shell("c", "sleep 3600");
    container["resources"] = json!({ "requests": { "memory": "32Mi" } });
    container["resizePolicy"] = json!([{ "resourceName": "memory", "restartPolicy": "RestartContainer" }]);
    world.pod("again", json!({ "terminationGracePeriodSeconds": 10, "containers": [container] }));
    world.after(3).await;
    for (memory, restarts) in [("48Mi", 1), ("64Mi", 2)] {
        let wanted = json!({ "requests": { "memory": memory } });
        world.resize("again", wanted.clone()).expect("a valid resize");
        world.after(5).await;
        let before = meta::revision(&world.find("again").expect("it runs"));
        assert_eq!(meta::number(&world.status("again"), "/restartCount"), Some(restarts - 1), "it ends");
        world.after(3).await;
        assert_eq!(meta::revision(&world.find("again").expect("it runs")), before, "nothing happens while it ends");
        world.after(60).await;
        let status = world.status("again");
        assert_eq!(meta::number(&status, "/restartCount"), Some(restarts), "{status}");
        assert!(status.pointer("/state/running").is_some(), "{status}");
        assert_eq!(status["resources"], wanted);
        assert_eq!(world.condition("again", "PodResizeInProgress"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_resize_that_cannot_be_takes_no_room_from_others() {
    let world = World::new();
    world.pod("greedy", json!({ "containers": [asking("100m")] }));
    world.pod("modest", json!({ "containers": [asking("100m")] }));
    world.after(3).await;
    world.resize("greedy", json!({ "requests": { "cpu": "1000" } })).expect("it may be asked for");
    world.after(3).await;
    assert_eq!(world.condition("greedy", "PodResizePending").as_deref(), Some("Infeasible"));
    world.resize("modest", json!({ "requests": { "cpu": "200m" } })).expect("it may be asked for");
    world.after(3).await;
    assert_eq!(world.condition("modest", "PodResizePending"), None);
    assert_eq!(world.status("modest")["resources"], json!({ "requests": { "cpu": "200m" } }));
}

#[tokio::test(start_paused = true)]
async fn only_safe_kernel_parameters_are_set() {
    let world = World::new();
    let set = |name: &str, value: &str| json!({ "sysctls": [{ "name": name, "value": value }] });
    let reads =
        "sysctl kernel.shm_rmid_forced; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; sysctl no.such; sleep 9999";
    world.pod(
        "safe",
        json!({ "securityContext": set("kernel.shm_rmid_forced", "1"), "containers": [shell("c", reads)] }),
    );
    world.pod(
        "unsafe",
        json!({ "securityContext": set("kernel.msgmax", "1"), "containers": [shell("c", "sleep 9999")] }),
    );
    world.after(10).await;
    let log = world.log("safe", "c", false).await;
    assert_eq!(log, "kernel.shm_rmid_forced = 1\n0\nsysctl: error: 'no.such' is an unknown key\n");
    let status = world.find("unsafe").expect("it stays")["status"].clone();
    assert_eq!((&status["phase"], &status["reason"]), (&json!("Failed"), &json!("SysctlForbidden")));
    assert_eq!(status["message"], "Pod was rejected: forbidden sysctl: \"kernel.msgmax\" not allowlisted");
    assert_eq!(world.events("unsafe", "SysctlForbidden"), ["forbidden sysctl: \"kernel.msgmax\" not allowlisted"]);
}

#[tokio::test(start_paused = true)]
async fn a_container_that_starts_again_has_what_was_set_aside_for_it() {
    let world = World::new();
    let mut container = shell("c", "cat /sys/fs/cgroup/cpu.weight; sleep 20; exit 1");
    container["resources"] = json!({ "requests": { "cpu": "100m" } });
    world.pod("again", json!({ "containers": [container] }));
    world.after(5).await;
    world.resize("again", json!({ "requests": { "cpu": "1000" } })).expect("it may be asked for");
    world.after(25).await;
    let status = world.status("again");
    assert!(status["restartCount"] == 1 && status.pointer("/state/running").is_some(), "{status}");
    assert_eq!(status["resources"], json!({ "requests": { "cpu": "100m" } }));
    assert_eq!(world.log("again", "c", false).await, world.log("again", "c", true).await);
    assert_eq!(world.condition("again", "PodResizePending").as_deref(), Some("Infeasible"));
    // What is not running when it is asked for starts with it.
    world.pod("later", json!({ "containers": [{ "name": "c", "image": "busybox", "command": ["sh", "-c", "exit 1"], "resources": { "requests": { "cpu": "100m" } } }] }));
    world.after(15).await;
    world.resize("later", json!({ "requests": { "cpu": "200m" } })).expect("it may be asked for");
    world.after(60).await;
    assert_eq!(world.status("later")["allocatedResources"], json!({ "cpu": "200m" }));
    assert_eq!(world.condition("later", "PodResizeInProgress"), None);
}
