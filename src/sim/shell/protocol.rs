//! What is said between a program on a node and the cluster: one line of JSON that asks, then frames both ways.
//! Who listens is `server`, who asks `enter`.

use std::io;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest frame; longer texts go in several.
const LONGEST: usize = 64 * 1024;

/// What is asked: the first line on a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "camelCase")]
pub enum Request {
    /// Which nodes there are. Answered by a line of JSON: a list of [`Entrance`]s.
    Nodes,
    /// Lays the node's files, if they are not, for somebody who wants to go in. Answered by a line: an [`Entrance`], or
    /// `{"refused": WHY}`.
    Enter { node: String },
    /// Runs a command of the node. Frames follow both ways, the last one is [`Channel::Exit`].
    Run {
        node: String,
        /// The command's name and its arguments.
        words: Vec<String>,
        /// The folder it runs in, as the node knows it.
        cwd: String,
        /// Variables it may look at.
        env: Vec<(String, String)>,
        /// How wide the terminal is that it writes to, if it is one.
        columns: Option<u16>,
    },
}

/// What it takes to enter a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entrance {
    /// The node's name, its host name too.
    pub node: String,
    /// The folder on this machine's disk that is to be its root.
    pub root: std::path::PathBuf,
    /// Names of the commands that the cluster answers for there.
    pub commands: Vec<String>,
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Channel {
    /// To the command; an empty frame ends it. From it, and empty: it reads. Nothing is sent before, as it may be somebody else's to read.
    Stdin = 0,
    Stdout = 1,
    Stderr = 2,
    /// The command's end: its exit code, one byte.
    Exit = 3,
    /// To the command: somebody interrupts it.
    Interrupt = 4,
    /// From the command: it is nothing of the cluster's, and the machine's own program of that name is to run.
    Instead = 5,
}

impl Channel {
    fn of(byte: u8) -> io::Result<Self> {
        [Self::Stdin, Self::Stdout, Self::Stderr, Self::Exit, Self::Interrupt, Self::Instead]
            .into_iter()
            .find(|channel| *channel as u8 == byte)
            .ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

/// Sends bytes on a channel: a byte that names it, four for the length, big end first, and the bytes.
pub async fn send(to: &mut (impl AsyncWrite + Unpin), channel: Channel, bytes: &[u8]) -> io::Result<()> {
    let whole: Vec<&[u8]> = if bytes.is_empty() { vec![bytes] } else { bytes.chunks(LONGEST).collect() };
    for bytes in whole {
        to.write_u8(channel as u8).await?;
        to.write_u32(u32::try_from(bytes.len()).unwrap_or_default()).await?;
        to.write_all(bytes).await?;
    }
    to.flush().await
}

/// The next frame; an error of kind `UnexpectedEof` when the other side is gone.
pub async fn receive(from: &mut (impl AsyncRead + Unpin)) -> io::Result<(Channel, Vec<u8>)> {
    let channel = Channel::of(from.read_u8().await?)?;
    let length = from.read_u32().await? as usize;
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).await?;
    Ok((channel, bytes))
}
