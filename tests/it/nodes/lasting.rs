//! What lasts: files, logs and runs of Pods, when the program is killed or stopped, and when a cluster goes back to a checkpoint.
//! What a store keeps is `storing.rs`.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, LogParams, PostParams};
use kubedrill::base::clock::Clock;
use kubedrill::base::topology::Topology;
use kubedrill::sim::world::{Checkpoint, Options, World};
use serde_json::{Value, json};

/// How long whatever a cluster does may take on a machine that has much to do.
const PATIENCE: Duration = Duration::from_secs(60);

async fn open(dir: &Path) -> World {
    let options =
        Options { topology: Topology::workers(1), clock: Clock::system(), port: 0, dir: Some(dir.to_owned()) };
    World::start(options).await.expect("a cluster")
}

async fn pause(world: &World) {
    world.clock().sleep(Duration::from_millis(20)).await;
}

/// Waits until something is so.
async fn until(world: &World, so: impl AsyncFn() -> bool) {
    let end = world.clock().now() + PATIENCE;
    while !so().await {
        assert!(world.clock().now() < end, "it never is");
        pause(world).await;
    }
}

fn pods(world: &World) -> Api<Pod> {
    Api::default_namespaced(world.client().expect("a client"))
}

async fn make<K>(world: &World, object: Value)
where
    K: kube::Resource<DynamicType = ()> + serde::de::DeserializeOwned + serde::Serialize + Clone + std::fmt::Debug,
{
    let api: Api<K> = Api::all(world.client().expect("a client"));
    api.create(&PostParams::default(), &serde_json::from_value(object).expect("an object")).await.expect("it is made");
}

/// Makes Pods and waits until all of their containers run or have done their part.
async fn run(world: &World, made: &[Value]) {
    assert!(world.ready(PATIENCE).await);
    let pods = pods(world);
    for pod in made {
        let pod: Pod = serde_json::from_value(pod.clone()).expect("a Pod");
        while let Err(kube::Error::Api(status)) = pods.create(&PostParams::default(), &pod).await {
            assert_eq!(status.code, 403, "its ServiceAccount is still to be made: {status:?}");
            pause(world).await;
        }
    }
    assert!(world.ready(PATIENCE).await);
    // A cluster is ready also while a Pod has no place, as before its claim is bound.
    let all_ready = async || {
        let all = pods.list(&ListParams::default()).await.expect("they are listed");
        all.items.iter().all(is_ready)
    };
    until(world, all_ready).await;
}

fn is_ready(pod: &Pod) -> bool {
    let mut conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn pod(name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name }, "spec": spec })
}

fn shell(script: &str, mounts: &[(&str, &str)]) -> Value {
    let mounts: Vec<Value> = mounts.iter().map(|(name, path)| json!({ "name": name, "mountPath": path })).collect();
    json!({ "name": "main", "image": "busybox:1.36", "command": ["sh", "-c", script], "volumeMounts": mounts })
}

async fn exec(world: &World, pod: &str, script: &str) -> String {
    let words = ["sh", "-c", script];
    let outcome = world.exec(("default", pod, "main"), &words, b"").await.expect("it runs");
    String::from_utf8(outcome.output).expect("text")
}

/// What is told of every Pod: its status without what probes make of it, and its log.
async fn told(world: &World) -> Vec<(String, Value, String)> {
    let api = pods(world);
    let mut all = Vec::new();
    for pod in api.list(&ListParams::default()).await.expect("they are listed") {
        let name = pod.metadata.name.clone().unwrap_or_default();
        let log = api.logs(&name, &LogParams::default()).await.expect("a log");
        let status = pod.status.and_then(|status| status.container_statuses).unwrap_or_default();
        all.push((name, serde_json::to_value(status).expect("JSON"), log));
    }
    all
}

/// As after kill -9, once a Pod's last words are written down: nothing is told, nothing is waited for.
async fn killed(world: World, (home, pod): (&Path, &str)) {
    exec(&world, pod, "touch /tmp/last-words").await;
    let kept = home.join("cluster.files.jsonl");
    let is_kept = async || {
        let text = std::fs::read_to_string(&kept).unwrap_or_default();
        // What Pods have written is written down in batches: this one is whole.
        text.contains("last-words") && text.ends_with('\n')
    };
    until(&world, is_kept).await;
    drop(world);
    tokio::task::yield_now().await;
}

const COUNTS: &str = "echo begun; n=0; while true; do n=$((n+1)); echo $n > /own; sleep 3600; done";

async fn with_three_volumes(world: &World) {
    make::<k8s_openapi::api::core::v1::PersistentVolume>(
        world,
        json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "disk" }, "spec": {
            "capacity": { "storage": "1Gi" }, "accessModes": ["ReadWriteOnce"], "storageClassName": "",
            "nfs": { "server": "nfs.example.com", "path": "/" },
            "claimRef": { "namespace": "default", "name": "claim" } } }),
    )
    .await;
    let claims: Api<k8s_openapi::api::core::v1::PersistentVolumeClaim> =
        Api::default_namespaced(world.client().expect("a client"));
    let claim = json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "claim" }, "spec": {
        "accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": { "requests": { "storage": "1Gi" } } } });
    claims.create(&PostParams::default(), &serde_json::from_value(claim).expect("a claim")).await.expect("it is made");
    let volumes = json!([
        { "name": "empty", "emptyDir": {} },
        { "name": "host", "hostPath": { "path": "/srv/host" } },
        { "name": "disk", "persistentVolumeClaim": { "claimName": "claim" } },
    ]);
    let mounts = [("empty", "/empty"), ("host", "/host"), ("disk", "/disk")];
    let box_ = pod("box", json!({ "containers": [shell(COUNTS, &mounts)], "volumes": volumes }));
    run(world, &[box_]).await;
}

const ALL: &str = "cat /own /empty/f /host/f /disk/f /tmp/f; stat -c %a /empty/f; cat /empty/l";

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_cluster_has_its_files_runs_and_logs_when_it_is_back() {
    let home = tempfile::tempdir().expect("a folder");
    let world = open(home.path()).await;
    with_three_volumes(&world).await;
    let write = "for d in empty host disk tmp; do echo of $d > /$d/f; done; chmod 640 /empty/f; ln -s f /empty/l";
    exec(&world, "box", write).await;
    let (files, before) = (exec(&world, "box", ALL).await, told(&world).await);
    assert_eq!(files, "1\nof empty\nof host\nof disk\nof tmp\n640\nof empty\n");
    killed(world, (home.path(), "box")).await;

    let world = open(home.path()).await;
    assert_eq!(exec(&world, "box", ALL).await, files);
    assert!(world.ready(PATIENCE).await);
    assert_eq!(told(&world).await, before);
    // What is written now is kept as well, and so is what was before; a stop writes at once.
    exec(&world, "box", "echo more >> /disk/f; rm /host/f /own").await;
    world.stop().await;
    let world = open(home.path()).await;
    let left = exec(&world, "box", "cat /disk/f /empty/f; ls /host; test -f /own || echo gone").await;
    assert_eq!(left, "of disk\nmore\nof empty\ngone\n");
    assert_eq!(told(&world).await, before);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_brings_back_the_files_of_its_checkpoint_and_no_others() {
    let home = tempfile::tempdir().expect("a folder");
    let world = open(home.path()).await;
    with_three_volumes(&world).await;
    exec(&world, "box", "for d in empty host disk tmp; do echo of $d > /$d/f; done; ln -s f /empty/l").await;
    let (files, before) = (exec(&world, "box", ALL).await, told(&world).await);
    let checkpoint = world.checkpoint();
    let path = home.path().join("checkpoint.jsonl");
    checkpoint.save(&path).expect("written");
    for checkpoint in [checkpoint, Checkpoint::load(&path).expect("read").expect("there")] {
        exec(
            &world,
            "box",
            "rm /empty/f; echo no > /host/f; echo no > /host/g; echo no >> /disk/f; echo no > /tmp/f; kill 1",
        )
        .await;
        world.restore(&checkpoint).await;
        assert_eq!(exec(&world, "box", ALL).await, files);
        assert_eq!(exec(&world, "box", "ls /host").await, "f\n");
        assert!(world.ready(PATIENCE).await);
        assert_eq!(told(&world).await, before);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_are_as_open_and_as_large_as_they_are_said_to_be() {
    let home = tempfile::tempdir().expect("a folder");
    let world = open(home.path()).await;
    let volumes = json!([
        { "name": "empty", "emptyDir": {} },
        { "name": "memory", "emptyDir": { "medium": "Memory", "sizeLimit": "10Mi" } },
        { "name": "host", "hostPath": { "path": "/tmp" } },
    ]);
    let mut nobody = shell("sleep 36000", &[("empty", "/part"), ("memory", "/memory"), ("host", "/host")]);
    nobody["volumeMounts"][0]["subPath"] = json!("a/b");
    let context = json!({ "runAsUser": 1000, "fsGroup": 2000 });
    let spec = json!({ "containers": [nobody], "volumes": volumes, "securityContext": context });
    run(&world, &[pod("nobody", spec)]).await;
    let script =
        "stat -c '%a %g' /part /host; echo x > /part/f && echo x > /host/f && echo written; df /memory | grep memory";
    let told = exec(&world, "nobody", script).await;
    let (files, disk) = told.split_once("written\n").expect("a user may write there");
    assert_eq!(files, "2777 2000\n1777 0\n");
    assert!(disk.starts_with("tmpfs                    10240"), "{disk}");
    world.stop().await;
}

/// Programs that would go astray if they only began again: each says what it did, in a file that its next beginning would find.
#[tokio::test(flavor = "multi_thread")]
async fn programs_go_on_where_they_were() {
    let home = tempfile::tempdir().expect("a folder");
    let world = open(home.path()).await;
    let volumes = json!([{ "name": "v", "emptyDir": {} }, { "name": "c", "configMap": { "name": "settings" } }]);
    let map = |text: &str| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings" }, "data": { "s": text } });
    let maps: Api<k8s_openapi::api::core::v1::ConfigMap> = Api::default_namespaced(world.client().expect("a client"));
    maps.create(&PostParams::default(), &serde_json::from_value(map("old")).expect("a map")).await.expect("made");
    let marks = "if [ -f /v/mark ]; then exit 1; fi; touch /v/mark; echo marked; sleep 36000";
    let waits = "until [ -f /v/go ]; do sleep 1; done; echo going; echo x >> /v/went; sleep 36000";
    let reads = "s=$(cat /c/s); trap 'echo $s; exit 0' TERM; echo read $s $S; while true; do sleep 1; done";
    let env = json!([{ "name": "S", "valueFrom": { "configMapKeyRef": { "name": "settings", "key": "s" } } }]);
    let mut reader = shell(reads, &[("c", "/c")]);
    reader["env"] = env;
    let ticks = "while true; do date +%s >> /v/ticks; sleep 1; done";
    let made = [
        pod("marks", json!({ "containers": [shell(marks, &[("v", "/v")])], "volumes": volumes })),
        pod("waits", json!({ "containers": [shell(waits, &[("v", "/v")])], "volumes": volumes })),
        pod("reads", json!({ "containers": [reader], "volumes": volumes })),
        pod("ticks", json!({ "containers": [shell(ticks, &[("v", "/v")])], "volumes": volumes })),
    ];
    run(&world, &made).await;
    exec(&world, "waits", "touch /v/go").await;
    while exec(&world, "waits", "cat /v/went 2>&1").await != "x\n" {
        pause(&world).await;
    }
    maps.replace("settings", &PostParams::default(), &serde_json::from_value(map("new")).expect("a map"))
        .await
        .expect("changed");
    let before = told(&world).await;
    world.restore(&world.checkpoint()).await;
    as_they_were(&world, &before, 1).await;
    killed(world, (home.path(), "waits")).await;
    let world = open(home.path()).await;
    as_they_were(&world, &before, 2).await;
    world.stop().await;
}

async fn as_they_were(world: &World, before: &[(String, Value, String)], ways_back: usize) {
    assert!(world.ready(PATIENCE).await);
    assert_eq!(told(world).await, before);
    assert_eq!(exec(world, "waits", "cat /v/went").await, "x\n");
    assert_eq!(exec(world, "reads", "echo $S").await, "old\n");
    let ticks = exec(world, "ticks", "cat /v/ticks").await;
    let ticks: Vec<i64> = ticks.lines().map(|line| line.parse().expect("a time")).collect();
    // On a way back all stand still: there, and only there, more than a second lies between two.
    assert!(ticks.is_sorted_by(|one, next| one < next), "none twice: {ticks:?}");
    let gaps = ticks.windows(2).filter(|two| two[0] + 1 < two[1]).count();
    assert!(gaps <= ways_back, "one a second but for {ways_back} gaps: {ticks:?}");
}
