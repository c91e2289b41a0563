//! What the control plane's programs and kube-proxy answer on their own ports: health, mode, a few measures.
//! Sources: kube-scheduler, kube-controller-manager and etcd themselves, asked; `pkg/proxy/healthcheck/proxy_health.go`, `cmd/kube-proxy/app/server.go`.

use serde_json::json;

use crate::sim::network::{Reply, Request};
use crate::sim::nodes::process::container::Container;

/// Where a kube-proxy tells of its health, when nobody says otherwise.
const HEALTH: u16 = 10256;

fn with(status: u16, body: impl Into<String>) -> Reply {
    Reply { status, body: body.into(), ..Reply::default() }
}

fn missing() -> Reply {
    with(404, "404 page not found\n")
}

/// The answer of one of these programs on a port; `None` of others.
pub fn reply(container: &Container, port: u16, request: &Request) -> Option<Reply> {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    Some(match (container.image.own_name(), path) {
        ("kube-scheduler", "/healthz" | "/livez" | "/readyz") | ("kube-controller-manager", "/healthz") => {
            with(200, "ok")
        }
        // Who has no name may ask, and is told that there is nothing.
        ("kube-controller-manager", "/livez" | "/readyz") => missing(),
        ("kube-scheduler" | "kube-controller-manager", _) => forbidden(path),
        ("kube-proxy", "/healthz" | "/livez") if port == HEALTH => {
            with(200, proxy_health(container, path == "/healthz"))
        }
        ("kube-proxy", "/healthz") => with(200, "ok"),
        ("kube-proxy", "/proxyMode") if port != HEALTH => with(200, mode(container)),
        ("kube-proxy", "/metrics") if port != HEALTH => with(
            200,
            "# HELP kubeproxy_sync_proxy_rules_duration_seconds [ALPHA] SyncProxyRules latency in seconds\n# TYPE kubeproxy_sync_proxy_rules_duration_seconds histogram\nkubeproxy_sync_proxy_rules_duration_seconds_count{ip_family=\"IPv4\"} 3\n",
        ),
        ("kube-proxy", _) => missing(),
        ("etcd", "/health") => with(200, r#"{"health":"true","reason":""}"#),
        ("etcd", "/livez") if query == "verbose" => with(200, "[+]serializable_read ok\nok\n"),
        ("etcd", "/readyz") if query == "verbose" => with(
            200,
            "[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n[+]non_learner ok\nok\n",
        ),
        ("etcd", "/livez" | "/readyz") => with(200, "ok\n"),
        ("etcd", "/metrics") => with(200, measures(container)),
        ("etcd", _) => missing(),
        _ => return None,
    })
}

fn forbidden(path: &str) -> Reply {
    let body = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": format!("forbidden: User \"system:anonymous\" cannot get path {path:?}"),
        "reason": "Forbidden",
        "details": {},
        "code": 403,
    });
    with(403, serde_json::to_string_pretty(&body).unwrap_or_default())
}

fn proxy_health(container: &Container, eligible: bool) -> String {
    let now = container.engine.now().strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string();
    let since = container.started.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string();
    let node = if eligible { "\"nodeEligible\":true," } else { "" };
    let family = |name: &str| format!("\"{name}\":{{\"lastUpdated\":\"{since}\",\"healthy\":true}}");
    let status = format!("{{{},{}}}", family("IPv4"), family("IPv6"));
    format!("{{\"lastUpdated\":\"{now}\",\"currentTime\":\"{now}\",{node}\"healthy\":true,\"status\":{status}}}")
}

/// How a kube-proxy works, as it has said.
fn mode(container: &Container) -> String {
    let (lines, _) = container.log.lines(0);
    let said = lines.iter().rev().find_map(|line| {
        let (_, rest) = line.text.split_once("\"Using ")?;
        rest.strip_suffix(" Proxier\"").map(str::to_owned)
    });
    said.unwrap_or_else(|| "iptables".to_owned())
}

fn measures(container: &Container) -> String {
    let version = container.release().unwrap_or_default();
    let version = version.split('-').next().unwrap_or_default();
    let measure = |name: &str, kind: &str, help: &str, value: &str| {
        format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name}{value}\n")
    };
    [
        measure("etcd_server_has_leader", "gauge", "Whether or not a leader exists. 1 is existence, 0 is not.", " 1"),
        measure(
            "etcd_server_is_leader",
            "gauge",
            "Whether or not this member is a leader. 1 if is, 0 otherwise.",
            " 1",
        ),
        measure(
            "etcd_server_version",
            "gauge",
            "Which version is running. 1 for 'server_version' label with current version.",
            &format!("{{server_version=\"{version}\"}} 1"),
        ),
    ]
    .concat()
}
