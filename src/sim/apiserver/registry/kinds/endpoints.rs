//! Endpoints: the addresses behind a Service, in the older form.
//! Source: `pkg/apis/core/v1/defaults.go` and `pkg/registry/core/endpoint/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{self, NONE};
use super::filling::{each, zero};
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `v1 Endpoints`.
pub static ENDPOINTS: Resource = Resource {
    group: "",
    version: "v1",
    kind: "Endpoints",
    plural: "endpoints",
    singular: "endpoints",
    short_names: &["ep"],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy { defaults, create_on_update: true, ..Strategy::PLAIN },
    table: Table { columns: &[NAME, column("Endpoints"), AGE], row },
    stored_as: None,
};

fn defaults(endpoints: &mut Value) {
    each(endpoints, "subsets", |subset| each(subset, "ports", |port| zero(port, "protocol", "TCP")));
}

fn row(endpoints: &Value, now: Timestamp) -> Vec<Value> {
    vec![cells::name(endpoints), json!(addresses(endpoints)), age(endpoints, now)]
}

/// The first three `ip:port`, then how many more.
fn addresses(endpoints: &Value) -> String {
    let subsets = meta::list(endpoints, "/subsets");
    if subsets.is_empty() {
        return NONE.to_owned();
    }
    let mut all = Vec::new();
    for subset in subsets {
        let hosts = meta::list(subset, "/addresses");
        let ports = meta::list(subset, "/ports");
        if ports.is_empty() {
            all.extend(hosts.iter().map(|host| meta::text(host, "/ip").to_owned()));
        }
        for port in ports {
            let number = meta::number(port, "/port").unwrap_or_default();
            all.extend(hosts.iter().map(|host| format!("{}:{number}", meta::text(host, "/ip"))));
        }
    }
    match all.len() {
        0..=3 => all.join(","),
        count => format!("{} + {} more...", all[..3].join(","), count - 3),
    }
}
