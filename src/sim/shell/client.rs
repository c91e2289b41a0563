//! The other end of the socket: asks which nodes there are, to be let in, and to have a node's command run.
//! What is said is `protocol`'s; who answers, `server`'s.

use std::ffi::OsString;
use std::io::{self, ErrorKind, IsTerminal, Read as _};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::Mutex;

use super::enter::place::Place;
use super::protocol::{Channel, Entrance, Request, receive, send};

/// The longest path a socket can have, in bytes, the 0 at its end apart (unix(7)).
const LONGEST: usize = 107;
/// The exit code of a program that a closed pipe ended: 128 and SIGPIPE.
const PIPE_CLOSED: u8 = 141;
/// The exit codes of what cannot be run, and of what is not there.
const CANNOT: u8 = 126;
const MISSING: u8 = 127;

/// Why nobody gets in.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("the cluster does not answer: {0}")]
    Lost(#[from] io::Error),
    #[error("{0}")]
    Refused(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer<T> {
    Refused { refused: String },
    Given(T),
}

/// Connects to a socket, however long its path is.
pub async fn connect(socket: &Path) -> io::Result<UnixStream> {
    if socket.as_os_str().len() <= LONGEST {
        return UnixStream::connect(socket).await;
    }
    let (folder, name) = socket.parent().zip(socket.file_name()).ok_or(ErrorKind::InvalidInput)?;
    let folder = rustix::fs::open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let short = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
    UnixStream::connect(short).await
}

/// A question that a line answers.
async fn ask<T: DeserializeOwned>(socket: &Path, request: &Request) -> Result<T, ClientError> {
    let mut stream = connect(socket).await?;
    put(&mut stream, request).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    match serde_json::from_str(&line).map_err(io::Error::from)? {
        Answer::Refused { refused } => Err(ClientError::Refused(refused)),
        Answer::Given(given) => Ok(given),
    }
}

async fn put(to: &mut (impl AsyncWriteExt + Unpin), request: &Request) -> io::Result<()> {
    to.write_all(format!("{}\n", serde_json::to_string(request)?).as_bytes()).await
}

/// The names of the nodes there are.
pub async fn nodes(socket: &Path) -> Result<Vec<String>, ClientError> {
    ask(socket, &Request::Nodes).await
}

/// What it takes to enter a node, whose files are laid then.
pub async fn entrance(socket: &Path, node: &str) -> Result<Entrance, ClientError> {
    ask(socket, &Request::Enter { node: node.to_owned() }).await
}

/// Has a command of the node run that this process is on: what comes in goes to it, what it says comes out, and its exit code is this program's.
pub fn run(place: &Place, words: Vec<String>) -> ExitCode {
    let (name, own) = (words.first().cloned().unwrap_or_default(), words.clone());
    let done = tokio::runtime::Builder::new_current_thread().enable_all().build().and_then(|runtime| {
        let done = runtime.block_on(converse(place, words));
        // Somebody may still read the terminal for it.
        runtime.shutdown_background();
        done
    });
    match done {
        Ok(Ended::Code(code)) => ExitCode::from(code),
        Ok(Ended::Instead(first)) => ExitCode::from(instead(&own, &first)),
        Err(error) => {
            eprintln!("{name}: the machine does not answer: {error}");
            ExitCode::from(CANNOT)
        }
    }
}

/// How a command ended.
enum Ended {
    Code(u8),
    /// The machine's own program is to run, with these arguments before those that were typed.
    Instead(Vec<String>),
}

/// Becomes the program of that name that the PATH leads to behind this one; the exit code where there is none.
fn instead(words: &[String], first: &[String]) -> u8 {
    let (Some(name), own) = (words.first(), std::env::current_exe().and_then(std::fs::canonicalize).ok()) else {
        return MISSING;
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_other = |path: &std::path::PathBuf| path.is_file() && std::fs::canonicalize(path).ok() != own;
    match std::env::split_paths(&path).map(|folder| folder.join(name)).find(is_other) {
        Some(program) => {
            let error = std::process::Command::new(&program).args(first).args(&words[1..]).exec();
            eprintln!("bash: {}: {error}", program.display());
            CANNOT
        }
        None => {
            eprintln!("bash: {name}: command not found");
            MISSING
        }
    }
}

/// Talks with the command to its end.
async fn converse(place: &Place, words: Vec<String>) -> io::Result<Ended> {
    let (mut from, mut to) = connect(&place.socket).await?.into_split();
    let lossy = |text: OsString| text.to_string_lossy().into_owned();
    let request = Request::Run {
        node: place.node.clone(),
        words,
        cwd: std::env::current_dir().map_or_else(|_| "/".to_owned(), |folder| lossy(folder.into_os_string())),
        env: std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect(),
        columns: if io::stdout().is_terminal() {
            rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| size.ws_col).filter(|columns| *columns > 0)
        } else {
            None
        },
    };
    put(&mut to, &request).await?;
    let to = Arc::new(Mutex::new(to));
    tokio::spawn(interrupts(to.clone()));
    let mut reads = false;
    loop {
        let written = match receive(&mut from).await? {
            (Channel::Stdout, bytes) => write(io::stdout().lock(), &bytes),
            (Channel::Stderr, bytes) => write(io::stderr().lock(), &bytes),
            (Channel::Exit, bytes) => return Ok(Ended::Code(bytes.first().copied().unwrap_or_default())),
            (Channel::Instead, bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let first = text.split('\0').filter(|word| !word.is_empty()).map(str::to_owned);
                return Ok(Ended::Instead(first.collect()));
            }
            (Channel::Stdin, _) if !std::mem::replace(&mut reads, true) => {
                tokio::spawn(input(to.clone()));
                Ok(())
            }
            (Channel::Stdin | Channel::Interrupt, _) => Ok(()),
        };
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(Ended::Code(PIPE_CLOSED)),
            written => written?,
        }
    }
}

fn write(mut to: impl io::Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

/// Tells the command of every Ctrl-C.
async fn interrupts(to: Arc<Mutex<OwnedWriteHalf>>) {
    while tokio::signal::ctrl_c().await.is_ok() {
        if send(&mut *to.lock().await, Channel::Interrupt, &[]).await.is_err() {
            return;
        }
    }
}

/// Sends what is typed, or comes through the pipe, to the end.
async fn input(to: Arc<Mutex<OwnedWriteHalf>>) {
    let (give, mut take) = tokio::sync::mpsc::channel::<Vec<u8>>(1);
    // Not tokio's, which would keep the program until the next key.
    std::thread::spawn(move || {
        let mut bytes = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = io::stdin().lock().read(&mut bytes) {
            if give.blocking_send(bytes[..read].to_vec()).is_err() {
                return;
            }
        }
    });
    while let Some(bytes) = take.recv().await {
        if send(&mut *to.lock().await, Channel::Stdin, &bytes).await.is_err() {
            return;
        }
    }
    let _ = send(&mut *to.lock().await, Channel::Stdin, &[]).await;
}
