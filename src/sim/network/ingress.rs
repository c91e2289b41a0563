//! An Ingress controller: what a Pod of ingress-nginx does with a request, by the Ingresses of its class.
//! There is one only where its Pods run, as on a real cluster. Source: the API's documentation, and ingress-nginx' `internal/ingress`.

use serde_json::Value;

use super::answer::{Reply, Request};
use super::proxy::{self, Endpoint};
use crate::object::meta;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::ingress::INGRESS;
use crate::sim::apiserver::registry::kinds::ingressclass::INGRESSCLASS;
use crate::sim::apiserver::registry::kinds::service::SERVICE;
use crate::sim::apiserver::storage::Object;

/// What the controller is called in an IngressClass, unless its Pod says otherwise.
const CONTROLLER: &str = "k8s.io/ingress-nginx";
const REWRITE: &str = "nginx.ingress.kubernetes.io/rewrite-target";
const REDIRECT: &str = "nginx.ingress.kubernetes.io/ssl-redirect";

/// Whether a Pod is an Ingress controller.
pub fn is_controller(pod: &Value) -> bool {
    let mut containers = meta::list(pod, "/spec/containers").iter();
    containers.any(|container| meta::text(container, "/image").contains("ingress-nginx/controller"))
}

/// What the controller does with a request.
pub enum Step {
    /// It answers itself.
    Answer(Reply),
    /// It asks these endpoints for this path.
    Forward(Vec<Endpoint>, String),
}

/// An answer as nginx makes its own.
pub fn page(status: u16, words: &str) -> Reply {
    let body = format!(
        "<html>\r\n<head><title>{status} {words}</title></head>\r\n<body>\r\n<center><h1>{status} {words}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    Reply { status, server: "nginx".to_owned(), body, ..Reply::default() }
}

/// The name by which the controller in a Pod answers to classes.
fn controller_name(pod: &Value) -> &str {
    let containers = meta::list(pod, "/spec/containers").iter();
    let mut words = containers.flat_map(|container| meta::list(container, "/args")).filter_map(Value::as_str);
    words.find_map(|word| word.strip_prefix("--controller-class=")).unwrap_or(CONTROLLER)
}

/// Whether an Ingress is of a class that the controller of this name serves.
pub fn is_served(client: &Client, ingress: &Value, controller: &str) -> bool {
    let class = match meta::text(ingress, "/spec/ingressClassName") {
        "" => meta::annotation(ingress, "kubernetes.io/ingress.class").unwrap_or_default(),
        class => class,
    };
    let found = client.find(&INGRESSCLASS, "", class);
    found.is_some_and(|class| meta::text(&class, "/spec/controller") == controller)
}

/// One place a request may be sent to.
struct Route<'a> {
    ingress: &'a Value,
    backend: &'a Value,
    /// Exact before prefix, long before short, a host of its own before any.
    rank: (bool, usize, bool),
    rest: String,
}

/// What the controller in this Pod does with a request.
pub fn step(client: &Client, pod: &Value, request: &Request) -> Step {
    let name = controller_name(pod);
    let ingresses: Vec<Object> =
        client.list(&INGRESS, "").into_iter().filter(|ingress| is_served(client, ingress, name)).collect();
    let bare = request.path.split(['?', '#']).next().unwrap_or_default();
    let mut routes: Vec<Route<'_>> =
        ingresses.iter().flat_map(|ingress| routes(ingress, &request.host, bare)).collect();
    routes.sort_by_key(|route| std::cmp::Reverse(route.rank));
    let Some(route) = routes.first() else {
        let default = ingresses.iter().find_map(|ingress| Some((ingress, ingress.pointer("/spec/defaultBackend")?)));
        return match default {
            Some((ingress, backend)) => forward(client, ingress, backend, &request.path),
            None => Step::Answer(page(404, "Not Found")),
        };
    };
    let secured = meta::list(route.ingress, "/spec/tls").iter().flat_map(|tls| meta::list(tls, "/hosts"));
    let redirects = meta::annotation(route.ingress, REDIRECT) != Some("false");
    if !request.tls && redirects && secured.into_iter().any(|host| host == request.host.as_str()) {
        let location = Some(format!("https://{}{}", request.host, request.path));
        return Step::Answer(Reply { location, ..page(308, "Permanent Redirect") });
    }
    let path = match meta::annotation(route.ingress, REWRITE) {
        Some(target) => target.replace("$1", &route.rest).replace("$2", &route.rest),
        None => request.path.clone(),
    };
    forward(client, route.ingress, route.backend, &path)
}

fn routes<'a>(ingress: &'a Value, host: &str, path: &str) -> Vec<Route<'a>> {
    let mut found = Vec::new();
    for rule in meta::list(ingress, "/spec/rules") {
        let wanted = meta::text(rule, "/host");
        if !is_host(wanted, host) {
            continue;
        }
        for entry in meta::list(rule, "/http/paths") {
            let pattern = Some(meta::text(entry, "/path")).filter(|path| !path.is_empty()).unwrap_or("/");
            let exact = meta::text(entry, "/pathType") == "Exact";
            let rest = match meta::text(entry, "/pathType") {
                "Exact" => (path == pattern).then(String::new),
                "Prefix" => below(pattern, path),
                _ => below(pattern.split(['(', '*']).next().unwrap_or_default(), path),
            };
            let Some(rest) = rest else { continue };
            let rank = (!wanted.is_empty(), pattern.len(), exact);
            found.push(Route { ingress, backend: &entry["backend"], rank, rest });
        }
    }
    found
}

/// Whether a rule's host is the one asked for; `*.example.com` stands for one label.
fn is_host(wanted: &str, host: &str) -> bool {
    match wanted.strip_prefix("*.") {
        _ if wanted.is_empty() || wanted.eq_ignore_ascii_case(host) => true,
        Some(domain) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain)),
        None => false,
    }
}

/// What a path has behind a prefix, which ends with a whole part of it.
fn below(prefix: &str, path: &str) -> Option<String> {
    let rest = path.strip_prefix(prefix.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/').to_owned())
}

fn forward(client: &Client, ingress: &Value, backend: &Value, path: &str) -> Step {
    let unavailable = || Step::Answer(page(503, "Service Temporarily Unavailable"));
    let name = meta::text(backend, "/service/name");
    let Some(service) = client.find(&SERVICE, meta::namespace(ingress), name) else { return unavailable() };
    let wanted = &backend["service"]["port"];
    let is_meant = |port: &&Value| {
        let named = meta::text(wanted, "/name");
        (!named.is_empty() && meta::text(port, "/name") == named)
            || meta::number(wanted, "/number").is_some_and(|number| meta::number(port, "/port") == Some(number))
    };
    let Some(port) = meta::list(&service, "/spec/ports").iter().find(is_meant) else { return unavailable() };
    let endpoints = proxy::endpoints(client, &service, port);
    if endpoints.is_empty() { unavailable() } else { Step::Forward(endpoints, path.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_end_with_whole_parts() {
        assert_eq!(below("/cart", "/cart/list").as_deref(), Some("list"));
        assert_eq!(below("/cart/", "/cart").as_deref(), Some(""));
        assert_eq!(below("/cart", "/carts"), None);
        assert_eq!(below("/", "/any").as_deref(), Some("any"));
    }

    #[test]
    fn hosts_fit_exactly_or_by_one_label() {
        assert!(is_host("", "any") && is_host("shop.example.org", "SHOP.example.org"));
        assert!(is_host("*.example.org", "shop.example.org") && !is_host("*.example.org", "a.shop.example.org"));
        assert!(!is_host("*.example.org", "example.org"));
    }
}
