//! Commands in running containers: over a WebSocket, as kube and kubectl ask for them, and straight.
//! What scripts do is `scripts.rs`; the real kubectl is `kubectl_exec.rs`.

use std::time::Duration;

use futures::SinkExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, AttachParams, LogParams, Patch, PatchParams, PostParams, TerminalSize};
use kubedrill::base::clock::Clock;
use kubedrill::base::topology::Topology;
use kubedrill::sim::world::{Options, World};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

/// A cluster with one Pod that runs.
async fn running(spec: Value) -> (World, Api<Pod>) {
    let options = Options { topology: Topology::workers(1), clock: Clock::system(), port: 0, dir: None };
    let world = World::start(options).await.expect("a cluster");
    let pods: Api<Pod> = Api::default_namespaced(world.client().expect("a client"));
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "box" }, "spec": spec });
    let pod: Pod = serde_json::from_value(pod).expect("a Pod");
    for _ in 0..3000 {
        match pods.create(&PostParams::default(), &pod).await {
            // Its ServiceAccount is still to be made, or it is there already.
            Err(kube::Error::Api(status)) if matches!(status.code, 403 | 409) => {}
            created => drop(created.expect("it is created")),
        }
        if is_running(&pods).await {
            return (world, pods);
        }
        pause(&world).await;
    }
    panic!("the Pod does not run");
}

async fn is_running(pods: &Api<Pod>) -> bool {
    let status = pods.get_opt("box").await.expect("an answer").and_then(|pod| pod.status);
    let containers = status.and_then(|status| status.container_statuses).unwrap_or_default();
    !containers.is_empty()
        && containers.iter().all(|status| status.state.as_ref().is_some_and(|state| state.running.is_some()))
}

async fn pause(world: &World) {
    world.clock().sleep(Duration::from_millis(20)).await;
}

fn busybox() -> Value {
    json!({ "containers": [
        { "name": "main", "image": "busybox:1.36", "command": ["sh", "-c", "echo started; sleep 36000"], "env": [{ "name": "COLOUR", "value": "blue" }] },
        { "name": "other", "image": "nginx" },
    ] })
}

/// What a command writes, and what is told of its end.
async fn exec(pods: &Api<Pod>, words: &[&str], params: AttachParams, input: &str) -> (String, String, Value) {
    let mut process = pods.exec("box", words.iter().copied(), &params.container("main")).await.expect("it is begun");
    let ended = process.take_status().expect("an end");
    let (mut output, mut errors) = (String::new(), String::new());
    if let Some(mut stdin) = process.stdin() {
        stdin.write_all(input.as_bytes()).await.expect("it reads");
        stdin.shutdown().await.expect("it is closed");
    }
    let (mut stdout, mut stderr) = (process.stdout(), process.stderr());
    if let Some(stdout) = &mut stdout {
        stdout.read_to_string(&mut output).await.expect("text");
    }
    if let Some(stderr) = &mut stderr {
        stderr.read_to_string(&mut errors).await.expect("text");
    }
    let ended = ended.await.map(|status| serde_json::to_value(status).expect("JSON")).unwrap_or_default();
    process.join().await.expect("it ends in order");
    (output, errors, ended)
}

fn reads_nothing() -> AttachParams {
    AttachParams::default().stdin(false)
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_write_read_and_end() {
    let (world, pods) = running(busybox()).await;
    let (output, errors, ended) =
        exec(&pods, &["sh", "-c", "echo $COLOUR; echo oops >&2; exit 3"], reads_nothing(), "").await;
    assert_eq!((output.as_str(), errors.as_str()), ("blue\n", "oops\n"));
    assert_eq!(ended["reason"], "NonZeroExitCode");
    assert_eq!(ended["details"]["causes"][0]["message"], "3");
    let (output, _, ended) = exec(&pods, &["wc", "-l"], AttachParams::default().stdin(true), "a\nb\nc\n").await;
    assert_eq!((output.trim(), &ended["status"]), ("3", &json!("Success")));
    let (_, _, ended) = exec(&pods, &["nope"], reads_nothing(), "").await;
    let message = ended["message"].as_str().unwrap_or_default();
    assert!(message.ends_with(r#"exec: "nope": executable file not found in $PATH: unknown"#), "{message}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_tells_the_release_its_image_was_tagged_with() {
    let (world, pods) = running(json!({ "containers": [{ "name": "main", "image": "nginx:1.26" }] })).await;
    let (output, errors, _) = exec(&pods, &["nginx", "-v"], reads_nothing(), "").await;
    assert_eq!((output.as_str(), errors.as_str()), ("", "nginx version: nginx/1.26.3\n"));
    let (head, _, _) = exec(&pods, &["curl", "-sI", "localhost"], reads_nothing(), "").await;
    assert!(head.contains("\r\nServer: nginx/1.26.3\r\n"), "{head}");
    let (_, told, _) = exec(&pods, &["nginx", "-t"], reads_nothing(), "").await;
    assert!(told.ends_with("nginx.conf test is successful\n"), "{told}");
    let (_, told, ended) = exec(&pods, &["nginx", "-s", "reload"], reads_nothing(), "").await;
    assert!(told.ends_with(": signal process started\n") && ended["status"] == "Success", "{told} {ended}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_that_share_their_processes_see_and_end_each_others() {
    let main = json!({ "name": "main", "image": "busybox:1.36", "command": ["sleep", "36000"] });
    let spec = json!({ "shareProcessNamespace": true, "containers": [main, { "name": "web", "image": "nginx" }] });
    let (world, pods) = running(spec).await;
    let (seen, _, _) = exec(&pods, &["ps"], reads_nothing(), "").await;
    let seen: Vec<&str> = seen.lines().skip(1).map(|line| line.split_once("0:00 ").unwrap().1).collect();
    assert_eq!(seen, ["/pause", "sleep 36000", "nginx", "ps"]);
    exec(&pods, &["sh", "-c", "kill -HUP 3; kill -9 1"], reads_nothing(), "").await;
    let (still, _, _) = exec(&pods, &["ps"], reads_nothing(), "").await;
    assert!(still.contains("/pause\n") && still.contains("nginx\n"), "{still}");
    exec(&pods, &["sh", "-c", "kill 3"], reads_nothing(), "").await;
    for _ in 0..3000 {
        let status = pods.get("box").await.expect("it is there").status.unwrap_or_default();
        let web = status.container_statuses.into_iter().flatten().find(|status| status.name == "web");
        if web.is_some_and(|web| web.restart_count == 1) {
            return world.stop().await;
        }
        pause(&world).await;
    }
    panic!("nginx ends when it is told to");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_container_sees_the_processes_of_its_target() {
    let (world, pods) = running(json!({ "containers": [{ "name": "main", "image": "nginx" }] })).await;
    let debugger =
        json!({ "name": "debugger", "image": "busybox:1.36", "command": ["ps"], "targetContainerName": "main" });
    let patch = json!({ "spec": { "ephemeralContainers": [debugger] } });
    let patched = pods.patch_ephemeral_containers("box", &PatchParams::default(), &Patch::Strategic(patch)).await;
    patched.expect("it is added");
    for _ in 0..3000 {
        let logs = pods.logs("box", &LogParams { container: Some("debugger".into()), ..LogParams::default() }).await;
        if let Ok(seen) = logs.as_deref()
            && seen.contains("0:00 ps\n")
        {
            assert!(seen.contains("    1 root      0:00 nginx\n"), "{seen}");
            return world.stop().await;
        }
        pause(&world).await;
    }
    panic!("it does not run");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_written_by_one_command_are_there_for_the_next() {
    let (world, pods) = running(busybox()).await;
    exec(&pods, &["sh", "-c", "cat > /tmp/note"], AttachParams::default().stdin(true), "kept\n").await;
    assert_eq!(exec(&pods, &["cat", "/tmp/note"], reads_nothing(), "").await.0, "kept\n");
    let straight = world.exec(("default", "box", "main"), &["cat", "/tmp/note"], b"").await.expect("it runs");
    assert_eq!((straight.code, straight.output.as_slice()), (0, b"kept\n".as_slice()));
    let refused = world.exec(("default", "box", "none"), &["true"], b"").await.expect_err("there is no such container");
    assert_eq!(refused.message, r#"container not found ("none")"#);
    world.stop().await;
}

/// What a screen shows from now on, until it ends with `awaited`.
async fn until_shown(screen: &mut (impl AsyncRead + Unpin), awaited: &str) -> String {
    let (mut shown, mut part) = (Vec::new(), [0_u8; 1024]);
    while !shown.ends_with(awaited.as_bytes()) {
        let read = tokio::time::timeout(Duration::from_secs(60), screen.read(&mut part)).await;
        let length = read.map_or(0, |read| read.expect("it can be read"));
        assert_ne!(length, 0, "{awaited:?} is not shown: {:?}", String::from_utf8_lossy(&shown));
        shown.extend_from_slice(&part[..length]);
    }
    String::from_utf8(shown).expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_can_work_at_a_prompt() {
    let (world, pods) = running(busybox()).await;
    let params = AttachParams::interactive_tty().container("main");
    let mut process = pods.exec("box", ["sh"], &params).await.expect("it is begun");
    let mut sizes = process.terminal_size().expect("sizes");
    sizes.send(TerminalSize { width: 80, height: 24 }).await.expect("it is told");
    let (mut stdin, mut stdout) = (process.stdin().expect("input"), process.stdout().expect("output"));
    let ended = process.take_status().expect("an end");
    let mut shown = String::new();
    // Each waits for what is shown before it: what is typed ahead is shown elsewhere, and Ctrl-C throws it away.
    for (awaited, typed) in [
        ("/ # ", "cd /etc\r"),
        ("/etc # ", "sleep 1000\r"),
        ("sleep 1000\r\n", "\u{3}"),
        ("/etc # ", "echo $?\r"),
        ("/etc # ", "\u{1b}[A\r"),
        ("/etc # ", "exit 4\r"),
    ] {
        shown += &until_shown(&mut stdout, awaited).await;
        stdin.write_all(typed.as_bytes()).await.expect("it reads");
    }
    stdout.read_to_string(&mut shown).await.expect("text");
    for part in [
        "/ # cd /etc\r\n",
        "/etc # sleep 1000\r\n^C\r\n/etc # echo $?\r\n130\r\n/etc # ",
        "echo $?\r\n0\r\n/etc # exit 4\r\n",
    ] {
        assert!(shown.contains(part), "{shown:?}");
    }
    let ended = serde_json::to_value(ended.await.expect("a status")).expect("JSON");
    assert_eq!(ended["details"]["causes"][0]["message"], "4");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_is_killed_from_inside_starts_again() {
    let (world, pods) = running(json!({ "containers": [{ "name": "main", "image": "nginx" }] })).await;
    let (_, _, ended) = exec(&pods, &["sh", "-c", "kill 1; sleep 5"], reads_nothing(), "").await;
    assert_eq!(ended["details"]["causes"][0]["message"], "137");
    for _ in 0..3000 {
        let status = pods.get("box").await.expect("it is there").status.unwrap_or_default();
        if status.container_statuses.unwrap_or_default().iter().any(|status| status.restart_count == 1) {
            return world.stop().await;
        }
        pause(&world).await;
    }
    panic!("it was not started again");
}
