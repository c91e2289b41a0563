//! The API over HTTP: one axum router behind two doors, the loopback listener and the in-process client.
//! What requests do is the endpoints'; who may ask, auth's.

mod access;
mod channels;
mod connect;
mod connector;
pub mod discovery;
mod form;
mod handler;
mod health;
mod inside;
mod other;
mod path;
mod proxy;
mod query;
mod resources;
mod spdy;
mod stream;
mod watching;

use std::sync::Arc;

use axum::Router;
use axum::routing::any;

pub use access::Trusted;
pub use connector::{ByteStream, Command, Connector, Heard, LogOptions, Outcome, Said, Session};
pub use inside::inside;
pub use query::Query;

use super::endpoints::ApiServer;

/// What the router works with.
#[derive(Clone)]
pub struct Server {
    pub api: Arc<ApiServer>,
    /// How logs and commands reach the kubelets.
    pub connector: Arc<dyn Connector>,
    /// `host:port` that clients are told.
    pub address: String,
}

/// The whole API as one router.
pub fn router(server: Server) -> Router {
    Router::new().fallback(any(handler::handle)).with_state(Arc::new(server))
}
