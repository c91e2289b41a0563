//! Where a script runs: a kubectl, a cluster, a folder of its own. Running its steps, and noting what was answered.
//! What comes of the answers is `compare.rs`.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use kubedrill::base::clock::Clock;
use kubedrill::base::topology::Topology;
use kubedrill::sim::world::{Options, World};
use serde_json::{Value, json};

use super::normal::normal;
use super::script::{Command, Script, Step};
use super::transcript::{Answer, Transcript};

/// How long a command may take, and how long `until` goes on.
const PATIENCE: Duration = Duration::from_secs(90);

/// A kubectl to run.
#[derive(Clone, Debug)]
pub struct Kubectl {
    path: PathBuf,
    /// Which 1.x it is.
    pub minor: u32,
}

impl Kubectl {
    /// The one named by `KUBEDRILL_PARITY_KUBECTL`, or the one on the PATH.
    pub fn find() -> Option<Self> {
        let path = PathBuf::from(std::env::var_os("KUBEDRILL_PARITY_KUBECTL").unwrap_or("kubectl".into()));
        let said = std::process::Command::new(&path).args(["version", "--client", "-o", "json"]).output().ok()?;
        let said: Value = serde_json::from_slice(&said.stdout).ok()?;
        let minor = said["clientVersion"]["minor"].as_str()?.trim_end_matches('+').parse().ok()?;
        Some(Self { path, minor })
    }
}

/// A cluster to run on.
pub enum Cluster {
    /// A fresh one of ours for each script.
    Embedded,
    /// A context of the machine's kubeconfig.
    Context(String),
}

/// A script's place on a cluster; what it holds is gone with it.
struct Seat {
    folder: tempfile::TempDir,
    namespace: String,
    kubectl: Kubectl,
    /// Ours, where it is.
    world: Option<World>,
}

/// Runs a script and says what was answered, and which expectations did not hold.
pub async fn run(kubectl: &Kubectl, cluster: &Cluster, script: &Script) -> (Transcript, Vec<String>) {
    let seat = Seat::take(kubectl, cluster, script).await;
    let mut problems = Vec::new();
    let mut transcript = Transcript { versions: seat.versions().await, answers: Vec::new() };
    for step in &script.steps {
        match step {
            Step::File { name, text } => seat.write(name, text),
            Step::Setup(text) => {
                let ended = seat.bash(text).await;
                if !ended.status.success() {
                    problems.push(format!("% {text}\n{}", String::from_utf8_lossy(&ended.stderr)));
                }
            }
            Step::Until(text) => {
                if !seat.until(text).await {
                    problems.push(format!("until {text}: it never was"));
                }
            }
            Step::Command(command) => {
                let answer = seat.ask(command).await;
                problems.extend(unmet(command, &answer));
                transcript.answers.push(answer);
            }
        }
    }
    seat.leave(script).await;
    (transcript, problems)
}

/// The expectations of a command that its answer does not meet.
fn unmet(command: &Command, answer: &Answer) -> Vec<String> {
    let mut unmet = Vec::new();
    if command.exit.is_some_and(|exit| exit != answer.exit) {
        unmet.push(format!("$ {}\nended with {}: {:?}", command.text, answer.exit, answer.lines));
    }
    for pattern in &command.patterns {
        let regex = regex::Regex::new(pattern).unwrap_or_else(|why| panic!("{why}"));
        if !regex.is_match(&answer.lines.join("\n")) {
            unmet.push(format!("$ {}\nno {pattern:?} in {:?}", command.text, answer.lines));
        }
    }
    unmet
}

impl Seat {
    async fn take(kubectl: &Kubectl, cluster: &Cluster, script: &Script) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (namespace, kubectl) = (script.namespace(), kubectl.clone());
        let mut seat = Self { folder, namespace, kubectl, world: None };
        ["work", "home", "bin"].iter().for_each(|name| {
            std::fs::create_dir(seat.folder.path().join(name)).expect("a folder can be made");
        });
        if seat.kubectl.path.is_absolute() {
            let link = seat.folder.path().join("bin/kubectl");
            std::os::unix::fs::symlink(&seat.kubectl.path, link).expect("a link can be made");
        }
        let found = seat.folder.path().join("found");
        let kubeconfig = match cluster {
            Cluster::Embedded => {
                let options =
                    Options { topology: Topology::default(), clock: Clock::fast(script.speed), port: 0, dir: None };
                let world = World::start(options).await.expect("a cluster starts");
                world.write_kubeconfig(&found).expect("a kubeconfig can be written");
                assert!(world.ready(PATIENCE.mul_f64(script.speed)).await, "the cluster is ready");
                seat.world = Some(world);
                std::process::Command::new(&seat.kubectl.path)
                    .args(["config", "view", "--raw", "-o", "json"])
                    .env("KUBECONFIG", found)
                    .output()
            }
            Cluster::Context(context) => std::process::Command::new(&seat.kubectl.path)
                .args(["config", "view", "--raw", "--minify", "--flatten", "-o", "json", "--context", context])
                .output(),
        };
        let kubeconfig = kubeconfig.expect("kubectl runs").stdout;
        let kubeconfig = named(serde_json::from_slice(&kubeconfig).expect("a kubeconfig"), &seat.namespace);
        std::fs::write(seat.kubeconfig(), kubeconfig.to_string()).expect("a kubeconfig can be written");
        seat.prepare(script).await;
        seat
    }

    /// Makes room: what an earlier run left goes, and the namespace is there with what every namespace has.
    async fn prepare(&self, script: &Script) {
        if self.world.is_some() {
            self.bash("kubectl delete node controlplane --wait=false").await;
            // It runs on the workers of the recorded cluster.
            let anywhere = r#"[{"op": "remove", "path": "/spec/template/spec/nodeSelector"}]"#;
            self.bash(&format!("kubectl patch deploy metrics-server -n kube-system --type=json -p '{anywhere}'")).await;
        } else {
            for line in &script.cleanup {
                self.bash(line).await;
            }
            self.bash("kubectl delete namespace $NS --ignore-not-found").await;
        }
        self.bash("kubectl create namespace $NS").await;
        let there = "kubectl get serviceaccount/default configmap/kube-root-ca.crt -n $NS";
        assert!(self.until(there).await, "{} is there", self.namespace);
    }

    async fn leave(mut self, script: &Script) {
        match self.world.take() {
            Some(world) => world.stop().await,
            None => {
                for line in &script.cleanup {
                    self.bash(line).await;
                }
                self.bash("kubectl delete namespace $NS --wait=false").await;
            }
        }
    }

    async fn versions(&self) -> String {
        let said = self.bash("kubectl version -o json").await.stdout;
        let said: Value = serde_json::from_slice(&said).unwrap_or_default();
        let version = |of: &str| said[of]["gitVersion"].as_str().unwrap_or("?").to_owned();
        format!("Kubernetes {}, kubectl {}", version("serverVersion"), version("clientVersion"))
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join("work").join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).expect("a folder can be made");
        std::fs::write(path, text).expect("a file can be written");
    }

    /// Runs a line as a learner's shell would, with nothing of this machine's about it.
    async fn bash(&self, text: &str) -> Output {
        let folder = self.folder.path();
        let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap_or_default());
        // By its path: a program that is looked for on a changed PATH is started by forking this process with all its pages.
        let mut command = tokio::process::Command::new("/bin/bash");
        command.args(["-c", text]).current_dir(folder.join("work")).stdin(Stdio::null()).kill_on_drop(true);
        command.env_clear().env("PATH", path).env("HOME", folder.join("home")).env("TMPDIR", folder);
        command.env("KUBECONFIG", self.kubeconfig()).env("NS", &self.namespace);
        command.env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
        // Most of the time goes into thousands of starts of kubectl, and a seventh of that into collecting garbage.
        command.env("GOGC", "off").env("GOMAXPROCS", "1");
        match tokio::time::timeout(PATIENCE, command.output()).await {
            Ok(output) => output.expect("bash runs"),
            Err(_) => {
                Output { status: ExitStatus::from_raw(124 << 8), stdout: Vec::new(), stderr: b"took too long".into() }
            }
        }
    }

    /// Runs a line again and again until it succeeds; false when it never did.
    async fn until(&self, text: &str) -> bool {
        let clock = Clock::system();
        let end = clock.now() + jiff::SignedDuration::try_from(PATIENCE).expect("constant: it fits");
        while clock.now() < end {
            if self.bash(text).await.status.success() {
                return true;
            }
            clock.sleep(Duration::from_millis(100)).await;
        }
        false
    }

    async fn ask(&self, command: &Command) -> Answer {
        let ended = self.bash(&command.text).await;
        let folder = self.folder.path().display().to_string();
        let lines = |bytes: &[u8], mark: &str| {
            let text = String::from_utf8_lossy(bytes).replace(&folder, "<dir>");
            normal(&text).iter().map(|line| format!("{mark} {line}").trim_end().to_owned()).collect::<Vec<_>>()
        };
        let lines = [lines(&ended.stdout, "|"), lines(&ended.stderr, "!")].concat();
        Answer { command: command.text.clone(), lines, exit: ended.status.code().unwrap_or(-1) }
    }
}

/// The kubeconfig with kubeadm's names and the script's namespace, so that it reads the same everywhere.
fn named(found: Value, namespace: &str) -> Value {
    let (cluster, user) = ("kubernetes", "kubernetes-admin");
    let context = format!("{user}@{cluster}");
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": cluster, "cluster": found["clusters"][0]["cluster"] }],
        "users": [{ "name": user, "user": found["users"][0]["user"] }],
        "contexts": [{ "name": context, "context": { "cluster": cluster, "user": user, "namespace": namespace } }],
        "current-context": context,
    })
}
