//! Connections to a port of a Pod, as port-forward makes them: a small HTTP server answers for what listens there.
//! What it answers is the container's own. Source: `pkg/kubelet/cri/streaming`, PortForward.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;

use super::process::sandbox::Front;
use super::server::Kubelet;
use crate::object::meta;
use crate::sim::apiserver::storage::Object;
use crate::sim::network;

/// How much may be under way in one direction, bytes.
const ROOM: usize = 64 * 1024;

/// Connects to a port inside a Pod; or says in the runtime's words why nobody is there.
pub(super) fn dial(kubelet: &Kubelet, pod: &Object, port: u16) -> Result<DuplexStream, String> {
    let front = kubelet.kubelets.runtime.front(meta::uid(pod));
    let front = front.filter(|front| front.listens(port)).ok_or_else(|| {
        let inside = format!("failed to connect to localhost:{port} inside namespace \"{}\"", super::container::hash(&[meta::uid(pod)]));
        format!("{inside}, IPv4: dial tcp4 127.0.0.1:{port}: connect: connection refused IPv6 dial tcp6: address localhost: no suitable address found ")
    })?;
    let (near, far) = tokio::io::duplex(ROOM);
    let service = service_fn(move |request: Request<Incoming>| answer(front.clone(), port, request));
    let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(far), service);
    tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::debug!(%error, "a forwarded connection ended");
        }
    });
    Ok(near)
}

async fn answer(front: Arc<Front>, port: u16, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let asked = network::Request {
        method: head.method.to_string(),
        path: head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
        ..network::Request::default()
    };
    let Some(Ok(reply)) = front.get(port, &asked) else {
        let mut gone = Response::new(Full::default());
        *gone.status_mut() = hyper::StatusCode::BAD_GATEWAY;
        return Ok(gone);
    };
    let kind = reply.content_type();
    let built = Response::builder().status(reply.status).header("server", reply.server).header("content-type", kind);
    let built = match reply.location {
        Some(location) => built.header("location", location),
        None => built,
    };
    Ok(built.body(Full::new(Bytes::from(reply.body))).unwrap_or_default())
}
