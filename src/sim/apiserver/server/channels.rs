//! A process' streams over one WebSocket: each message is a channel's number and its bytes.
//! How the connection came about is `connect.rs`. Source: `k8s.io/apimachinery/pkg/util/remotecommand/constants.go`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::connect::Socket;
use super::connector::{ByteStream, Command, Heard, Said, Session};
use crate::sim::apiserver::status::Status;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const RESIZE: u8 = 4;
/// Followed by the number of a channel that ends.
const CLOSE: u8 = 255;

/// The subprotocols spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The oldest: how a process ended is told in words, and only when it failed.
    V1,
    V4,
    /// As the fourth, and the client may end its input.
    V5,
}

impl Protocol {
    /// Their names, as an error lists them.
    pub const NAMES: &str = "[v5.channel.k8s.io v4.channel.k8s.io]";

    /// The first of those a client offers that is spoken here.
    pub fn of(offered: &str) -> Option<(&'static str, Self)> {
        offered.split(',').find_map(|name| match name.trim() {
            "v5.channel.k8s.io" => Some(("v5.channel.k8s.io", Self::V5)),
            "v4.channel.k8s.io" => Some(("v4.channel.k8s.io", Self::V4)),
            "channel.k8s.io" => Some(("channel.k8s.io", Self::V1)),
            _ => None,
        })
    }
}

fn framed(channel: u8, bytes: &[u8]) -> Message {
    let mut message = BytesMut::with_capacity(bytes.len() + 1);
    message.extend_from_slice(&[channel]);
    message.extend_from_slice(bytes);
    Message::Binary(message.freeze())
}

/// The end of a process as clients are told it.
pub fn verdict(end: &Heard) -> Value {
    match end {
        Heard::Ended(code) if *code != 0 => json!({
            "metadata": {},
            "status": "Failure",
            "message": format!("command terminated with non-zero exit code: command terminated with exit code {code}"),
            "reason": "NonZeroExitCode",
            "details": { "causes": [{ "reason": "ExitCode", "message": code.to_string() }] },
        }),
        Heard::Failed(status) => status.to_value(),
        _ => json!({ "metadata": {}, "status": "Success" }),
    }
}

/// The same in words, of which there are none when all is well.
fn words(verdict: &Value) -> &str {
    verdict["message"].as_str().unwrap_or_default()
}

/// A window's size as clients tell it.
pub fn size(asked: &Value) -> Said {
    let number = |key: &str| asked[key].as_u64().and_then(|number| u16::try_from(number).ok()).unwrap_or_default();
    Said::Size(number("Width"), number("Height"))
}

/// Carries both directions until the process has ended or the client is gone.
pub async fn talk(socket: Socket, session: Session, protocol: Protocol, wanted: &Command) {
    let Session { say, mut hear } = session;
    let (mut sink, mut messages) = socket.split();
    let first = if wanted.stdout {
        STDOUT
    } else if wanted.stderr {
        STDERR
    } else {
        ERROR
    };
    if sink.send(framed(first, b"")).await.is_err() {
        return;
    }
    let mut say = Some(say);
    loop {
        tokio::select! {
            heard = hear.recv() => {
                let message = match &heard {
                    Some(Heard::Output(bytes)) if wanted.stdout => framed(STDOUT, bytes),
                    Some(Heard::Errors(bytes)) if wanted.stderr => framed(STDERR, bytes),
                    Some(Heard::Output(_) | Heard::Errors(_)) => continue,
                    Some(end) if protocol == Protocol::V1 => framed(ERROR, words(&verdict(end)).as_bytes()),
                    Some(end) => framed(ERROR, &serde_json::to_vec(&verdict(end)).unwrap_or_default()),
                    // The cluster stops.
                    None => framed(ERROR, &serde_json::to_vec(&Status::internal("the kubelet is gone").to_value()).unwrap_or_default()),
                };
                if sink.send(message).await.is_err() {
                    return;
                }
                if !matches!(heard, Some(Heard::Output(_) | Heard::Errors(_))) {
                    break;
                }
            }
            message = messages.next() => match message {
                Some(Ok(Message::Binary(bytes))) => pass_on(&bytes, protocol, &mut say).await,
                Some(Ok(Message::Text(text))) => pass_on(&Bytes::from(text), protocol, &mut say).await,
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
        }
    }
    let farewell = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    // A client that is gone already needs none.
    let _ = sink.send(Message::Close(Some(farewell))).await;
    while let Some(Ok(_)) = messages.next().await {}
}

/// Sends bytes as they come, each piece a message; in base64 for who takes text only.
pub async fn send(socket: Socket, mut bytes: ByteStream, text: bool) {
    let (mut sink, _) = socket.split();
    while let Some(Ok(piece)) = bytes.next().await {
        let message = if text { Message::Text(STANDARD.encode(piece).into()) } else { Message::Binary(piece) };
        if sink.send(message).await.is_err() {
            return;
        }
    }
    // A client that is gone already needs no farewell.
    let _ = sink.send(Message::Close(None)).await;
}

/// Carries the bytes of binary messages to and from a stream, for a protocol of its own.
pub async fn tunnel(socket: Socket, stream: DuplexStream) {
    let (mut sink, mut messages) = socket.split();
    let (mut reads, mut writes) = tokio::io::split(stream);
    let mut part = vec![0; 32 * 1024];
    loop {
        tokio::select! {
            read = reads.read(&mut part) => match read {
                Ok(count) if count > 0 => {
                    if sink.send(Message::Binary(Bytes::copy_from_slice(&part[..count]))).await.is_err() {
                        return;
                    }
                }
                _ => break,
            },
            message = messages.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    if writes.write_all(&bytes).await.is_err() {
                        break;
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
    }
    // A client that is gone already needs no farewell.
    let _ = sink.send(Message::Close(None)).await;
}

/// Passes on what the client says in one message.
async fn pass_on(message: &Bytes, protocol: Protocol, say: &mut Option<mpsc::Sender<Said>>) {
    let said = match message.first() {
        Some(&STDIN) if message.len() > 1 => Said::Bytes(message.slice(1..)),
        Some(&RESIZE) => {
            let asked: Value = serde_json::from_slice(&message[1..]).unwrap_or_default();
            size(&asked)
        }
        Some(&CLOSE) if protocol == Protocol::V5 && message.get(1) == Some(&STDIN) => Said::End,
        _ => return,
    };
    if let Some(open) = say
        && open.send(said).await.is_err()
    {
        // Nobody reads any more.
        *say = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_protocol_tells_of_failures_in_words() {
        assert_eq!(Protocol::of("base64.channel.k8s.io, channel.k8s.io"), Some(("channel.k8s.io", Protocol::V1)));
        assert_eq!(words(&verdict(&Heard::Ended(0))), "");
        assert!(words(&verdict(&Heard::Ended(3))).ends_with("exit code 3"));
    }
}
