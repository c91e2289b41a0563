//! The API over HTTP: one axum router behind two doors, the loopback listener and the in-process client.
//! What requests do is the endpoints'; who may ask, auth's.

mod access;
pub mod discovery;
mod form;
mod handler;
mod health;
mod other;
mod path;
mod query;
mod resources;
mod stream;
mod watching;

use std::sync::Arc;

use axum::Router;
use axum::routing::any;

pub use access::Trusted;
pub use query::Query;
pub use stream::{ByteStream, Connector, LogOptions};

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
