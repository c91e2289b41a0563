//! One connection: streams come in as the client opens them, each with what it says and a way to answer.
//! Which streams belong together is for those who serve them.

use std::collections::HashMap;
use std::io;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::frame::{self, Frame};
use super::headers::{self, Headers};

/// So many frames may wait.
const WAITING: usize = 64;
/// So large is one frame of ours at most, bytes.
const LARGEST: usize = 32 * 1024;

/// A stream the client has opened. It ends for the client when [`finish`](Self::finish) is called.
pub struct Stream {
    pub headers: Headers,
    /// What the client says; closed at its end.
    pub said: mpsc::Receiver<Bytes>,
    pub back: Back,
}

/// The way back on a stream.
#[derive(Clone)]
pub struct Back {
    id: u32,
    frames: mpsc::Sender<Bytes>,
}

impl Back {
    /// Answers; false when the client is gone.
    pub async fn write(&self, bytes: &[u8]) -> bool {
        for part in bytes.chunks(LARGEST) {
            if self.frames.send(frame::data(self.id, part, false)).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Says that nothing follows.
    pub async fn finish(&self) {
        // A client that is gone need not know.
        let _ = self.frames.send(frame::data(self.id, b"", true)).await;
    }

    /// Waits until the client is gone.
    pub async fn gone(&self) {
        self.frames.closed().await;
    }
}

/// Serves a connection until it ends; what the client opens goes to `open`.
pub async fn serve(connection: impl AsyncRead + AsyncWrite + Unpin, open: mpsc::Sender<Stream>) -> io::Result<()> {
    let (mut reads, mut writes) = tokio::io::split(connection);
    let (frames, mut waiting) = mpsc::channel::<Bytes>(WAITING);
    let writing = async {
        while let Some(frame) = waiting.recv().await {
            writes.write_all(&frame).await?;
            if waiting.is_empty() {
                writes.flush().await?;
            }
        }
        Ok(())
    };
    let reading = async {
        let mut inbox = Inbox { reader: headers::Reader::new()?, streams: HashMap::new(), first: true, frames, open };
        while inbox.take(frame::read(&mut reads).await?).await? {}
        Ok(())
    };
    tokio::select! {
        written = writing => written,
        read = reading => read,
    }
}

struct Inbox {
    reader: headers::Reader,
    streams: HashMap<u32, mpsc::Sender<Bytes>>,
    /// Whether no header block was sent yet.
    first: bool,
    frames: mpsc::Sender<Bytes>,
    open: mpsc::Sender<Stream>,
}

impl Inbox {
    /// Takes a frame; false when there will be no more.
    async fn take(&mut self, frame: Frame) -> io::Result<bool> {
        match frame {
            Frame::Open(id, block, silent) => {
                let headers = self.reader.read(&block)?;
                let (say, said) = mpsc::channel(WAITING);
                if !silent {
                    self.streams.insert(id, say);
                }
                let block = headers::nothing(std::mem::take(&mut self.first));
                let stream = Stream { headers, said, back: Back { id, frames: self.frames.clone() } };
                let told = self.frames.send(frame::reply(id, &block)).await.is_ok();
                return Ok(told && self.open.send(stream).await.is_ok());
            }
            Frame::Data(id, bytes, last) => {
                if let Some(stream) = self.streams.get(&id)
                    && !bytes.is_empty()
                    && stream.send(bytes).await.is_err()
                {
                    self.streams.remove(&id);
                }
                if last {
                    self.streams.remove(&id);
                }
            }
            Frame::Reset(id) => drop(self.streams.remove(&id)),
            Frame::Ping(id) => return Ok(self.frames.send(frame::pong(id)).await.is_ok()),
            Frame::GoAway => return Ok(false),
            Frame::Other => {}
        }
        Ok(true)
    }
}
