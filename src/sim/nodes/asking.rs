//! HTTP as a kubelet asks it of a Pod, or of another host: by probes and by hooks.
//! What the answer means is theirs. Source: `pkg/probe/http/request.go`.

use serde_json::Value;

use super::kubelet::{Kubelets, Sync};
use super::{probes, runs, starting};
use crate::object::meta;
use crate::sim::network::{Reply, Request, Silence, Why, is_secured};

/// Whether a host and a port are the Pod's. On the node's own network it finds itself at the node's loopback address: kubeadm's static Pods
/// are asked so.
fn is_own(kubelets: &Kubelets, sync: &Sync, (host, port): (&str, u16)) -> bool {
    let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()) || host == "localhost";
    let of_itself = loopback && sync.pod["spec"]["hostNetwork"] == true;
    host == meta::text(&sync.status, "/podIP")
        || of_itself && runs::with_sandbox(kubelets, sync, |sandbox| sandbox.front().listens(port))
}

/// Whether somebody listens where a `tcpSocket` says, or why not, in the words of Go's net.
pub fn knock(kubelets: &Kubelets, sync: &Sync, container: &Value, socket: &Value) -> Result<(), String> {
    let port = probes::port(container, &socket["port"])?;
    let own = meta::text(&sync.status, "/podIP");
    let host = Some(meta::text(socket, "/host")).filter(|host| !host.is_empty()).unwrap_or(own);
    let refused = || Err(format!("dial tcp {host}:{port}: connect: connection refused"));
    if is_own(kubelets, sync, (host, port)) {
        let listens = runs::with_sandbox(kubelets, sync, |sandbox| sandbox.front().listens(port));
        return if listens { Ok(()) } else { refused() };
    }
    let network = starting::network(&kubelets.runtime, sync);
    match network.get_from_node(sync.node(), (host, port), &Request::of("/")).map_err(|why| why.silence()) {
        // Whatever is said: somebody is there.
        Ok(_) | Err(Silence::Strange) => Ok(()),
        Err(Silence::Refused) => refused(),
        Err(Silence::Unknown | Silence::NoDns) => Err(format!("dial tcp: lookup {host}: no such host")),
        Err(Silence::Timeout) => Err(format!("dial tcp {host}:{port}: i/o timeout")),
    }
}

/// What is said of somebody who does not speak TLS.
const PLAIN: &str = "http: server gave HTTP response to HTTPS client";
/// Where web servers speak without TLS. Whoever is asked with it at another port of its own is taken to speak it.
const UNSECURED: [u16; 5] = [80, 3000, 5000, 8000, 8080];

/// The answer to an `httpGet` of a container, or why there is none, in the words of Go's client.
pub fn get(kubelets: &Kubelets, sync: &Sync, container: &Value, http: &Value) -> Result<Reply, String> {
    let port = probes::port(container, &http["port"])?;
    let path = meta::text(http, "/path");
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let scheme = meta::text(http, "/scheme").to_lowercase();
    let scheme = if scheme.is_empty() { "http" } else { &scheme };
    let own = meta::text(&sync.status, "/podIP");
    let host = Some(meta::text(http, "/host")).filter(|host| !host.is_empty()).unwrap_or(own);
    let because = |why: &str| format!("Get {:?}: {why}", format!("{scheme}://{host}:{port}{path}"));
    let refused = || because(&format!("dial tcp {host}:{port}: connect: connection refused"));
    if is_own(kubelets, sync, (host, port)) {
        return match runs::with_sandbox(kubelets, sync, |sandbox| sandbox.front().get(port, &Request::of(&path))) {
            None => Err(refused()),
            Some(Ok(_)) if scheme == "https" && UNSECURED.contains(&port) && !is_secured(sync.pod, port) => {
                Err(because(PLAIN))
            }
            Some(answer) => answer.map_err(|_| because("EOF")),
        };
    }
    let request = Request { host: host.to_owned(), tls: scheme == "https", ..Request::of(&path) };
    let answer = starting::network(&kubelets.runtime, sync).get_from_node(sync.node(), (host, port), &request);
    answer.map_err(|why: Why| match why.silence() {
        Silence::Refused => refused(),
        Silence::Strange if scheme == "https" => because(PLAIN),
        Silence::Strange => because("EOF"),
        Silence::Unknown | Silence::NoDns => because(&format!("dial tcp: lookup {host}: no such host")),
        Silence::Timeout => because("context deadline exceeded (Client.Timeout exceeded while awaiting headers)"),
    })
}
