//! A process' streams over SPDY, as kubectl 1.29 and older ask for them: one stream each.
//! WebSockets are `channels.rs`. Source: `k8s.io/kubelet/pkg/cri/streaming/remotecommand/httpstream.go`.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::connection::{Stream, serve};
use crate::sim::apiserver::server::channels::{size, verdict};
use crate::sim::apiserver::server::connector::{Command, Heard, Said, Session};

/// Serves a client beside a process.
pub async fn talk(connection: impl AsyncRead + AsyncWrite + Unpin, session: Session, wanted: Command) {
    let (open, mut opened) = mpsc::channel::<Stream>(8);
    let talking = async {
        let mut kinds = vec!["error"];
        kinds.extend(
            [("stdin", wanted.stdin), ("stdout", wanted.stdout), ("stderr", wanted.stderr), ("resize", wanted.tty)]
                .into_iter()
                .filter_map(|(kind, asked)| asked.then_some(kind)),
        );
        let mut streams: HashMap<String, Stream> = HashMap::new();
        while streams.len() < kinds.len() {
            let Some(stream) = opened.recv().await else { return };
            let kind = stream.headers.get("streamtype").cloned().unwrap_or_default();
            streams.insert(kind, stream);
        }
        carry(streams, session).await;
        // The client closes once it has read the end.
        let _ = tokio::time::timeout(Duration::from_secs(5), async { while opened.recv().await.is_some() {} }).await;
    };
    tokio::select! {
        served = serve(connection, open) => if let Err(error) = served {
            tracing::debug!(%error, "a process' streams ended");
        },
        () = talking => {}
    }
}

async fn carry(mut streams: HashMap<String, Stream>, session: Session) {
    let Session { say, mut hear } = session;
    let mut take = |kind: &str| streams.remove(kind);
    let (stdin, stdout, stderr, error, resize) =
        (take("stdin"), take("stdout"), take("stderr"), take("error"), take("resize"));
    let typing = async {
        let Some(mut stdin) = stdin else { return std::future::pending().await };
        while let Some(bytes) = stdin.said.recv().await {
            if say.send(Said::Bytes(bytes)).await.is_err() {
                break;
            }
        }
        // Who does not read has no end to learn of.
        let _ = say.send(Said::End).await;
        std::future::pending::<()>().await;
    };
    let sizing = async {
        let Some(mut resize) = resize else { return std::future::pending().await };
        while let Some(bytes) = resize.said.recv().await {
            let asked: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            let _ = say.send(size(&asked)).await;
        }
        std::future::pending::<()>().await;
    };
    let hearing = async {
        loop {
            let end = match hear.recv().await {
                Some(Heard::Output(bytes)) => match &stdout {
                    Some(stream) if !stream.back.write(&bytes).await => return,
                    _ => continue,
                },
                Some(Heard::Errors(bytes)) => match &stderr {
                    Some(stream) if !stream.back.write(&bytes).await => return,
                    _ => continue,
                },
                Some(end) => verdict(&end),
                None => return,
            };
            if let Some(error) = &error {
                error.back.write(&serde_json::to_vec(&end).unwrap_or_default()).await;
                error.back.finish().await;
            }
            for stream in [&stdout, &stderr].into_iter().flatten() {
                stream.back.finish().await;
            }
            return;
        }
    };
    tokio::select! {
        () = hearing => {}
        () = typing => {}
        () = sizing => {}
    }
}
