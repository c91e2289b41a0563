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
use super::connector::{ByteStream, Command, Heard, Session};
use super::handler::{Call, with_type};
use super::path::ResourcePath;
use super::{access, spdy, stream};
use crate::object::meta;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;

/// A connection that was handed over.
type Raw = TokioIo<hyper::upgrade::Upgraded>;
/// The same in WebSocket's frames.
pub type Socket = WebSocketStream<Raw>;

/// What a client upgrades to that speaks no WebSocket.
const SPDY: &str = "spdy/3.1";
/// The protocols of ports, plain and within a WebSocket, and of a process' streams over SPDY.
const FORWARD: &str = "portforward.k8s.io";
const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";
const REMOTE: &str = "v4.channel.k8s.io";
const STREAM_PROTOCOL: &str = "x-stream-protocol-version";
/// How much may be under way in one direction of a tunnel, bytes.
const ROOM: usize = 64 * 1024;

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
    let asked = call.header("upgrade").to_ascii_lowercase();
    let handover = Handover { call: &call, pod: &pod, upgrade };
    match (asked.as_str(), command) {
        ("websocket", Some(command)) => handover.talk(command),
        ("websocket", None) => handover.tunnel(),
        (SPDY, Some(command)) => handover.talk_in_spdy(command),
        (SPDY, None) => handover.forward(),
        _ => Err(Status::bad_request("Upgrade request required")),
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

/// A connection about to be handed over.
struct Handover<'a> {
    call: &'a Call,
    pod: &'a Object,
    upgrade: OnUpgrade,
}

impl Handover<'_> {
    /// Once the answer is sent, the connection goes to `then`.
    fn hand<F: Future<Output = ()> + Send>(
        self,
        answer: Response,
        then: impl FnOnce(Raw) -> F + Send + 'static,
    ) -> Response {
        tokio::spawn(async move {
            match self.upgrade.await {
                Ok(connection) => then(TokioIo::new(connection)).await,
                Err(error) => tracing::debug!(%error, "a connection was not handed over"),
            }
        });
        answer
    }

    /// Exec and attach over a WebSocket.
    fn talk(self, command: Command) -> Result<Response> {
        let offered = self.call.header("sec-websocket-protocol");
        let (name, protocol) = Protocol::of(offered).ok_or_else(|| no_protocol(offered, Protocol::NAMES))?;
        let wanted = command.clone();
        let begun = self.call.server.connector.session(self.pod, command);
        let session = match (begun, protocol) {
            (Ok(session), _) => session,
            // With the newest protocol the API server agrees before it asks the kubelet.
            (Err(status), Protocol::V5) => {
                failed(Status::internal(format!("unable to upgrade connection: {}", status.message)))
            }
            (Err(status), _) => return Ok(plain(&status)),
        };
        let answer = agreed(self.call, name)?;
        Ok(self.hand(answer, async move |connection| {
            let socket = Socket::from_raw_socket(connection, Role::Server, None).await;
            channels::talk(socket, session, protocol, &wanted).await;
        }))
    }

    /// Ports over SPDY within a WebSocket.
    fn tunnel(self) -> Result<Response> {
        let offered = self.call.header("sec-websocket-protocol");
        if !offered.split(',').any(|name| name.trim() == TUNNEL) {
            return Err(no_protocol(offered, TUNNEL));
        }
        let (answer, connector, pod) =
            (agreed(self.call, TUNNEL)?, self.call.server.connector.clone(), self.pod.clone());
        Ok(self.hand(answer, async move |connection| {
            let socket = Socket::from_raw_socket(connection, Role::Server, None).await;
            let (near, far) = tokio::io::duplex(ROOM);
            futures::join!(channels::tunnel(socket, near), spdy::forward(far, connector, pod));
        }))
    }

    /// Exec and attach over SPDY.
    fn talk_in_spdy(self, command: Command) -> Result<Response> {
        let wanted = command.clone();
        let session = match self.call.server.connector.session(self.pod, command) {
            Ok(session) => session,
            Err(status) => return Ok(plain(&status)),
        };
        let answer = agreed_in_spdy(self.call, REMOTE)?;
        Ok(self.hand(answer, async move |connection| spdy::talk(connection, session, wanted).await))
    }

    /// Ports over SPDY.
    fn forward(self) -> Result<Response> {
        let (answer, connector, pod) =
            (agreed_in_spdy(self.call, FORWARD)?, self.call.server.connector.clone(), self.pod.clone());
        Ok(self.hand(answer, async move |connection| spdy::forward(connection, connector, pod).await))
    }
}

/// Sends a log over a WebSocket (`k8s.io/streaming/pkg/httpstream/wsstream/stream.go`, NewDefaultReaderProtocols).
pub fn read(call: &Call, pod: &Object, upgrade: OnUpgrade, bytes: ByteStream) -> Result<Response> {
    let offered = call.header("sec-websocket-protocol");
    let names = ["", "binary.k8s.io", "base64.binary.k8s.io"];
    let name = names.into_iter().find(|name| offered.split(',').any(|offer| offer.trim() == *name));
    let name = name.ok_or_else(|| no_protocol(offered, "[ binary.k8s.io base64.binary.k8s.io]"))?;
    let mut answer = agreed(call, name)?;
    if name.is_empty() {
        answer.headers_mut().remove(SEC_WEBSOCKET_PROTOCOL);
    }
    let handover = Handover { call, pod, upgrade };
    Ok(handover.hand(answer, async move |connection| {
        let socket = Socket::from_raw_socket(connection, Role::Server, None).await;
        channels::send(socket, bytes, name.starts_with("base64")).await;
    }))
}

fn no_protocol(offered: &str, spoken: &str) -> Status {
    let why = format!("unable to negotiate protocol: client supports [{offered}], server supports {spoken}");
    Status::bad_request(format!("unable to upgrade: {why}"))
}

/// A refusal of the kubelet's, as it words it.
fn plain(status: &Status) -> Response {
    with_type(status.code, "text/plain; charset=utf-8", status.message.clone())
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
    let mut answer = switching("websocket");
    let headers = answer.headers_mut();
    for (name, text) in
        [(SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes())), (SEC_WEBSOCKET_PROTOCOL, protocol.to_owned())]
    {
        headers.insert(name, HeaderValue::from_str(&text).map_err(|_| bad("bad header"))?);
    }
    Ok(answer)
}

/// 101: both sides speak SPDY from now on.
fn agreed_in_spdy(call: &Call, protocol: &'static str) -> Result<Response> {
    let offered: Vec<&str> =
        call.headers.get_all(STREAM_PROTOCOL).iter().filter_map(|value| value.to_str().ok()).collect();
    if !offered.iter().flat_map(|names| names.split(',')).any(|name| name.trim() == protocol) {
        return Err(no_protocol(&offered.join(" "), protocol));
    }
    let mut answer = switching("SPDY/3.1");
    answer.headers_mut().insert(STREAM_PROTOCOL, HeaderValue::from_static(protocol));
    Ok(answer)
}

fn switching(protocol: &'static str) -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.headers_mut().insert(UPGRADE, HeaderValue::from_static(protocol));
    answer
}
