//! `pods/proxy` and `services/proxy`: a request handed on to what listens in a Pod.
//! What it answers is the Pod's. Nodes are not proxied. Source: `pkg/registry/core/{pod,service}/…`, ResourceLocation.

use axum::body::Body;
use axum::http::Method;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::Value;

use super::handler::{Call, with_type};
use super::path::ResourcePath;
use crate::object::meta;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;

/// What a proxied name says: `https:web:443` is scheme, name and port; both others may be left out.
struct Target<'a> {
    name: &'a str,
    port: &'a str,
}

impl<'a> Target<'a> {
    fn of(text: &'a str) -> Self {
        match text.split(':').collect::<Vec<_>>()[..] {
            [_, name, port] => Self { name, port },
            [name, port] => Self { name, port },
            _ => Self { name: text, port: "" },
        }
    }
}

/// Hands a request on, and its answer back.
pub async fn serve(call: Call, path: &ResourcePath) -> Result<Response> {
    let target = Target::of(&path.name);
    let (pod, port) = match path.plural.as_str() {
        "pods" => of_pod(&call, path, &target)?,
        "services" => of_service(&call, path, &target)?,
        "nodes" if call.server.api.storage.get("nodes", "", target.name).is_none() => {
            return Err(Status::not_found("", "nodes", target.name));
        }
        other => return Err(Status::not_simulated(&format!("{other}/proxy"))),
    };
    let marker = format!("/{}/{}/proxy", path.plural, path.name);
    let below = call.path.split_once(&marker).map_or("/", |(_, below)| below);
    let query = call.query.raw();
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    if below.is_empty() && matches!(call.method, Method::GET | Method::HEAD) {
        let mut moved = with_type(301, "text/plain", Body::empty());
        let place = format!("{}/{query}", call.path).parse().map_err(|_| Status::no_such_path())?;
        moved.headers_mut().insert(LOCATION, place);
        return Ok(moved);
    }
    let prefix = call.path.strip_suffix(below).unwrap_or_default().to_owned();
    let below = format!("{}{query}", if below.is_empty() { "/" } else { below });
    let asked = Request::builder().method(call.method.clone()).uri(below).header("host", meta::name(&pod));
    let asked = asked.body(Full::new(call.body.clone())).map_err(|_| Status::bad_request("invalid request"))?;
    let refused = |why: String| Status::unreachable(&format!("error trying to reach service: {why}"));
    let stream = call.server.connector.dial(&pod, port).map_err(|_| {
        let address = meta::text(&pod, "/status/podIP");
        refused(format!("dial tcp {address}:{port}: connect: connection refused"))
    })?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| refused(error.to_string()))?;
    tokio::spawn(connection);
    let answer = sender.send_request(asked).await.map_err(|error| refused(error.to_string()))?;
    let (parts, body) = answer.into_parts();
    let bytes = body.collect().await.map_err(|error| refused(error.to_string()))?.to_bytes();
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let bytes = if kind.starts_with("text/html") { Bytes::from(rewritten(&bytes, &prefix)) } else { bytes };
    let mut told = with_type(parts.status.as_u16(), "text/plain; charset=utf-8", bytes);
    if let Some(kind) = parts.headers.get(CONTENT_TYPE) {
        told.headers_mut().insert(CONTENT_TYPE, kind.clone());
    }
    Ok(told)
}

/// A page whose links from the root lead through the proxy (`k8s.io/apimachinery/pkg/util/proxy/transport.go`, rewriteHTML).
fn rewritten(page: &[u8], prefix: &str) -> String {
    let mut text = String::from_utf8_lossy(page).into_owned();
    for attribute in ["href", "src", "action", "cite", "data", "poster"] {
        for quote in ['"', '\''] {
            let (link, other) = (format!(" {attribute}={quote}/"), format!(" {attribute}={quote}//"));
            let kept = "\u{0}";
            text = text.replace(&other, kept);
            text = text.replace(&link, &format!(" {attribute}={quote}{prefix}/")).replace(kept, &other);
        }
    }
    text
}

/// A Pod, and the port asked for or else its first.
fn of_pod(call: &Call, path: &ResourcePath, target: &Target) -> Result<(Object, u16)> {
    let storage = &call.server.api.storage;
    let pod = storage.get("pods", &path.namespace, target.name);
    let pod = pod.ok_or_else(|| Status::not_found("", "pods", target.name))?;
    if meta::text(&pod, "/status/podIP").is_empty() {
        return Err(Status::bad_request("address not allowed"));
    }
    let first = || {
        let mut ports = meta::list(&pod, "/spec/containers").iter().flat_map(|one| meta::list(one, "/ports"));
        ports.find_map(|port| meta::number(port, "/containerPort")).unwrap_or(80)
    };
    let port = if target.port.is_empty() { u16::try_from(first()).ok() } else { target.port.parse().ok() };
    Ok((pod, port.ok_or_else(|| Status::bad_request(format!("invalid pod request {:?}", path.name)))?))
}

/// A ready Pod behind a Service, and the port there: the one of the name asked for, which is none where none is said.
/// Addresses that are not a Pod's are passed over (`pkg/registry/core/service/storage/storage.go`).
fn of_service(call: &Call, path: &ResourcePath, target: &Target) -> Result<(Object, u16)> {
    let endpoints = |port: &str| {
        let storage = &call.server.api.storage;
        let found = storage.get("endpoints", &path.namespace, target.name);
        let found = found.ok_or_else(|| Status::not_found("", "endpoints", target.name))?;
        let pod_at = |address: &Value| {
            let pod = storage.get("pods", &path.namespace, meta::text(address, "/targetRef/name"));
            pod.filter(|pod| meta::text(pod, "/status/podIP") == meta::text(address, "/ip"))
        };
        let behind = meta::list(&found, "/subsets").iter().find_map(|subset| {
            let port = meta::list(subset, "/ports").iter().find(|one| meta::text(one, "/name") == port)?;
            let pod = meta::list(subset, "/addresses").iter().find_map(pod_at)?;
            Some((pod, u16::try_from(meta::number(port, "/port")?).ok()?))
        });
        let empty = meta::list(&found, "/subsets").is_empty();
        let shown = if empty { target.name } else { path.name.as_str() };
        behind.ok_or_else(|| Status::unreachable(&format!("no endpoints available for service {shown:?}")))
    };
    match target.port.parse::<i64>() {
        Ok(number) => endpoints(&port_name(call, path, target.name, number)?),
        Err(_) => endpoints(target.port),
    }
}

/// The name of the port of a Service that has this number.
fn port_name(call: &Call, path: &ResourcePath, name: &str, number: i64) -> Result<String> {
    let service = call.server.api.storage.get("services", &path.namespace, name);
    let service = service.ok_or_else(|| Status::not_found("", "services", name))?;
    let port = meta::list(&service, "/spec/ports").iter().find(|port| meta::number(port, "/port") == Some(number));
    let missing = || Status::unreachable(&format!("no service port {number} found for service {name:?}"));
    port.map(|port| meta::text(port, "/name").to_owned()).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::rewritten;

    #[test]
    fn links_from_the_root_lead_through_the_proxy() {
        let page = br#"<a href="/a">a</a><img src="//cdn/x"><a href="b">b</a>"#;
        assert_eq!(rewritten(page, "/p"), r#"<a href="/p/a">a</a><img src="//cdn/x"><a href="b">b</a>"#);
    }
}
