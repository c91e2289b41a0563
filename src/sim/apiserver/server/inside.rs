//! Requests from this process that want the connection for themselves, as exec does: there is no socket, so one is made in memory.
//! All other requests go straight to the router.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tower::ServiceExt as _;

/// How much may be under way in one direction, bytes.
const ROOM: usize = 256 * 1024;

/// Sends a request to the router: over a connection when it asks to be upgraded, else straight.
pub async fn inside(router: Router, request: Request) -> Response {
    if !request.headers().contains_key(axum::http::header::UPGRADE) {
        return match router.oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
    }
    match upgraded(router, request).await {
        Ok(answer) => answer,
        Err(error) => {
            let mut answer = Response::new(Body::from(error.to_string()));
            *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            answer
        }
    }
}

async fn upgraded(router: Router, request: Request) -> hyper::Result<Response> {
    let (near, far) = tokio::io::duplex(ROOM);
    let extensions = request.extensions().clone();
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        let upgrade = request.extensions_mut().remove::<hyper::upgrade::OnUpgrade>();
        request.extensions_mut().extend(extensions.clone());
        upgrade.into_iter().for_each(|upgrade| drop(request.extensions_mut().insert(upgrade)));
        router.clone().oneshot(request.map(Body::new))
    });
    let serving =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(far), service).with_upgrades();
    tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::debug!(%error, "a connection inside this process ended");
        }
    });
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(near)).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a connection inside this process ended");
        }
    });
    Ok(sender.send_request(request).await?.map(Body::new))
}
