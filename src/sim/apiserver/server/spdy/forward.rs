//! Ports over SPDY: two streams a connection, one for its bytes and one for what went wrong.
//! Who listens is the kubelet's. Source: `k8s.io/kubelet/pkg/cri/streaming/portforward/httpstream.go`.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;

use super::connection::{Back, Stream, serve};
use crate::object::meta;
use crate::sim::apiserver::server::connector::Connector;
use crate::sim::apiserver::storage::Object;

/// Serves a client that forwards ports of a Pod.
pub async fn forward(connection: impl AsyncRead + AsyncWrite + Unpin, connector: Arc<dyn Connector>, pod: Object) {
    let (open, mut opened) = mpsc::channel::<Stream>(8);
    let pairing = async {
        let mut errors: HashMap<String, Back> = HashMap::new();
        while let Some(stream) = opened.recv().await {
            let id = stream.headers.get("requestid").cloned().unwrap_or_default();
            if stream.headers.get("streamtype").is_some_and(|kind| kind == "error") {
                errors.insert(id, stream.back);
            } else if let Some(error) = errors.remove(&id) {
                tokio::spawn(connect(stream, error, connector.clone(), pod.clone()));
            }
        }
    };
    let (served, ()) = futures::join!(serve(connection, open), pairing);
    if let Err(error) = served {
        tracing::debug!(%error, "forwarding ports ended");
    }
}

/// One connection: the client's stream on one side, the Pod's port on the other.
async fn connect(stream: Stream, error: Back, connector: Arc<dyn Connector>, pod: Object) {
    let port: u16 = stream.headers.get("port").and_then(|port| port.parse().ok()).unwrap_or_default();
    match connector.dial(&pod, port) {
        Ok(far) => carry(stream, far).await,
        Err(why) => {
            let (name, namespace, uid) = (meta::name(&pod), meta::namespace(&pod), meta::uid(&pod));
            let told = format!("error forwarding port {port} to pod {name}_{namespace}, uid {uid}: {why}");
            error.write(told.as_bytes()).await;
            stream.back.finish().await;
        }
    }
    error.finish().await;
}

async fn carry(mut stream: Stream, far: DuplexStream) {
    let (mut reads, mut writes) = tokio::io::split(far);
    let there = async {
        while let Some(bytes) = stream.said.recv().await {
            if writes.write_all(&bytes).await.is_err() {
                return;
            }
        }
        // Half a connection stays open for the answer; the other side may be gone.
        let _ = writes.shutdown().await;
    };
    let back = async {
        let mut part = vec![0; 16 * 1024];
        loop {
            match reads.read(&mut part).await {
                Ok(count) if count > 0 && stream.back.write(&part[..count]).await => {}
                _ => break,
            }
        }
        stream.back.finish().await;
    };
    tokio::pin!(there);
    tokio::select! {
        () = back => {}
        () = async { there.await; stream.back.gone().await } => {}
    }
}
