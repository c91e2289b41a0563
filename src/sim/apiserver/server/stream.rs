//! Answers that come from a kubelet: logs here, commands and ports in `connect.rs`.
//! How the bytes come about is the nodes'; here is what is asked for.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::Value;

use super::connect;
use super::connector::LogOptions;
use super::handler::{Call, with_type};
use super::path::ResourcePath;
use super::proxy;
use crate::base::clock::later;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;

/// Whether a subresource is answered by a kubelet.
pub fn is_stream(subresource: &str) -> bool {
    matches!(subresource, "log" | "exec" | "attach" | "portforward" | "proxy")
}

/// Answers such a request.
pub async fn serve(call: Call, path: &ResourcePath) -> Result<Response> {
    match path.subresource.as_str() {
        "log" => logs(call, path),
        "exec" | "attach" | "portforward" => connect::serve(call, path),
        _ => proxy::serve(call, path).await,
    }
}

/// The Pod of a path.
pub fn pod(call: &Call, path: &ResourcePath) -> Result<Object> {
    let pod = call.server.api.storage.get("pods", &path.namespace, &path.name);
    pod.ok_or_else(|| Status::not_found("", "pods", &path.name))
}

fn logs(mut call: Call, path: &ResourcePath) -> Result<Response> {
    let pod = pod(&call, path)?;
    let number = |name: &str| call.query.get(name).parse::<i64>().ok();
    let mut wrong = ErrorList::default();
    for (name, least, why) in [
        ("tailLines", 0, "must be greater than or equal to 0"),
        ("limitBytes", 1, "must be greater than 0"),
        ("sinceSeconds", 1, "must be greater than 0"),
    ] {
        if let Some(given) = number(name).filter(|given| *given < least) {
            wrong.invalid(name, given, why);
        }
    }
    if !wrong.is_empty() {
        return Err(Status::invalid("", "PodLogOptions", &path.name, wrong));
    }
    let seconds = number("sinceSeconds").map(|seconds| later(call.server.api.clock.now(), -seconds));
    let mut options = LogOptions {
        container: call.query.get("container").to_owned(),
        follow: call.query.is("follow"),
        previous: call.query.is("previous"),
        timestamps: call.query.is("timestamps"),
        tail_lines: number("tailLines").and_then(|lines| usize::try_from(lines).ok()),
        since: call.query.get("sinceTime").parse::<Timestamp>().ok().or(seconds),
        limit_bytes: number("limitBytes").and_then(|bytes| usize::try_from(bytes).ok()),
    };
    options.container = container(&pod, &options.container)?;
    let bytes = call.server.connector.logs(&pod, &options)?;
    match call.upgrade.take().filter(|_| call.header("upgrade").eq_ignore_ascii_case("websocket")) {
        Some(upgrade) => connect::read(&call, &pod, upgrade, bytes),
        None => Ok(with_type(200, "text/plain", Body::from_stream(bytes))),
    }
}

/// The container meant: the named one, or the only one (`pkg/registry/core/pod/strategy.go`, LogLocation).
pub fn container(pod: &Value, named: &str) -> Result<String> {
    let names = |list: &str| -> Vec<&str> {
        meta::list(pod, list).iter().map(|container| meta::text(container, "/name")).collect()
    };
    let lists: BTreeMap<&str, Vec<&str>> = ["/spec/containers", "/spec/initContainers", "/spec/ephemeralContainers"]
        .into_iter()
        .map(|list| (list, names(list)))
        .collect();
    let name = meta::name(pod);
    if !named.is_empty() {
        let known = lists.values().flatten().any(|container| *container == named);
        return if known {
            Ok(named.to_owned())
        } else {
            Err(Status::bad_request(format!("container {named} is not valid for pod {name}")))
        };
    }
    match lists["/spec/containers"][..] {
        [only] => Ok(only.to_owned()),
        [] => Err(Status::bad_request(format!("a container name must be specified for pod {name}"))),
        ref several => {
            let mut message =
                format!("a container name must be specified for pod {name}, choose one of: [{}]", several.join(" "));
            let init = &lists["/spec/initContainers"];
            if !init.is_empty() {
                message = format!("{message} or one of the init containers: [{}]", init.join(" "));
            }
            Err(Status::bad_request(message))
        }
    }
}
