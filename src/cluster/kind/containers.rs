//! The nodes of a cluster of kind: containers, entered by the engine that made them (`docker exec`).
//! Scenarios and learners call them as those of a simulated cluster; which container that is, is told here.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Output, Stdio};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::{ClusterError, kind};
use crate::cluster::AskError;
use crate::cluster::nodes::{Ended, NodeFile, Nodes};

/// What the scripts below end with where there is no such file.
const ABSENT: i32 = 44;
/// Prints a file's permission bits and then the file.
const READ: &str = r#"[ -f "$1" ] || exit 44; stat -Lc %a "$1" && cat "$1""#;
/// Puts standard input into a file, once all of it is there. Nothing else appears beside it (a kubelet reads whole folders), and what is
/// mounted there or linked to stays so.
const WRITE: &str = r#"all=$(mktemp) && cat >"$all" && mkdir -p "$(dirname "$1")" && cat "$all" >"$1" && chmod "$2" "$1"
ended=$?; rm -f "$all"; exit $ended"#;
const REMOVE: &str = r#"rm -f "$1""#;

/// The nodes of one cluster: how they are called, and their containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Containers(Vec<(String, String)>);

/// The program that runs kind's containers: `docker`, or what kind itself is told to use.
pub fn engine() -> String {
    std::env::var("KIND_EXPERIMENTAL_PROVIDER").ok().filter(|name| !name.is_empty()).unwrap_or("docker".to_owned())
}

/// kind's names, each with what it is called in a simulated cluster: `controlplane`, `node01`, `node02`, ….
fn called(names: &str) -> Vec<(String, String)> {
    let mut names: Vec<&str> = names.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    // `worker2` comes before `worker10`.
    names.sort_by_key(|name| (name.len(), *name));
    let (mut planes, mut workers) = (0, 0);
    let mut one = |container: &str| {
        // Load balancers stand before several control planes; nothing of Kubernetes is on them.
        let kind = container.rsplit_once('-').map_or(container, |(_, last)| last).trim_end_matches(char::is_numeric);
        let name = match kind {
            "plane" => {
                planes += 1;
                if planes == 1 { "controlplane".to_owned() } else { format!("controlplane{planes:02}") }
            }
            "worker" => {
                workers += 1;
                format!("node{workers:02}")
            }
            _ => return None,
        };
        Some((name, container.to_owned()))
    };
    names.into_iter().filter_map(&mut one).collect()
}

impl Containers {
    /// The nodes of the cluster that kind knows by this name.
    pub async fn of(cluster: &str) -> Result<Self, ClusterError> {
        Ok(Self(called(&kind(&["get", "nodes", "--name", cluster]).await?)))
    }

    /// The container of a node, called by either name.
    pub fn container(&self, node: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, container)| name == node || container == node);
        found.map(|(_, container)| container.as_str())
    }

    /// Goes in: this process becomes a login shell there, or what `bash` makes of a command. It returns only where that fails.
    pub fn enter(&self, node: &str, command: Option<&str>, terminal: bool) -> ClusterError {
        let Some(container) = self.container(node) else {
            return ClusterError::Refused(format!("there is no node {node}"));
        };
        let engine = engine();
        let mut visit = std::process::Command::new(&engine);
        visit.args(["exec", if terminal { "-it" } else { "-i" }, "-w", "/root", container, "bash"]);
        match command {
            Some(command) => visit.args(["-c", command]),
            None => visit.arg("-l"),
        };
        ClusterError::Refused(format!("`{engine} exec` does not run: {}", visit.exec()))
    }

    /// Copies between this machine and nodes, with the engine's own `cp`; a node's path is `NODE:PATH`, a relative one begins at root's home.
    pub fn copy(&self, from: &str, to: &str) -> Result<(), ClusterError> {
        let place = |text: &str| match text.split_once(':').map(|(node, path)| (self.container(node), path)) {
            Some((Some(container), path)) if path.starts_with('/') => format!("{container}:{path}"),
            Some((Some(container), path)) => format!("{container}:/root/{path}"),
            _ => text.to_owned(),
        };
        let engine = engine();
        let ended = std::process::Command::new(&engine).args(["cp", &place(from), &place(to)]).output();
        match ended {
            Ok(ended) if ended.status.success() => Ok(()),
            Ok(ended) => Err(ClusterError::Refused(String::from_utf8_lossy(&ended.stderr).trim().to_owned())),
            Err(error) => Err(ClusterError::Refused(format!("`{engine} cp` does not run: {error}"))),
        }
    }

    async fn exec(&self, node: &str, words: &[&str], input: &[u8]) -> Result<Output, AskError> {
        let container = self.container(node).ok_or_else(|| {
            let message = format!("there is no node {node}");
            AskError::Refused { code: 404, reason: "NotFound".to_owned(), message }
        })?;
        let engine = engine();
        let failed = |error: io::Error| AskError::NoAnswer(format!("`{engine} exec` does not run: {error}"));
        let mut command = Command::new(&engine);
        command.args(["exec", "-i", container]).args(words);
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.kill_on_drop(true).spawn().map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // Who does not read it says so in another way.
            let _ = stdin.write_all(input).await;
        }
        child.wait_with_output().await.map_err(failed)
    }

    async fn script(&self, node: &str, words: [&str; 3], input: &[u8]) -> Result<Output, AskError> {
        let [script, path, more] = words;
        self.exec(node, &["sh", "-c", script, "sh", path, more], input).await
    }
}

fn refused(path: &str, ended: &Output) -> AskError {
    AskError::NoAnswer(format!("{path}: {}", String::from_utf8_lossy(&ended.stderr).trim()))
}

/// What [`READ`] printed.
fn read(bytes: &[u8]) -> Option<NodeFile> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let mode = u32::from_str_radix(std::str::from_utf8(bytes.get(..end)?).ok()?, 8).ok()?;
    Some(NodeFile { bytes: bytes.get(end + 1..)?.to_vec(), mode })
}

impl Nodes for Containers {
    fn read<'a>(&'a self, node: &'a str, path: &'a str) -> BoxFuture<'a, Result<Option<NodeFile>, AskError>> {
        async move {
            let ended = self.script(node, [READ, path, ""], b"").await?;
            match ended.status.code() {
                Some(ABSENT) => Ok(None),
                Some(0) => read(&ended.stdout).map(Some).ok_or_else(|| refused(path, &ended)),
                _ => Err(refused(path, &ended)),
            }
        }
        .boxed()
    }

    fn write<'a>(
        &'a self,
        node: &'a str,
        path: &'a str,
        file: Option<&'a NodeFile>,
    ) -> BoxFuture<'a, Result<(), AskError>> {
        async move {
            let ended = match file {
                Some(file) => self.script(node, [WRITE, path, &format!("{:o}", file.mode)], &file.bytes).await?,
                None => self.script(node, [REMOVE, path, ""], b"").await?,
            };
            if ended.status.success() { Ok(()) } else { Err(refused(path, &ended)) }
        }
        .boxed()
    }

    fn run<'a>(&'a self, node: &'a str, words: &'a [String]) -> BoxFuture<'a, Result<Ended, AskError>> {
        async move {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let ended = self.exec(node, &words, b"").await?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            // A signal ended the engine's own program, and with it what it ran.
            let code = ended.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX);
            Ok(Ended { code, stdout: text(&ended.stdout), stderr: text(&ended.stderr) })
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_called_as_in_a_simulated_cluster() {
        let listed = "a-worker2\na-control-plane2\na-control-plane\na-external-load-balancer\na-worker\n";
        let containers = Containers(called(listed));
        let container = |node: &str| containers.container(node).map(str::to_owned);
        assert_eq!(container("controlplane").as_deref(), Some("a-control-plane"));
        assert_eq!(container("controlplane02").as_deref(), Some("a-control-plane2"));
        assert_eq!(container("node02").as_deref(), Some("a-worker2"));
        assert_eq!(container("a-worker").as_deref(), Some("a-worker"));
        assert_eq!(container("a-external-load-balancer"), None);
    }

    #[test]
    fn a_file_comes_with_its_mode() {
        let file = NodeFile { bytes: b"one\ntwo\n".to_vec(), mode: 0o600 };
        assert_eq!(read(b"600\none\ntwo\n"), Some(file));
        assert_eq!(read(b"no mode"), None);
    }
}
