//! The API server as programs in Pods ask it over HTTPS: what it answers to the token they show, or to somebody without a name.
//! Only what changes nothing is asked of it: a program that is brought back does once more what it did.

use std::sync::Arc;

use axum::body::Body;
use axum::http;
use futures::FutureExt as _;
use tokio::io::DuplexStream;
use tower::ServiceExt as _;

use super::answer::{Reply, Request};
use crate::sim::apiserver::endpoints::ApiServer;
use crate::sim::apiserver::server::{self, ByteStream, Command, Connector, LogOptions, Server, Session};
use crate::sim::apiserver::status::{Result, Status};
use crate::sim::apiserver::storage::Object;

/// Where the API server says it is.
pub const ADDRESS: &str = "192.168.56.10:6443";
const UNANSWERED: &str = "what programs in Pods ask of containers";

/// Logs and commands are nothing for programs in Pods.
struct Nobody;

impl Connector for Nobody {
    fn logs(&self, _: &Object, _: &LogOptions) -> Result<ByteStream> {
        Err(Status::not_simulated(UNANSWERED))
    }

    fn session(&self, _: &Object, _: Command) -> Result<Session> {
        Err(Status::not_simulated(UNANSWERED))
    }

    fn dial(&self, _: &Object, _: u16) -> std::result::Result<DuplexStream, String> {
        Err("nobody is there".to_owned())
    }
}

/// What it answers.
pub(super) fn answer(api: &Arc<ApiServer>, request: &Request) -> Reply {
    if !matches!(request.verb(), "GET" | "HEAD") {
        return refusal(&Status::not_simulated("what programs in Pods write through the API"));
    }
    let server = Server { api: api.clone(), connector: Arc::new(Nobody), address: ADDRESS.to_owned() };
    // Some things are indented for who fetches by hand.
    let mut asked = http::Request::builder().method("GET").uri(&request.path).header("user-agent", "curl/8.14.1");
    for (name, value) in &request.headers {
        asked = asked.header(name, value);
    }
    let Ok(asked) = asked.body(Body::empty()) else { return refusal(&Status::bad_request("the request is none")) };
    // Nothing of it waits, watches apart: they have nothing to tell at once.
    let read = async {
        let Ok(answered) = server::router(server).oneshot(asked).await;
        let (head, body) = answered.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
        Reply { status: head.status.as_u16(), body: String::from_utf8_lossy(&bytes).into_owned(), ..Reply::default() }
    };
    read.now_or_never().unwrap_or_else(|| Reply { status: 200, ..Reply::default() })
}

fn refusal(status: &Status) -> Reply {
    let body = serde_json::to_string_pretty(&status.to_value()).unwrap_or_default();
    Reply { status: status.code, body, ..Reply::default() }
}
