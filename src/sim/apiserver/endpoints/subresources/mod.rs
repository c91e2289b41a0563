//! Subresources whose body is not the object's own kind: one file and one row each.
//! `/status` and its like are parts of the object (`parts.rs`); logs and exec are streams of the server.

mod binding;
mod eviction;
mod scale;
mod token;

use serde_json::Value;

use super::{ApiServer, Request};
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::status::{Result, Status};

pub use binding::{bind, bind_named};
pub use eviction::evict;

/// Answers one subresource: HTTP code and body.
type Handler = fn(&ApiServer, &Request, &str, Value) -> Result<(u16, Value)>;

static HANDLERS: &[(&str, Handler)] = &[
    ("binding", |server, request, _, body| bind(server, request, &body).map(|done| (201, done))),
    ("eviction", |server, request, _, body| evict(server, request, &body).map(|done| (201, done))),
    ("scale", scale::serve),
    ("token", |server, request, _, body| token::issue(server, request, body).map(|done| (201, done))),
];

fn handler(resource: &Resource, name: &str) -> Option<Handler> {
    resource.subresource(name)?;
    HANDLERS.iter().find(|(known, _)| *known == name).map(|(_, handler)| *handler)
}

/// Whether this subresource has a handler of its own.
pub fn is_special(resource: &Resource, name: &str) -> bool {
    handler(resource, name).is_some()
}

/// Answers a request about such a subresource.
pub fn serve(server: &ApiServer, request: &Request, verb: &str, body: Value) -> Result<(u16, Value)> {
    let handler = handler(request.resource, &request.subresource).ok_or_else(Status::no_such_path)?;
    handler(server, request, verb, body)
}
