//! Examines this machine: `kubectl`, other clusters' programs, the disk, how nodes are entered, and whether a simulated cluster starts.
//! Telling what was found is the faces'.

use std::process::Stdio;

use serde::Serialize;
use serde_json::Value;
use tokio::process::Command;

use super::home;
use super::machine::on_path;
use crate::base::clock::Clock;
use crate::base::files;
use crate::base::topology::Topology;
use crate::cluster::entry::{self, Found, Mode};
use crate::cluster::{self, Origin, Wish};

/// The oldest `kubectl` that is good for Kubernetes 1.35 as practised here.
const OLDEST_MINOR: u32 = 30;

/// Whether something is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    Good,
    /// Not there, and not needed for everything.
    Lacking,
    /// Nothing works without it.
    Bad,
}

/// What was found about one thing.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub what: &'static str,
    pub state: State,
    pub found: String,
    /// How to get it; empty when all is well.
    pub remedy: String,
}

impl Finding {
    /// All is well.
    pub fn good(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, state: State::Good, found: found.into(), remedy: String::new() }
    }

    /// Some things will not work.
    pub fn lacking(what: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what, state: State::Lacking, found: found.into(), remedy: remedy.into() }
    }

    fn bad(what: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Bad, ..Self::lacking(what, found, remedy) }
    }
}

/// Examines everything but the terminal.
pub async fn examine() -> Vec<Finding> {
    let docker = program(
        "docker",
        &["version", "--format", "{{.Server.Version}}"],
        "https://docs.docker.com/get-docker; only --cluster kind needs it",
    );
    let kind = program("kind", &["version"], "https://kind.sigs.k8s.io; only --cluster kind needs it");
    let remedy = "Debian has it in etcd-server and etcd-client; only --etcd real needs it";
    let (etcd, etcdctl) = (program("etcd", &["--version"], remedy), program("etcdctl", &["version"], remedy));
    let (kubectl, embedded, kind, docker) = futures::join!(kubectl(), embedded(), kind, docker);
    let (etcd, etcdctl) = futures::join!(etcd, etcdctl);
    vec![kubectl, embedded, nodes(), disk(), kind, docker, etcd, etcdctl]
}

async fn output(program: &str, args: &[&str]) -> Result<String, String> {
    let asked = Command::new(program).args(args).stdin(Stdio::null()).kill_on_drop(true).output();
    match tokio::time::timeout(std::time::Duration::from_secs(10), asked).await {
        Err(_) => Err("it does not answer".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(ended)) if ended.status.success() => Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned()),
        Ok(Ok(ended)) => {
            let said = String::from_utf8_lossy(&ended.stderr);
            Err(said.lines().next().unwrap_or("it fails without a word").to_owned())
        }
    }
}

async fn kubectl() -> Finding {
    let remedy = "https://kubernetes.io/docs/tasks/tools/ tells how to install it";
    if on_path("kubectl").is_none() {
        return Finding::bad("kubectl", "not on the PATH", remedy);
    }
    let told = match output("kubectl", &["version", "--client", "-o", "json"]).await {
        Ok(told) => told,
        Err(why) => return Finding::bad("kubectl", why, remedy),
    };
    let version: Value = serde_json::from_str(&told).unwrap_or_default();
    let text = |pointer: &str| version.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = text("/clientVersion/gitVersion");
    let digits: String = text("/clientVersion/minor").chars().take_while(char::is_ascii_digit).collect();
    match digits.parse::<u32>() {
        Ok(minor) if minor >= OLDEST_MINOR => Finding::good("kubectl", name),
        _ => Finding::lacking("kubectl", format!("{name}, older than 1.{OLDEST_MINOR}"), remedy),
    }
}

async fn program(name: &'static str, args: &[&str], remedy: &str) -> Finding {
    if on_path(name).is_none() {
        return Finding::lacking(name, "not on the PATH", remedy);
    }
    match output(name, args).await {
        Ok(told) => Finding::good(name, told.lines().next().unwrap_or_default()),
        Err(why) => Finding::lacking(name, why, remedy),
    }
}

async fn embedded() -> Finding {
    let what = "embedded cluster";
    let remedy = "free some space in the temporary folder, or set TMPDIR";
    let dir = match tempfile::tempdir() {
        Ok(dir) => dir,
        Err(error) => return Finding::bad(what, error.to_string(), remedy),
    };
    let clock = Clock::system();
    let began = clock.now();
    let wish = Wish {
        name: "doctor".to_owned(),
        dir: dir.path().to_owned(),
        topology: Topology::default(),
        port: 0,
        keep: false,
        clock,
    };
    match cluster::open(&Origin::Embedded, &wish).await {
        Err(error) => Finding::bad(
            what,
            error.to_string(),
            "free some space in the temporary folder, or set TMPDIR; if that does not help, please report this",
        ),
        Ok(cluster) => {
            let took = clock.now().duration_since(began).as_millis();
            let version = cluster.client().apiserver_version().await;
            let _ = cluster.close().await;
            match version {
                Ok(version) => Finding::good(what, format!("Kubernetes {} in {took} ms", version.git_version)),
                Err(error) => Finding::bad(what, error.to_string(), "please report this"),
            }
        }
    }
}

/// How the embedded cluster's nodes are entered.
fn nodes() -> Finding {
    let what = "nodes";
    let Found { mode, why } = entry::found();
    match mode {
        Mode::Namespaces => Finding::good(what, "entered as machines of their own, in namespaces"),
        Mode::Proot(_) => {
            let found = format!("entered with proot, with this machine's processes; no namespaces: {why}");
            Finding::lacking(what, found, entry::remedy())
        }
        Mode::Portable => {
            let found =
                format!("ssh shows their files in a folder, tasks on nodes are not offered; no namespaces: {why}");
            Finding::lacking(what, found, entry::remedy())
        }
    }
}

/// Whether what must not be lost can be written down.
fn disk() -> Finding {
    let what = "disk";
    let dirs = match home::dirs() {
        Ok(dirs) => dirs,
        Err(error) => return Finding::bad(what, error.why, error.hint),
    };
    let place = dirs.state.display().to_string();
    let probe = dirs.state.join(".probe");
    let written = files::private_dir(&dirs.state)
        .and_then(|()| files::write_atomic(&probe, &[0; 4096], 0o600))
        .and_then(|()| std::fs::remove_file(&probe));
    match written {
        Err(error) => {
            Finding::bad(what, format!("{place}: {error}"), "KUBEDRILL_HOME=FOLDER keeps everything elsewhere")
        }
        Ok(()) => match rustix::fs::statvfs(&dirs.state) {
            Ok(facts) => {
                let free = facts.f_bavail.saturating_mul(facts.f_frsize) / (1024 * 1024);
                let found = format!("{free} MiB free for {place}");
                if free < 100 {
                    Finding::lacking(what, found, "an exam keeps some 20 MiB; free some space")
                } else {
                    Finding::good(what, found)
                }
            }
            Err(error) => Finding::lacking(what, error.to_string(), ""),
        },
    }
}
