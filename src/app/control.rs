//! Talking to the process that drives a task or a cluster: a Unix socket for this user only, one line of JSON for each question and answer.
//! What is answered stands with those who host: `host`.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::error::{AppError, Kind};
use crate::base::clock::Clock;
use crate::base::files;
use crate::base::seed::Seed;
use crate::cluster::Way;
use crate::grading::report::{Report, Verdict};

/// How long is waited after a connection could not be taken.
const BREATH: Duration = Duration::from_millis(50);

/// What is asked of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "camelCase")]
pub enum Ask {
    Status,
    Grade,
    Hint,
    /// Show the solutions; with `apply`, do the first.
    Solve {
        apply: bool,
    },
    Reset,
    Stop,
}

/// What a host answers. Every answer but [`Say::Settled`] is the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "camelCase")]
pub enum Say {
    Settled {
        check: usize,
        name: String,
        verdict: Verdict,
    },
    Status(Box<Status>),
    Graded {
        report: Box<Report>,
        explain: String,
        docs: Vec<String>,
    },
    Hint {
        number: u32,
        of: u32,
        text: String,
    },
    /// Markdown.
    Solution {
        text: String,
    },
    Done,
    Failed(AppError),
}

/// What runs there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The scenario's id; of a cluster its name.
    pub name: String,
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<Seed>,
    /// `embedded`, `kind` or `context:NAME`.
    pub cluster: String,
    pub server: String,
    pub kubeconfig: PathBuf,
    /// Where answers are written; none for a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<PathBuf>,
    /// The way into its nodes: the socket that answers for them, or `kind:NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Way>,
    /// The task's text in Markdown; empty for a cluster.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub task: String,
    pub pid: u32,
}

/// Who answers.
pub trait Host: Send + Sync + 'static {
    /// Answers one question.
    fn answer(&self, ask: Ask, say: UnboundedSender<Say>) -> BoxFuture<'_, ()>;

    /// Whether there is nothing left to host, even though the last stop did not end well.
    fn over(&self) -> bool {
        false
    }
}

/// The socket of what is kept in a folder. Sockets have short names only, so a deep folder has its socket elsewhere.
pub fn socket(dir: &Path) -> PathBuf {
    let near = dir.join("socket");
    if near.as_os_str().len() <= 100 {
        return near;
    }
    let name = Seed(0).derive(&dir.to_string_lossy()).0;
    let user = rustix::process::getuid().as_raw();
    std::env::temp_dir().join(format!("kubedrill-{user}")).join(format!("{name:016x}"))
}

/// Opens the socket of a folder.
pub fn listen(dir: &Path) -> io::Result<UnixListener> {
    let path = socket(dir);
    if let Some(folder) = path.parent() {
        files::private_dir(folder)?;
    }
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers until somebody says stop and the host agrees.
pub async fn serve(listener: UnixListener, host: Arc<dyn Host>) {
    let (stop, mut stopped) = unbounded_channel::<()>();
    loop {
        tokio::select! {
            _ = stopped.recv() => return,
            came = listener.accept() => match came {
                Ok((stream, _)) => {
                    let (host, stop) = (host.clone(), stop.clone());
                    tokio::spawn(async move {
                        if converse(stream, host).await.unwrap_or(false) {
                            let _ = stop.send(());
                        }
                    });
                }
                // Such as when there are no more file descriptors; there will be.
                Err(error) => {
                    tracing::warn!("a question is not answered: {error}");
                    Clock::system().sleep(BREATH).await;
                }
            },
        }
    }
}

/// Answers one question; whether it was a stop that was done.
async fn converse(stream: UnixStream, host: Arc<dyn Host>) -> io::Result<bool> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read).read_line(&mut line).await?;
    let (say, mut said) = unbounded_channel();
    let stop = match serde_json::from_str::<Ask>(&line) {
        Ok(ask) => {
            let host = host.clone();
            tokio::spawn(async move { host.answer(ask, say).await });
            ask == Ask::Stop
        }
        Err(error) => {
            let _ = say.send(Say::Failed(AppError::new(Kind::Usage, "the question is not understood", error)));
            drop(say);
            false
        }
    };
    let (mut done, mut hears) = (false, true);
    while let Some(answer) = said.recv().await {
        done |= answer == Say::Done;
        // A stop is done also when whoever asked is gone.
        hears = hears && write.write_all(format!("{}\n", serde_json::to_string(&answer)?).as_bytes()).await.is_ok();
    }
    let _ = write.shutdown().await;
    Ok(stop && (done || host.over()))
}

/// Asks the host of a folder; `settling` hears what comes before the last answer.
pub async fn ask(dir: &Path, ask: Ask, mut settling: impl FnMut(Say)) -> Result<Say, AppError> {
    let lost = |why: String| {
        AppError::new(Kind::Environment, "what runs in the background does not answer", why)
            .hint("kubedrill stop ends a task, kubedrill cluster down a cluster; then start anew")
    };
    let stream = UnixStream::connect(socket(dir)).await.map_err(|error| lost(error.to_string()))?;
    let (read, mut write) = stream.into_split();
    let question = serde_json::to_string(&ask).map_err(|error| lost(error.to_string()))?;
    write.write_all(format!("{question}\n").as_bytes()).await.map_err(|error| lost(error.to_string()))?;
    let mut lines = BufReader::new(read).lines();
    loop {
        let line = lines.next_line().await.map_err(|error| lost(error.to_string()))?;
        let line = line.ok_or_else(|| lost("it ended in the middle of its answer".to_owned()))?;
        match serde_json::from_str(&line).map_err(|error| lost(error.to_string()))? {
            Say::Failed(error) => return Err(error),
            settled @ Say::Settled { .. } => settling(settled),
            last => return Ok(last),
        }
    }
}
