//! `/healthz`, `/livez`, `/readyz` and `/metrics`.
//! Source: `k8s.io/apiserver/pkg/server/healthz/healthz.go`; the names from a real 1.35 server.

use std::fmt::Write as _;

use axum::response::Response;

use super::handler::{Call, with_type};
use crate::sim::apiserver::endpoints::ApiServer;
use crate::sim::apiserver::registry::RESOURCES;
use crate::sim::apiserver::status::{Result, Status};

/// What is looked at first, by everybody.
const BASIC: &[&str] = &["ping", "log", "etcd"];

/// What only readiness looks at, after the first and at the end.
const MEANWHILE: &[&str] = &["etcd-readiness", "informer-sync"];
const LAST: &[&str] = &["shutdown"];

/// What is done once when the server starts.
const STARTED: &[&str] = &[
    "poststarthook/start-apiserver-admission-initializer",
    "poststarthook/generic-apiserver-start-informers",
    "poststarthook/priority-and-fairness-config-consumer",
    "poststarthook/priority-and-fairness-filter",
    "poststarthook/storage-object-count-tracker-hook",
    "poststarthook/start-apiextensions-informers",
    "poststarthook/start-apiextensions-controllers",
    "poststarthook/crd-informer-synced",
    "poststarthook/start-system-namespaces-controller",
    "poststarthook/start-cluster-authentication-info-controller",
    "poststarthook/start-kube-apiserver-identity-lease-controller",
    "poststarthook/start-kube-apiserver-identity-lease-garbage-collector",
    "poststarthook/start-legacy-token-tracking-controller",
    "poststarthook/start-service-ip-repair-controllers",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/scheduling/bootstrap-system-priority-classes",
    "poststarthook/priority-and-fairness-config-producer",
    "poststarthook/bootstrap-controller",
    "poststarthook/start-kubernetes-service-cidr-controller",
    "poststarthook/aggregator-reload-proxy-client-cert",
    "poststarthook/start-kube-aggregator-informers",
    "poststarthook/apiservice-status-local-available-controller",
    "poststarthook/apiservice-status-remote-available-controller",
    "poststarthook/apiservice-registration-controller",
    "poststarthook/apiservice-discovery-controller",
    "poststarthook/kube-apiserver-autoregistration",
    "autoregister-completion",
    "poststarthook/apiservice-openapi-controller",
    "poststarthook/apiservice-openapiv3-controller",
];

/// The endpoints and what each checks.
pub fn checks() -> [(&'static str, Vec<&'static str>); 3] {
    let alive = [BASIC, STARTED].concat();
    [("healthz", alive.clone()), ("livez", alive), ("readyz", [BASIC, MEANWHILE, STARTED, LAST].concat())]
}

const TEXT: &str = "text/plain; charset=utf-8";

/// Answers a question after health, of all or of one `check`.
pub fn serve(call: &Call, name: &str, check: &str) -> Result<Response> {
    let checks = checks().into_iter().find(|(found, _)| *found == name).map(|(_, checks)| checks).unwrap_or_default();
    if !check.is_empty() {
        let known = checks.contains(&check);
        return if known { Ok(with_type(200, TEXT, "ok")) } else { Err(Status::page_not_found()) };
    }
    if !call.query.has("verbose") {
        return Ok(with_type(200, TEXT, "ok"));
    }
    let excluded = call.query.all("exclude");
    let mut text = String::new();
    for check in &checks {
        let said = if excluded.iter().any(|one| one == check) { "excluded: ok" } else { "ok" };
        let _ = writeln!(text, "[+]{check} {said}");
    }
    let mut unknown: Vec<String> =
        excluded.iter().filter(|one| !checks.contains(&one.as_str())).map(|one| format!("{one:?}")).collect();
    unknown.sort();
    unknown.dedup();
    if !unknown.is_empty() {
        let _ = writeln!(text, "warn: some health checks cannot be excluded: no matches for {}", unknown.join(", "));
    }
    Ok(with_type(200, TEXT, format!("{text}{name} check passed\n")))
}

/// The few metrics a cluster in one process has.
pub fn metrics(server: &ApiServer) -> String {
    let mut text = String::from(
        "# HELP apiserver_storage_objects [STABLE] Number of stored objects at the time of last check split by kind.\n# TYPE apiserver_storage_objects gauge\n",
    );
    for resource in
        RESOURCES.iter().filter(|resource| resource.stored_as.is_none() && resource.verbs.contains(&"watch"))
    {
        let name = resource.group_resource();
        let _ = writeln!(text, "apiserver_storage_objects{{resource=\"{name}\"}} {}", server.storage.count(&name));
    }
    let version = super::discovery::running(server);
    let minor = version.split('.').nth(1).unwrap_or_default();
    let _ = write!(
        text,
        "# HELP kubernetes_build_info [ALPHA] A metric with a constant '1' value labeled by the version of Kubernetes.\n# TYPE kubernetes_build_info gauge\nkubernetes_build_info{{git_version=\"{version}\",major=\"1\",minor=\"{minor}\"}} 1\n"
    );
    text
}
