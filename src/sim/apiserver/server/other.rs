//! Paths outside the resources: version, discovery, health, OpenAPI.
//! Resources are `resources.rs`.

use axum::http::Method;
use axum::response::Response;
use serde_json::json;

use super::handler::{Call, json as answer, with_type};
use super::{access, discovery};
use crate::sim::apiserver::openapi;
use crate::sim::apiserver::registry::RESOURCES;
use crate::sim::apiserver::status::{Result, Status};

/// Answers a request about a path that is no resource.
pub fn serve(call: &Call, path: &str) -> Result<Response> {
    let verb = if call.method == Method::GET { "get" } else { "post" };
    access::authorize_path(&call.server.api, &call.user, verb, path)?;
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts[..] {
        ["version"] => Ok(answer(200, &discovery::version())),
        ["healthz" | "livez" | "readyz", ..] => Ok(health(call, path)),
        ["api"] => Ok(groups(call, true)),
        ["apis"] => Ok(groups(call, false)),
        ["api", version] => known(discovery::resource_list("", version)),
        ["apis", group] => known(discovery::one_group(group)),
        ["apis", group, version] => known(discovery::resource_list(group, version)),
        ["openapi", "v3"] => Ok(answer(200, &openapi::index(RESOURCES))),
        ["openapi", "v3", ref rest @ ..] => {
            let document = openapi::document(RESOURCES, &rest.join("/")).ok_or_else(Status::no_such_path)?;
            Ok(with_type(200, "application/json", document))
        }
        [] => Ok(answer(
            200,
            &json!({ "paths": ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"] }),
        )),
        _ => Err(Status::no_such_path()),
    }
}

fn known(body: Option<serde_json::Value>) -> Result<Response> {
    body.map(|body| answer(200, &body)).ok_or_else(Status::no_such_path)
}

fn health(call: &Call, path: &str) -> Response {
    let name = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    if call.query.all("verbose").is_empty() {
        return with_type(200, "text/plain; charset=utf-8", "ok");
    }
    with_type(200, "text/plain; charset=utf-8", format!("[+]ping ok\n[+]log ok\n[+]etcd ok\n{name} check passed\n"))
}

/// `/api` and `/apis`, in the newest form the client reads.
fn groups(call: &Call, core: bool) -> Response {
    let accept = call.header("accept");
    let asks = |version: &str| {
        accept.split(',').any(|offer| {
            offer.contains("g=apidiscovery.k8s.io")
                && offer.split(';').any(|parameter| parameter.trim() == format!("v={version}"))
        })
    };
    if asks("v2") {
        let body = serde_json::to_vec(&discovery::aggregated(core, "v2")).unwrap_or_default();
        return with_type(200, "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", body);
    }
    if asks("v2beta1") {
        let body = serde_json::to_vec(&discovery::aggregated(core, "v2beta1")).unwrap_or_default();
        return with_type(200, "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList", body);
    }
    answer(200, &if core { discovery::core_versions(&call.server.address) } else { discovery::group_list() })
}
