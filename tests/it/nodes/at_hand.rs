//! The real kubectl in running containers: exec, attach, cp, port-forward, debug and run, as a learner types them.
//! Needs `kubectl` on the PATH, as `kubectl.rs` does; what kube does is `exec.rs`.

use std::process::Stdio;
use std::time::Duration;

use kubedrill::base::clock::Clock;
use kubedrill::base::topology::Topology;
use kubedrill::sim::world::{Options, World};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

struct Cluster {
    world: World,
    home: tempfile::TempDir,
}

/// A cluster with a BusyBox and an nginx that run, or `None` where there is no kubectl and nobody insists.
async fn cluster() -> Option<Cluster> {
    let there = Command::new("kubectl").args(["version", "--client"]).output().await;
    if there.is_err() {
        assert!(std::env::var_os("CI").is_none(), "kubectl is not on the PATH, and in CI it has to be");
        return None;
    }
    let home = tempfile::tempdir().unwrap();
    let options = Options { topology: Topology::workers(1), clock: Clock::system(), port: 0, dir: None };
    let world = World::start(options).await.unwrap();
    world.write_kubeconfig(&home.path().join("config")).unwrap();
    assert!(world.ready(Duration::from_secs(60)).await);
    let cluster = Cluster { world, home };
    cluster.prints("", &["run", "box", "--image=busybox:1.36", "--", "sleep", "36000"]).await;
    cluster.prints("", &["run", "web", "--image=nginx"]).await;
    cluster.prints("", &["wait", "--for=condition=Ready", "--timeout=50s", "pod/box", "pod/web"]).await;
    Some(cluster)
}

impl Cluster {
    fn kubectl(&self, args: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command.args(args).env("KUBECONFIG", self.home.path().join("config")).env("HOME", self.home.path());
        command.current_dir(self.home.path()).kill_on_drop(true);
        command
    }

    /// Exit code, output and errors of a command that reads `input`.
    async fn run(&self, input: &str, args: &[&str]) -> (i32, String, String) {
        let mut command = self.kubectl(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        let output = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output());
        let output = output.await.unwrap_or_else(|_| panic!("{args:?} answers in time")).unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }

    async fn prints(&self, input: &str, args: &[&str]) -> String {
        let (code, output, errors) = self.run(input, args).await;
        assert_eq!(code, 0, "{args:?}: {output}{errors}");
        output
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_give_their_output_and_their_code() {
    let Some(cluster) = cluster().await else { return };
    assert_eq!(cluster.prints("hi\n", &["exec", "-i", "box", "--", "cat"]).await, "hi\n");
    let (code, output, errors) =
        cluster.run("", &["exec", "box", "--", "sh", "-c", "echo out; echo err >&2; exit 3"]).await;
    assert_eq!((code, output.as_str(), errors.as_str()), (3, "out\n", "err\ncommand terminated with exit code 3\n"));
    let (code, _, errors) = cluster.run("", &["exec", "box", "--", "nope"]).await;
    let told = "OCI runtime exec failed: exec failed: unable to start container process: exec: \"nope\": executable file not found in $PATH: unknown\n";
    assert_eq!(code, 1);
    assert!(
        errors.starts_with(
            "error: Internal error occurred: Internal error occurred: error executing command in container: "
        ),
        "{errors}"
    );
    assert!(errors.ends_with(told), "{errors}");
    // As kubectl 1.29 and older ask.
    let mut old = cluster.kubectl(&["exec", "box", "--", "sh", "-c", "echo old; exit 5"]);
    let old = old.env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", "false").output().await.unwrap();
    assert_eq!((old.status.code(), old.stdout.as_slice()), (Some(5), b"old\n".as_slice()), "{old:?}");
    let (_, _, errors) = cluster.run("", &["exec", "box", "--as=jane", "--", "true"]).await;
    assert!(errors.contains(r#"User "jane" cannot get resource "pods""#), "{errors}");
    cluster.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_in_and_come_out() {
    let Some(cluster) = cluster().await else { return };
    let home = cluster.home.path();
    std::fs::create_dir_all(home.join("folder/inner")).unwrap();
    std::fs::write(home.join("folder/one"), "1\n").unwrap();
    std::fs::write(home.join("folder/inner/two"), vec![7; 100_000]).unwrap();
    cluster.prints("", &["cp", "folder", "box:/tmp/folder"]).await;
    assert_eq!(cluster.prints("", &["exec", "box", "--", "cat", "/tmp/folder/one"]).await, "1\n");
    cluster.prints("", &["cp", "box:/tmp/folder", "back"]).await;
    assert_eq!(std::fs::read(home.join("back/inner/two")).unwrap(), vec![7; 100_000]);
    cluster.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_is_forwarded() {
    let Some(cluster) = cluster().await else { return };
    for sockets in ["true", "false"] {
        let mut forwarding = cluster.kubectl(&["port-forward", "pod/web", ":80"]);
        forwarding.env("KUBECTL_PORT_FORWARD_WEBSOCKETS", sockets);
        let mut forwarding = forwarding.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(forwarding.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().expect("it says where it listens");
        let port = line.split([' ', ':']).find_map(|word| word.parse::<u16>().ok()).expect("a port");
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("Welcome to nginx!"), "{answer}");
        forwarding.kill().await.unwrap();
    }
    cluster.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_for_one_command_say_what_it_says_and_go() {
    let Some(cluster) = cluster().await else { return };
    let once = ["run", "once", "--image=busybox", "-i", "--rm", "--restart=Never", "--"];
    let said = cluster.prints("echo from $(hostname)\n", &[&once[..], &["sh"]].concat()).await;
    assert!(said.starts_with("from once\n") && said.contains("pod \"once\" deleted"), "{said}");
    let (code, output, _) =
        cluster.run("", &[&once[..], &["sh", "-c", "echo slow; sleep 1; echo done; exit 7"]].concat()).await;
    assert!(code == 7 && output.starts_with("slow\ndone\n"), "{code} {output}");
    // Who leaves the input open does not wait for the end of what reads it.
    let open = ["run", "open", "--image=busybox", "--attach", "--stdin", "--leave-stdin-open", "--restart=Never", "--"];
    let said = cluster.prints("typed\n", &[&open[..], &["sh", "-c", "cat; echo over"]].concat()).await;
    assert_eq!(said, "typed\n");
    assert_eq!(cluster.prints("", &["get", "pod", "open", "-o", "jsonpath={.status.phase}"]).await, "Running");
    let debug = ["debug", "web", "-i", "--image=busybox", "--profile=general", "--", "sh"];
    let said = cluster.prints("wget -qO- localhost | head -n 4; exit\n", &debug).await;
    assert!(said.contains("Welcome to nginx!"), "{said}");
    cluster
        .prints("", &["debug", "web", "--copy-to=copy", "--image=busybox", "--profile=general", "--", "sleep", "1d"])
        .await;
    cluster.prints("", &["wait", "--for=condition=Ready", "--timeout=50s", "pod/copy"]).await;
    let node = ["debug", "node/node01", "-i", "--image=busybox", "--profile=general", "--", "hostname"];
    assert!(cluster.prints("", &node).await.contains("node01\n"));
    cluster.world.stop().await;
}
