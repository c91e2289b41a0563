//! Paths outside the resources: version, discovery, health, OpenAPI.
//! Resources are `resources.rs`.

use axum::http::Method;
use axum::response::Response;
use serde_json::json;

use super::handler::{Call, json as answer, with_type};
use super::{access, discovery, health};
use crate::sim::apiserver::auth::TokenKey;
use crate::sim::apiserver::openapi;
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::status::{Result, Status};

/// Answers a request about a path that is no resource.
pub fn serve(call: &Call, path: &str) -> Result<Response> {
    let verb = call.method.as_str().to_ascii_lowercase();
    let verb = verb.as_str();
    access::authorize_path(&call.server.api, &call.user, verb, path)?;
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let api = matches!(parts.first(), Some(&("api" | "apis" | "version" | ".well-known" | "openid")));
    if api && call.method != Method::GET {
        return Err(Status::not_allowed());
    }
    let served = call.server.api.resources();
    match parts[..] {
        ["version"] => Ok(indented(&discovery::version(&discovery::running(&call.server.api)))),
        ["healthz" | "livez" | "readyz", ref check @ ..] => health::serve(call, parts[0], &check.join("/")),
        ["metrics"] => {
            Ok(with_type(200, "text/plain; version=0.0.4; charset=utf-8", health::metrics(&call.server.api)))
        }
        ["api"] => Ok(groups(call, &served, true)),
        ["apis"] => Ok(groups(call, &served, false)),
        ["api", version] => known(discovery::resource_list(&served, "", version)),
        ["apis", group] => known(discovery::one_group(&served, group)),
        ["apis", group, version] => known(discovery::resource_list(&served, group, version)),
        [".well-known", "openid-configuration"] => {
            let server = format!("https://{}", call.server.address);
            Ok(answer(200, &TokenKey::openid_configuration(&server)))
        }
        ["openid", "v1", "jwks"] => {
            let keys = call.server.api.authenticator.tokens().jwks().to_string();
            Ok(with_type(200, "application/jwk-set+json", keys))
        }
        ["openapi", "v2"] => Ok(openapi_v2(call.header("accept"), &served)),
        ["openapi", "v3"] => Ok(answer(200, &openapi::index(&served))),
        ["openapi", "v3", ref rest @ ..] => {
            let document = openapi::document(&served, &rest.join("/")).ok_or_else(Status::page_not_found)?;
            Ok(with_type(200, "application/json", document))
        }
        [] => Ok(indented(&json!({ "paths": paths(&served) }))),
        _ => Err(Status::page_not_found()),
    }
}

fn known(body: Option<serde_json::Value>) -> Result<Response> {
    body.map(|body| answer(200, &body)).ok_or_else(Status::page_not_found)
}

/// The old OpenAPI document, with the definitions of custom resources alone; of every kind for kubectl, which asks for it where
/// version 3 has no PATCH of a kind, and to explain in the old way.
fn openapi_v2(accept: &str, served: &[&Resource]) -> Response {
    if accept.contains("proto-openapi") {
        return with_type(200, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf", openapi::protobuf(served));
    }
    let info = json!({ "title": "Kubernetes", "version": discovery::VERSION });
    answer(200, &json!({ "swagger": "2.0", "info": info, "paths": {}, "definitions": openapi::definitions(served) }))
}

/// JSON for people, as the real server writes it at a few paths.
fn indented(body: &serde_json::Value) -> Response {
    with_type(200, "application/json", serde_json::to_vec_pretty(body).unwrap_or_default())
}

/// What `/` lists.
fn paths(served: &[&'static Resource]) -> Vec<String> {
    let mut paths: Vec<String> =
        ["/.well-known/openid-configuration", "/api", "/api/v1", "/apis", "/apis/"].map(str::to_owned).into();
    paths.extend(discovery::paths(served));
    for (name, checks) in health::checks() {
        paths.push(format!("/{name}"));
        let mut below: Vec<String> = checks.iter().map(|check| format!("/{name}/{check}")).collect();
        below.sort();
        paths.extend(below);
    }
    paths.extend(
        ["/metrics", "/openapi/v2", "/openapi/v3", "/openapi/v3/", "/openid/v1/jwks", "/version"].map(str::to_owned),
    );
    paths
}

/// `/api` and `/apis`, in the newest form the client reads.
fn groups(call: &Call, served: &[&'static Resource], core: bool) -> Response {
    let accept = call.header("accept");
    let asks = |version: &str| {
        accept.split(',').any(|offer| {
            offer.contains("g=apidiscovery.k8s.io")
                && offer.split(';').any(|parameter| parameter.trim() == format!("v={version}"))
        })
    };
    if asks("v2") {
        let body = serde_json::to_vec(&discovery::aggregated(served, core, "v2")).unwrap_or_default();
        return with_type(200, "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", body);
    }
    if asks("v2beta1") {
        let body = serde_json::to_vec(&discovery::aggregated(served, core, "v2beta1")).unwrap_or_default();
        return with_type(200, "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList", body);
    }
    answer(200, &if core { discovery::core_versions(&call.server.address) } else { discovery::group_list(served) })
}
