//! Commands, attaching and ports over a connection that is handed over: who may, what for, and how both sides agree.
//! What then goes over it is `channels.rs`. Source: `pkg/registry/core/pod/rest/subresources.go`.

use axum::body::Body;
use axum::http::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::channels::{self, Protocol};
use super::connector::{Command, Heard, Session};
use super::handler::{Call, with_type};
use super::path::ResourcePath;
use super::{access, stream};
use crate::object::meta;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;

/// A connection in WebSocket's frames.
pub type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// Answers such a request. Whoever asks by GET also needs the right to create, since 1.35.
pub fn serve(mut call: Call, path: &ResourcePath) -> Result<Response> {
    if !matches!(call.method, Method::GET | Method::POST) {
        return Err(Status::not_allowed());
    }
    access::authorize_resource(&call.server.api, &call.user, "create", path)?;
    let pod = stream::pod(&call, path)?;
    let command = match path.subresource.as_str() {
        "portforward" => None,
        _ => Some(command(&call, &pod)?),
    };
    if meta::text(&pod, "/spec/nodeName").is_empty() {
        return Err(Status::bad_request(format!("pod {} does not have a host assigned", meta::name(&pod))));
    }
    let upgrade = call.upgrade.take().filter(|_| !call.header("upgrade").is_empty());
    let upgrade = upgrade.ok_or_else(|| Status::bad_request("Upgrade request required"))?;
    match (call.header("upgrade").to_ascii_lowercase().as_str(), command) {
        ("websocket", Some(command)) => talk(&call, &pod, command, upgrade),
        _ => {
            Err(Status::not_simulated("streaming over SPDY (kubectl 1.29 and older; a newer kubectl uses WebSockets)"))
        }
    }
}

/// What the query asks to be run or attached to.
fn command(call: &Call, pod: &Object) -> Result<Command> {
    let is = |name: &str| call.query.is(name);
    let command = Command {
        container: stream::container(pod, call.query.get("container"))?,
        words: call.query.all("command"),
        stdin: is("stdin"),
        stdout: is("stdout"),
        // A terminal has one screen.
        stderr: is("stderr") && !is("tty"),
        tty: is("tty"),
    };
    if !command.stdin && !command.stdout && !command.stderr {
        return Err(Status::bad_request("you must specify at least 1 of stdin, stdout, stderr"));
    }
    Ok(command)
}

/// Exec and attach over a WebSocket.
fn talk(call: &Call, pod: &Object, command: Command, upgrade: OnUpgrade) -> Result<Response> {
    let offered = call.header("sec-websocket-protocol");
    let (name, protocol) = Protocol::of(offered).ok_or_else(|| {
        Status::bad_request(format!(
            "unable to upgrade: unable to negotiate protocol: client supports [{offered}], server supports {}",
            Protocol::NAMES
        ))
    })?;
    let wanted = command.clone();
    let begun = call.server.connector.session(pod, command);
    let session = match (begun, protocol) {
        (Ok(session), _) => session,
        // With the newest protocol the API server agrees before it asks the kubelet.
        (Err(status), Protocol::V5) => {
            failed(Status::internal(format!("unable to upgrade connection: {}", status.message)))
        }
        (Err(status), _) => return Ok(with_type(status.code, "text/plain; charset=utf-8", status.message)),
    };
    let answer = agreed(call, name)?;
    tokio::spawn(async move {
        match upgrade.await {
            Ok(connection) => {
                let socket = Socket::from_raw_socket(TokioIo::new(connection), Role::Server, None).await;
                channels::talk(socket, session, protocol, &wanted).await;
            }
            Err(error) => tracing::debug!(%error, "a connection was not handed over"),
        }
    });
    Ok(answer)
}

/// A session that has failed before it began.
fn failed(status: Status) -> Session {
    let (say, _) = tokio::sync::mpsc::channel(1);
    let (tell, hear) = tokio::sync::mpsc::channel(1);
    // There is room for one.
    let _ = tell.try_send(Heard::Failed(status));
    Session { say, hear }
}

/// 101: both sides speak WebSocket from now on.
fn agreed(call: &Call, protocol: &str) -> Result<Response> {
    let bad =
        |what: &str| Status::bad_request(format!("websocket: the client is not using the websocket protocol: {what}"));
    let key = call.header("sec-websocket-key");
    if key.is_empty() {
        return Err(bad("'Sec-WebSocket-Key' header is missing or blank"));
    }
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    for (name, text) in
        [(SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes())), (SEC_WEBSOCKET_PROTOCOL, protocol.to_owned())]
    {
        headers.insert(name, HeaderValue::from_str(&text).map_err(|_| bad("bad header"))?);
    }
    Ok(answer)
}
