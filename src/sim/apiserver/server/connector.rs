//! The seam to the kubelets: what the API server asks of them, and the streams that come of it.
//! Who may ask, and over which connection, is `stream.rs` and `connect.rs`; what happens then is the nodes'.

use std::pin::Pin;

use bytes::Bytes;
use futures::Stream;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;

use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;

/// Bytes as they come.
pub type ByteStream = Pin<Box<dyn Stream<Item = std::result::Result<Bytes, std::convert::Infallible>> + Send>>;

/// Which part of a container's log is wanted (`core/v1 PodLogOptions`).
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    pub container: String,
    pub follow: bool,
    pub previous: bool,
    pub timestamps: bool,
    pub tail_lines: Option<usize>,
    pub since: Option<jiff::Timestamp>,
    pub limit_bytes: Option<usize>,
}

/// A command to run beside a container, or what to attach to (`core/v1 PodExecOptions`, `PodAttachOptions`).
#[derive(Clone, Debug, Default)]
pub struct Command {
    pub container: String,
    /// Empty to attach to what runs already.
    pub words: Vec<String>,
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
    pub tty: bool,
}

/// What is said to a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Bytes(Bytes),
    /// Its input ends.
    End,
    /// The window has this many columns and lines.
    Size(u16, u16),
}

/// What is heard from a process.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    Output(Bytes),
    Errors(Bytes),
    /// It has ended with this code; nothing follows.
    Ended(i32),
    /// It could not be run, in the runtime's words; nothing follows.
    Failed(Status),
}

/// A process with somebody beside it. Dropping what is heard ends it.
pub struct Session {
    pub say: mpsc::Sender<Said>,
    pub hear: mpsc::Receiver<Heard>,
}

/// All that came of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub code: i32,
    pub output: Vec<u8>,
    pub errors: Vec<u8>,
}

impl Session {
    /// Says all there is to say, and hears the process out.
    pub async fn whole(mut self, input: &[u8]) -> Result<Outcome> {
        let saying = async {
            for part in input.chunks(64 * 1024) {
                // Who does not read on is heard all the same.
                let _ = self.say.send(Said::Bytes(Bytes::copy_from_slice(part))).await;
            }
            let _ = self.say.send(Said::End).await;
        };
        let hearing = async {
            let mut outcome = Outcome::default();
            loop {
                match self.hear.recv().await {
                    Some(Heard::Output(bytes)) => outcome.output.extend(bytes),
                    Some(Heard::Errors(bytes)) => outcome.errors.extend(bytes),
                    Some(Heard::Ended(code)) => return Ok(Outcome { code, ..outcome }),
                    Some(Heard::Failed(status)) => return Err(status),
                    None => return Err(Status::internal("the kubelet is gone")),
                }
            }
        };
        futures::join!(saying, hearing).1
    }
}

/// The way to the kubelets, given by the composition root.
pub trait Connector: Send + Sync {
    /// A container's log. Errors in the kubelet's words.
    fn logs(&self, pod: &Object, options: &LogOptions) -> Result<ByteStream>;
    /// Runs a command beside a container, or attaches to it when there are no words. Errors in the kubelet's words.
    fn session(&self, pod: &Object, command: Command) -> Result<Session>;
    /// Connects to a port of a Pod; or says why nobody is there.
    fn dial(&self, pod: &Object, port: u16) -> std::result::Result<DuplexStream, String>;
}
