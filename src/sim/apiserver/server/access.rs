//! Who asks and whether they may: the server's way to authentication, impersonation and RBAC.
//! The rules themselves are auth's; the objects they are read from come from storage.

use std::sync::Arc;

use super::path::ResourcePath;
use crate::sim::apiserver::auth::{Attributes, PeerCertificate, ResourceAttributes, Target, User, impersonation};
use crate::sim::apiserver::endpoints::ApiServer;
use crate::sim::apiserver::status::Result;
use axum::http::{Extensions, HeaderMap};

/// Put into a request's extensions, it is who asks: the in-process door needs no credentials.
#[derive(Clone, Debug)]
pub struct Trusted(pub Arc<User>);

/// Whoever asks, once impersonation is heeded. 401 and 403 in the real server's words.
pub fn authenticate(api: &ApiServer, headers: &HeaderMap, extensions: &Extensions) -> Result<User> {
    let sender = match extensions.get::<Trusted>() {
        Some(Trusted(user)) => (**user).clone(),
        None => api.authenticator.authenticate(extensions.get::<PeerCertificate>(), headers, api.clock.now(), api)?,
    };
    if !impersonation::is_asked(headers) {
        return Ok(sender);
    }
    Ok(impersonation::impersonate(headers, &sender, &api.policy())?.unwrap_or(sender))
}

/// Whether the user may do this to the resource of this path; 403 otherwise.
pub fn authorize_resource(api: &ApiServer, user: &User, verb: &str, path: &ResourcePath) -> Result<()> {
    let target = Target::Resource(ResourceAttributes {
        group: &path.group,
        version: &path.version,
        resource: &path.plural,
        subresource: &path.subresource,
        namespace: &path.namespace,
        name: &path.name,
    });
    authorize(api, Attributes { user, verb, target })
}

/// Whether the user may ask for this path, which is no resource; 403 otherwise.
pub fn authorize_path(api: &ApiServer, user: &User, verb: &str, path: &str) -> Result<()> {
    authorize(api, Attributes { user, verb, target: Target::Path(path) })
}

fn authorize(api: &ApiServer, asked: Attributes) -> Result<()> {
    let decision = api.policy().authorize(&asked);
    if decision.allowed { Ok(()) } else { Err(asked.forbidden(&decision.reason)) }
}
