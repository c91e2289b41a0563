//! One request from its bytes to its answer: who asks, what for, whether they may; then the endpoints, then the form.
//! Source of the order: `k8s.io/apiserver/pkg/server/config.go`, DefaultBuildHandlerChain.

use std::sync::Arc;

use axum::body::Body;
use axum::body::HttpBody as _;
use axum::extract::{Request as HttpRequest, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, USER_AGENT, WARNING};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::path::{Target, parse};
use super::query::Query;
use super::{Server, access, other, resources};
use crate::object::duration::duration;
use crate::sim::apiserver::auth::User;
use crate::sim::apiserver::endpoints::FieldValidation;
use crate::sim::apiserver::status::{Result, Status};

/// The largest body read (`k8s.io/apiserver/pkg/server/config.go`, MaxRequestBodyBytes).
const MAX_BODY: usize = 3 * 1024 * 1024;

/// A request whose author is known.
pub struct Call {
    pub server: Arc<Server>,
    pub user: Arc<User>,
    pub method: Method,
    pub path: String,
    pub query: Query,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Where the connection is handed over, for exec and its kin.
    pub upgrade: Option<hyper::upgrade::OnUpgrade>,
}

impl Call {
    /// A header's text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as an object of this kind; warnings are about fields it does not have.
    pub fn decode(&self, expected: Option<(&str, &str)>, validation: FieldValidation) -> Result<(Value, Vec<String>)> {
        crate::sim::apiserver::decoding::decode(&self.body, self.header("content-type"), expected, validation)
            .map_err(Status::from)
    }
}

/// Answers a request, whatever it is.
pub async fn handle(State(server): State<Arc<Server>>, request: HttpRequest) -> Response {
    let pretty = is_for_people(&request);
    let mut answer = match serve(server, request).await {
        Ok(answer) => answer,
        Err(status) => refusal(&status),
    };
    if pretty {
        answer = indented(answer).await;
    }
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    if let Ok(id) = HeaderValue::from_str(&crate::sim::apiserver::endpoints::uuid()) {
        headers.insert("audit-id", id);
    }
    answer
}

/// Whether JSON is to be indented: when asked, else for browsers and command-line fetchers (`responsewriters/writers.go`).
fn is_for_people(request: &HttpRequest) -> bool {
    match Query::parse(request.uri().query().unwrap_or_default()).get("pretty") {
        "" => {
            let agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
            ["curl", "Wget", "Mozilla/5.0"].iter().any(|program| agent.starts_with(program))
        }
        asked => !matches!(asked, "false" | "0"),
    }
}

/// An answer with its JSON indented; streams and other types stay as they are.
async fn indented(answer: Response) -> Response {
    let whole = answer.body().size_hint().exact().is_some();
    let json = answer.headers().get(CONTENT_TYPE).is_some_and(|found| found == "application/json");
    if !whole || !json {
        return answer;
    }
    let (parts, body) = answer.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let tree = serde_json::from_slice::<Value>(&bytes).and_then(|tree| serde_json::to_vec_pretty(&tree));
    Response::from_parts(parts, Body::from(tree.map(escaped).map(Bytes::from).unwrap_or(bytes)))
}

async fn serve(server: Arc<Server>, request: HttpRequest) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let (query, target) = (Query::parse(parts.uri.query().unwrap_or_default()), parse(parts.uri.path()));
    check_timeout(&query, &target)?;
    let user = Arc::new(access::authenticate(&server.api, &parts.headers, &parts.extensions)?);
    let upgrade = parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
    let body = axum::body::to_bytes(body, MAX_BODY).await.map_err(|_| Status::too_large(MAX_BODY))?;
    let call = Call {
        user,
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query,
        headers: parts.headers,
        body,
        upgrade,
        server,
    };
    match target {
        Target::Resource(path) => resources::serve(call, path).await,
        Target::Other(path) => other::serve(&call, &path),
    }
}

/// A time limit has to be one, before anything else is looked at (`endpoints/filters/request_deadline.go`); answers here come in
/// time. What goes on for long has none: there the word is the endpoint's own.
fn check_timeout(query: &Query, target: &Target) -> Result<()> {
    let long = match target {
        Target::Resource(path) => path.watch || query.is("watch") || !path.subresource.is_empty(),
        Target::Other(_) => false,
    };
    let said = query.get("timeout");
    if long || said.is_empty() {
        return Ok(());
    }
    let wrong = |why| Status::bad_request(format!("invalid timeout specified in the request URL - {why}"));
    duration(said).map(drop).map_err(wrong)
}

/// An answer of JSON.
pub fn json<T: Serialize>(code: u16, body: &T) -> Response {
    let mut bytes = escaped(serde_json::to_vec(body).unwrap_or_default());
    bytes.push(b'\n');
    with_type(code, "application/json", bytes)
}

/// JSON as Go's encoder writes it, fit to stand in HTML (`encoding/json`, HTMLEscape): these letters are in strings only.
pub fn escaped(bytes: Vec<u8>) -> Vec<u8> {
    if !bytes.iter().any(|byte| matches!(byte, b'<' | b'>' | b'&')) {
        return bytes;
    }
    let mut written = Vec::with_capacity(bytes.len() + 64);
    for byte in bytes {
        match byte {
            b'<' => written.extend_from_slice(b"\\u003c"),
            b'>' => written.extend_from_slice(b"\\u003e"),
            b'&' => written.extend_from_slice(b"\\u0026"),
            other => written.push(other),
        }
    }
    written
}

/// An answer of any type.
pub fn with_type(code: u16, content_type: &'static str, bytes: impl Into<Body>) -> Response {
    let mut answer = Response::new(bytes.into());
    *answer.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// A refusal as an answer.
pub fn refusal(status: &Status) -> Response {
    if status.is_page() {
        return with_type(status.code, "text/plain; charset=utf-8", format!("{}\n", status.message));
    }
    let mut answer = json(status.code, &status.to_value());
    let retry = status.details.as_ref().and_then(|details| details.get("retryAfterSeconds")).and_then(Value::as_i64);
    if let Some(seconds) = retry {
        answer.headers_mut().insert("retry-after", seconds.into());
    }
    answer
}

/// Puts warnings into the answer's headers (RFC 7234, code 299).
pub fn warn(answer: &mut Response, warnings: &[String]) {
    let mut told: Vec<&String> = Vec::new();
    for warning in warnings {
        if told.contains(&warning) {
            continue;
        }
        told.push(warning);
        let text = warning.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " ");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            answer.headers_mut().append(WARNING, value);
        }
    }
}
