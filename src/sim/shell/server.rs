//! The cluster's ear for what is typed on nodes: a Unix socket for this user only.
//! What is said there is `protocol`; the commands are `commands`.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::call::{Call, Inside};
use super::commands::{self, COMMANDS};
use super::protocol::{Channel, Entrance, Request, receive, send};
use crate::base::clock::Clock;
use crate::sim::machine::Machine;

/// The socket's name in the machines' folder.
pub const SOCKET: &str = "nodes.sock";

/// The longest request.
const LONGEST: u64 = 1 << 20;

/// An exit code nobody can give: the shell's for a command that was interrupted.
const INTERRUPTED: u8 = 130;

/// How long is waited after a connection could not be taken.
const BREATH: Duration = Duration::from_millis(50);

/// Listens until it is dropped.
pub struct Listening {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Listening {
    /// Listens in `folder`, which is for this user only.
    pub fn start(folder: &Path, inside: Inside) -> io::Result<Self> {
        crate::base::files::private_dir(folder)?;
        let path = folder.join(SOCKET);
        let _ = std::fs::remove_file(&path);
        let listener = bind(folder)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        let task = tokio::spawn(async move {
            // Connections end with the listening: a command must not outlive its cluster.
            let mut connections = tokio::task::JoinSet::new();
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        while connections.try_join_next().is_some() {}
                        connections.spawn(serve(stream, inside.clone()));
                    }
                    // Such as when there are no more file descriptors; there will be.
                    Err(error) => {
                        tracing::warn!(%error, "a command on a node is not answered");
                        Clock::system().sleep(BREATH).await;
                    }
                }
            }
        });
        Ok(Self { path, task })
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Binds in a folder, however long its path is: a socket's may have 107 bytes.
fn bind(folder: &Path) -> io::Result<UnixListener> {
    if !cfg!(target_os = "linux") {
        return UnixListener::bind(folder.join(SOCKET));
    }
    let handle = std::fs::File::open(folder)?;
    let short = format!("/proc/self/fd/{}/{SOCKET}", std::os::fd::AsRawFd::as_raw_fd(&handle));
    UnixListener::bind(short)
}

async fn serve(stream: UnixStream, inside: Inside) {
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    let mut line = String::new();
    let read = (&mut reading).take(LONGEST).read_line(&mut line).await;
    let Some(request) = read.ok().and_then(|_| serde_json::from_str::<Request>(&line).ok()) else { return };
    // Whoever asked may be gone; then there is nobody to tell.
    let _ = match request {
        Request::Nodes => {
            let names: Vec<String> = inside.machines.all().iter().map(|machine| machine.name.clone()).collect();
            say(&mut writing, &json!(names)).await
        }
        Request::Enter { node } => {
            let entrance = entrance(&inside, &node);
            // Whoever comes in finds what a node that was there all along would hold.
            inside.control.settle().await;
            say(&mut writing, &entrance).await
        }
        Request::Run { node, words, cwd, env, columns } => match inside.machines.get(&node) {
            Some(machine) => {
                let (out, output) = unbounded_channel();
                let (given, input) = unbounded_channel();
                let call = Call { inside, machine, words, cwd, env, columns, out, input };
                run(call, (reading, given), (writing, output)).await
            }
            None => send(&mut writing, Channel::Exit, &[INTERRUPTED]).await,
        },
    };
}

async fn say(writing: &mut OwnedWriteHalf, answer: &serde_json::Value) -> io::Result<()> {
    writing.write_all(format!("{answer}\n").as_bytes()).await
}

fn entrance(inside: &Inside, node: &str) -> serde_json::Value {
    let Some(machine) = inside.machines.get(node) else {
        return json!({ "refused": format!("there is no node {node}") });
    };
    match inside.machines.files(&machine) {
        Ok(root) => json!(Entrance {
            node: machine.name.clone(),
            root: root.folder().to_owned(),
            commands: COMMANDS.iter().map(|command| command.name.to_owned()).collect(),
        }),
        Err(error) => json!({ "refused": format!("the files of {node} cannot be laid: {error}") }),
    }
}

/// Runs a call to its end, or until whoever called is gone or interrupts it.
async fn run(
    call: Call,
    (mut reading, given): (impl AsyncRead + Unpin, UnboundedSender<Vec<u8>>),
    (mut writing, mut output): (OwnedWriteHalf, UnboundedReceiver<(Channel, Vec<u8>)>),
) -> io::Result<()> {
    let machine: std::sync::Arc<Machine> = call.machine.clone();
    let (control, machines) = (call.inside.control.clone(), call.inside.machines.clone());
    let listening = async {
        loop {
            match receive(&mut reading).await {
                Ok((Channel::Stdin, bytes)) => drop(given.send(bytes)),
                Ok((Channel::Interrupt, _)) | Err(_) => return,
                Ok(_) => {}
            }
        }
    };
    let running = async {
        let code = commands::run(call).await;
        tracing::debug!(node = machine.name, code, "a command ended");
        // What a command did shows before its end does.
        machines.touched.notify_one();
        control.settle().await;
        code
    };
    let writing_out = async {
        while let Some((channel, bytes)) = output.recv().await {
            send(&mut writing, channel, &bytes).await?;
        }
        Ok::<(), io::Error>(())
    };
    let code = tokio::select! {
        (code, written) = async { tokio::join!(running, writing_out) } => written.map(|()| code)?,
        () = listening => INTERRUPTED,
    };
    send(&mut writing, Channel::Exit, &[code]).await
}
