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
    let mut options = log_options(&call, path)?;
    let pod = pod(&call, path)?;
    options.container = container(&pod, &options.container)?;
    let bytes = call.server.connector.logs(&pod, &options)?;
    match call.upgrade.take().filter(|_| call.header("upgrade").eq_ignore_ascii_case("websocket")) {
        Some(upgrade) => connect::read(&call, &pod, upgrade, bytes),
        None => Ok(with_type(200, "text/plain", Body::from_stream(bytes))),
    }
}

/// What is asked of a log (`pkg/apis/core/validation/validation.go`, ValidatePodLogOptions).
fn log_options(call: &Call, path: &ResourcePath) -> Result<LogOptions> {
    let query = &call.query;
    let (tail, limit) = (query.integer("tailLines")?, query.integer("limitBytes")?);
    let seconds = query.integer("sinceSeconds")?;
    let since = Some(query.get("sinceTime")).filter(|text| !text.is_empty()).map(time).transpose()?;
    let mut wrong = ErrorList::default();
    if let Some(lines) = tail.filter(|lines| *lines < 0) {
        wrong.invalid("tailLines", lines, "must be greater than or equal to 0");
    }
    if let Some(bytes) = limit.filter(|bytes| *bytes < 1) {
        wrong.invalid("limitBytes", bytes, "must be greater than 0");
    }
    match seconds {
        // So Go shows a path without a name.
        Some(_) if since.is_some() => {
            wrong.forbidden("[]", "at most one of `sinceTime` or `sinceSeconds` may be specified");
        }
        Some(seconds) if seconds < 1 => wrong.invalid("sinceSeconds", seconds, "must be greater than 0"),
        _ => {}
    }
    if query.has("stream") {
        // One stream alone is behind a gate that is shut (PodLogsQuerySplitStreams).
        wrong.forbidden("stream", "may not be specified");
    }
    if !wrong.is_empty() {
        return Err(Status::invalid("", "PodLogOptions", &path.name, wrong));
    }
    Ok(LogOptions {
        container: query.get("container").to_owned(),
        follow: query.is("follow"),
        previous: query.is("previous"),
        timestamps: query.is("timestamps"),
        tail_lines: tail.and_then(|lines| usize::try_from(lines).ok()),
        since: since.or_else(|| seconds.map(|seconds| later(call.server.api.clock.now(), -seconds))),
        limit_bytes: limit.and_then(|bytes| usize::try_from(bytes).ok()),
    })
}

/// A time, or what Go says of what is none.
fn time(text: &str) -> Result<Timestamp> {
    text.parse().map_err(|_| {
        let (rest, wanted) = misread(text);
        let layout = "2006-01-02T15:04:05Z07:00";
        Status::bad_request(format!("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as {wanted:?}"))
    })
}

/// Where a text leaves the layout of times, and what had to stand there.
fn misread(text: &str) -> (&str, &'static str) {
    let mut rest = text;
    for part in ["2006", "-", "01", "-", "02", "T", "15", ":", "04", ":", "05"] {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !rest.get(..part.len()).is_some_and(|found| found == part || digits(part) && digits(found)) {
            return (rest, part);
        }
        rest = rest.get(part.len()..).unwrap_or_default();
    }
    (rest, "Z07:00")
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
