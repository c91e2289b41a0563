//! What a node's kubelet answers: its health on the node itself, and to everybody that nobody without a name is answered.
//! Who may reach it, and whether one listens, is `reach.rs`. Source: `pkg/kubelet/server/server.go`, `pkg/kubelet/apis/config/v1beta1/defaults.go`.

use std::net::IpAddr;

use super::answer::{Reply, Request, Why};

/// Where it is asked, and where it is healthy.
const PORT: u16 = 10250;
const HEALTH: u16 = 10248;

/// Whether a port of a node at this address is the kubelet's.
pub fn has(address: IpAddr, port: u16) -> bool {
    port == PORT || (port == HEALTH && address.is_loopback())
}

/// Its answer.
pub fn answer(port: u16, request: &Request) -> Result<Reply, Why> {
    let with = |status: u16, body: &str| Ok(Reply { status, body: body.to_owned(), ..Reply::default() });
    match (port, request.tls, request.path.split('?').next()) {
        (HEALTH, true, _) => {
            Err(Why::Strange { who: "the kubelet".to_owned(), said: "wrong version number".to_owned() })
        }
        (HEALTH, false, Some("/healthz" | "/healthz/ping" | "/healthz/log")) => with(200, "ok"),
        (HEALTH, false, _) => with(404, "404 page not found\n"),
        (_, false, _) => with(400, "Client sent an HTTP request to an HTTPS server.\n"),
        _ => with(401, "Unauthorized"),
    }
}
