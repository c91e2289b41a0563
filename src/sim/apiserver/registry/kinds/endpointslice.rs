//! EndpointSlice: the addresses behind a Service.
//! Source: `pkg/apis/discovery/v1/defaults.go` and `pkg/registry/discovery/endpointslice/strategy.go`.

use jiff::Timestamp;
use serde_json::Value;

use super::cells;
use super::filling::each;
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `discovery.k8s.io/v1 EndpointSlice`.
pub static ENDPOINTSLICE: Resource = Resource {
    group: "discovery.k8s.io",
    version: "v1",
    kind: "EndpointSlice",
    plural: "endpointslices",
    singular: "endpointslice",
    short_names: &[],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy { defaults, generation: true, ..Strategy::PLAIN },
    table: Table { columns: &[NAME, column("AddressType"), column("Ports"), column("Endpoints"), AGE], row },
    stored_as: None,
};

fn defaults(slice: &mut Value) {
    each(slice, "ports", |port| {
        meta::set_default(port, "name", "");
        meta::set_default(port, "protocol", "TCP");
    });
}

fn row(slice: &Value, now: Timestamp) -> Vec<Value> {
    let ports: Vec<String> = meta::list(slice, "/ports").iter().map(port).collect();
    let addresses: Vec<String> = meta::list(slice, "/endpoints")
        .iter()
        .flat_map(|endpoint| meta::list(endpoint, "/addresses"))
        .filter_map(|address| address.as_str().map(str::to_owned))
        .collect();
    vec![
        cells::name(slice),
        cells::text(slice, "/addressType"),
        cells::three(&ports),
        cells::three(&addresses),
        age(slice, now),
    ]
}

fn port(port: &Value) -> String {
    match (meta::number(port, "/port"), port.get("name").and_then(Value::as_str)) {
        (Some(number), _) => number.to_string(),
        (None, Some(name)) => name.to_owned(),
        (None, None) => "*".to_owned(),
    }
}
