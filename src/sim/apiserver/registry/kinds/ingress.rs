//! Ingress: HTTP routes to Services.
//! Source: `pkg/registry/networking/ingress/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{self, NONE};
use super::filling::reset_status;
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `networking.k8s.io/v1 Ingress`.
pub static INGRESS: Resource = Resource {
    group: "networking.k8s.io",
    version: "v1",
    kind: "Ingress",
    plural: "ingresses",
    singular: "ingress",
    short_names: &["ing"],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy {
        prepare_create: |ingress| reset_status(ingress, json!({ "loadBalancer": {} })),
        generation: true,
        ..Strategy::PLAIN
    },
    table: Table { columns: &[NAME, column("Class"), column("Hosts"), column("Address"), column("Ports"), AGE], row },
    stored_as: None,
};

fn row(ingress: &Value, now: Timestamp) -> Vec<Value> {
    let ports = if meta::list(ingress, "/spec/tls").is_empty() { "80" } else { "80, 443" };
    vec![
        cells::name(ingress),
        cells::text_or(ingress, "/spec/ingressClassName", NONE),
        json!(hosts(ingress)),
        json!(cells::load_balancer(ingress)),
        json!(ports),
        age(ingress, now),
    ]
}

/// The hosts of the first rules, until three are found; then how many rules more.
fn hosts(ingress: &Value) -> String {
    let rules = meta::list(ingress, "/spec/rules");
    let (mut found, mut more) = (Vec::new(), false);
    for rule in rules {
        more |= found.len() == 3;
        let host = meta::text(rule, "/host");
        if !more && !host.is_empty() {
            found.push(host);
        }
    }
    match found.is_empty() {
        true => "*".to_owned(),
        false if more => format!("{} + {} more...", found.join(","), rules.len() - 3),
        false => found.join(","),
    }
}
