//! Practice on a cluster that the command `kind` makes: a stand-in of that name keeps kind's contract, see `tests/fixtures/kind/kind`.
//! Where REAL_CLUSTER names the folder of a real control plane, that is what runs below it.

use std::path::PathBuf;
use std::process::{Command, Output};

use crate::commands::Place;

/// A place where `kind` is on the PATH.
struct WithKind {
    place: Place,
    kind: tempfile::TempDir,
}

impl WithKind {
    fn new() -> Self {
        Self { place: Place::new(), kind: tempfile::tempdir().unwrap() }
    }

    fn with_kind(&self, mut command: Command) -> Command {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kind");
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
        command.env("PATH", path).env("KIND_HOME", self.kind.path()).env("KUBEDRILL", env!("CARGO_BIN_EXE_kubedrill"));
        command
    }

    fn command(&self, args: &[&str]) -> Command {
        self.with_kind(self.place.command(args))
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn code(&self, args: &[&str]) -> Option<i32> {
        let ended = self.run(args);
        println!("{args:?}: {}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        ended.status.code()
    }

    /// What `kind` says: its code, and both of its outputs.
    fn kind(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let mut command = self.with_kind(Command::new("kind"));
        let ended = command.args(args).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (ended.status.code(), text(ended.stdout), text(ended.stderr))
    }
}

impl Drop for WithKind {
    /// Whatever a failed test left running is ended while `kind` is still there.
    fn drop(&mut self) {
        let _ = self.run(&["stop"]);
        let clusters = self.kind(&["get", "clusters"]).1;
        for name in clusters.lines() {
            let _ = self.kind(&["delete", "cluster", "--name", name]);
        }
    }
}

#[test]
fn a_cluster_of_kind_is_made_used_and_deleted() {
    let with = WithKind::new();
    let start = ["start", "rbac-serviceaccount", "--headless", "--cluster", "kind", "--seed", "3", "-o", "json"];
    let started = with.run(&start);
    assert!(started.status.success(), "{started:?}");
    let status: serde_json::Value = serde_json::from_slice(&started.stdout).unwrap();
    assert_eq!(status["cluster"], "kind");
    let name = with.kind(&["get", "clusters"]).1.trim().to_owned();
    assert!(name.starts_with("kubedrill-"), "{name}");
    let kubeconfig = std::fs::read_to_string(status["kubeconfig"].as_str().unwrap()).unwrap();
    assert!(kubeconfig.contains(&format!("current-context: kind-{name}")), "{kubeconfig}");

    assert_eq!(with.code(&["grade"]), Some(1));
    assert_eq!(with.code(&["solve", "--apply"]), Some(0));
    assert_eq!(with.code(&["grade"]), Some(0));
    assert_eq!(with.code(&["reset"]), Some(0));
    assert_eq!(with.code(&["grade"]), Some(1), "a reset takes away what was made");
    assert_eq!(with.code(&["stop"]), Some(0));
    let asked = std::fs::read_to_string(with.kind.path().join("asked")).unwrap();
    assert!(asked.contains(&format!("create cluster --name {name} --kubeconfig ")), "{asked}");
    assert!(asked.contains(&format!("delete cluster --name {name} --kubeconfig ")), "{asked}");
    assert_eq!(with.kind(&["get", "clusters"]).1, "", "nothing is left");
}

#[test]
fn the_stand_in_speaks_as_kind_does() {
    let with = WithKind::new();
    assert_eq!(with.kind(&["get", "clusters"]), (Some(0), String::new(), "No kind clusters found.\n".to_owned()));
    let nodes = with.kind(&["get", "nodes", "--name", "x"]);
    assert_eq!(nodes, (Some(0), String::new(), "No kind nodes found for cluster \"x\".\n".to_owned()));
    let (code, out, err) = with.kind(&["get", "kubeconfig", "--name", "x"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.starts_with("ERROR: could not locate any control plane nodes for cluster named 'x'"), "{err}");
    assert_eq!(with.kind(&["delete", "cluster", "--name", "x"]).0, Some(0));

    let file = with.kind.path().join("kubeconfig");
    let config = with.kind.path().join("kind.yaml");
    std::fs::write(&config, "kind: Cluster\nnodes:\n  - role: control-plane\n  - role: worker\n  - role: worker\n")
        .unwrap();
    let create = [
        "create",
        "cluster",
        "--name",
        "x",
        "--config",
        config.to_str().unwrap(),
        "--wait",
        "60s",
        "--kubeconfig",
        file.to_str().unwrap(),
    ];
    let (code, out, err) = with.kind(&create);
    assert_eq!((code, out.as_str()), (Some(0), ""), "{err}");
    assert!(
        err.starts_with("Creating cluster \"x\" ...\n") && err.contains("Set kubectl context to \"kind-x\""),
        "{err}"
    );
    assert_eq!(with.kind(&["get", "nodes", "--name", "x"]).1, "x-control-plane\nx-worker\nx-worker2\n");
    assert_eq!(with.kind(&["get", "kubeconfig", "--name", "x"]).1, std::fs::read_to_string(&file).unwrap());
    let (code, _, err) = with.kind(&create);
    assert_eq!(code, Some(1));
    assert!(err.contains("node(s) already exist for a cluster with the name \"x\""), "{err}");
    let (code, _, err) = with.kind(&["delete", "cluster", "--name", "x"]);
    assert_eq!(code, Some(0));
    assert!(err.starts_with("Deleting cluster \"x\" ...\n"), "{err}");
}

#[test]
fn where_kind_or_docker_is_absent_one_message_says_how_to_get_it() {
    let with = WithKind::new();
    let start = ["start", "rbac-serviceaccount", "--headless", "--cluster", "kind"];
    let docker = "failed to get docker info: command \"docker info\" failed: Cannot connect to the Docker daemon";
    let mut command = with.command(&start);
    let said = with.place.refusal(3, command.env("KIND_FAILS", docker));
    assert!(said.contains("Cannot connect to the Docker daemon; is Docker running?"), "{said}");

    let bin = tempfile::tempdir().unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let kubectl = std::env::split_paths(&path).map(|folder| folder.join("kubectl")).find(|program| program.is_file());
    let kubectl = kubectl.unwrap();
    std::os::unix::fs::symlink(kubectl, bin.path().join("kubectl")).unwrap();
    let said = with.place.refusal(3, with.place.command(&start).env("PATH", bin.path()));
    assert!(said.contains("there is no `kind` on the PATH; https://kind.sigs.k8s.io"), "{said}");
    let doctor = with.place.command(&["doctor", "-o", "json"]).env("PATH", bin.path()).output().unwrap();
    let found: Vec<serde_json::Value> = serde_json::from_slice(&doctor.stdout).unwrap();
    for (program, page) in [("kind", "https://kind.sigs.k8s.io"), ("docker", "https://docs.docker.com/get-docker")] {
        let told = found.iter().find(|finding| finding["what"] == program).unwrap();
        assert_eq!(told["state"], "lacking");
        assert!(told["remedy"].as_str().unwrap().starts_with(page), "{told}");
    }
}

#[test]
fn its_nodes_are_entered_through_their_containers() {
    let with = WithKind::new();
    // Of a real control plane below there are no containers.
    let run = |args: &[&str]| {
        let ended = with.command(args).env_remove("REAL_CLUSTER").output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
    };
    let pack = with.place.home.path().join("pack");
    let scenario = pack.join("a-word");
    std::fs::create_dir_all(&scenario).unwrap();
    std::fs::write(pack.join("pack.yaml"), A_PACK).unwrap();
    std::fs::write(scenario.join("scenario.yaml"), A_WORD).unwrap();
    let (code, out, err) = run(&["start", pack.join("a-word").to_str().unwrap(), "--headless", "--cluster", "kind"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(run(&["grade"]).0, Some(1));
    assert_eq!(
        run(&["ssh", "node01", "--", "cat /etc/word; hostname"]),
        (Some(0), "plain\nnode01\n".to_owned(), String::new())
    );
    let (code, out, err) = run(&["solve", "--apply"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let (code, out, err) = run(&["grade"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(run(&["reset"]).0, Some(0));
    let asked = std::fs::read_to_string(with.kind.path().join("asked")).unwrap();
    assert!(asked.contains("docker exec -i kubedrill-"), "{asked}");
    assert_eq!(run(&["ssh", "node01", "--", "cat /etc/word"]).1, "plain\n", "a reset brings files back");
    assert_eq!(run(&["stop"]).0, Some(0));
}

const A_PACK: &str = r"apiVersion: kubedrill/v1alpha1
kind: Pack
metadata: { name: own }
spec:
  title: Own
  version: 0.1.0
  domains: [{ id: troubleshooting, title: Troubleshooting, weight: 100 }]
";

/// A task on a node that needs nothing of a node but files and commands.
const A_WORD: &str = r#"apiVersion: kubedrill/v1alpha1
kind: Scenario
metadata: { name: a-word }
spec:
  title: A word
  domain: troubleshooting
  difficulty: easy
  minutes: 1
  requires: [node-shell]
  task: Write `loud` to /etc/word on node01.
  setup:
    - nodeFile: { node: node01, path: /etc/word, text: "plain\n" }
  checks:
    - name: The word
      points: 1
      nodeFile: { node: node01, path: /etc/word, matches: loud }
    - name: The kubelet runs
      guard: true
      nodeCommand: { node: node01, run: [systemctl, is-active, kubelet], prints: active }
  hints: [There is an editor.]
  solutions:
    - name: by ssh
      run: ssh node01 'echo loud > /etc/word'
    - name: by scp
      run: |
        echo loud > word
        scp word root@node01:/etc/word
  wrong:
    - name: another word
      run: ssh node01 'echo quiet > /etc/word'
      loses: [The word]
  explain: A file is a file.
"#;
