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
use crate::object::selector::LabelSelector;
use crate::sim::apiserver::registry::kinds::pod::POD;
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

/// A ready Pod behind a Service, and the port there.
fn of_service(call: &Call, path: &ResourcePath, target: &Target) -> Result<(Object, u16)> {
    let storage = &call.server.api.storage;
    let service = storage.get("services", &path.namespace, target.name);
    let service = service.ok_or_else(|| Status::not_found("", "services", target.name))?;
    let ports = meta::list(&service, "/spec/ports");
    let is = |port: &&Value| {
        let number = meta::number(port, "/port").unwrap_or_default().to_string();
        target.port.is_empty() || number == target.port || meta::text(port, "/name") == target.port
    };
    let missing = || Status::unreachable(&format!("no endpoints available for service {:?}", path.name));
    let port = ports.iter().find(is).ok_or_else(missing)?;
    let selector = LabelSelector::from_map(meta::map(&service, "/spec/selector")).map_err(|_| missing())?;
    let (pods, _) = storage.list(&POD.group_resource(), Some(&path.namespace));
    let ready = |pod: &Object| {
        let says = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
        meta::list(pod, "/status/conditions").iter().any(says) && selector.selects(pod)
    };
    let pod = pods.into_iter().find(ready).ok_or_else(missing)?;
    let number = match &port["targetPort"] {
        Value::String(name) => {
            let mut known = meta::list(&pod, "/spec/containers").iter().flat_map(|one| meta::list(one, "/ports"));
            known.find(|port| meta::text(port, "/name") == name).and_then(|port| meta::number(port, "/containerPort"))
        }
        target => target.as_i64().or_else(|| meta::number(port, "/port")),
    };
    let number = number.and_then(|number| u16::try_from(number).ok()).ok_or_else(missing)?;
    Ok((pod, number))
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
