//! PodTemplate: a template kept apart; nothing in the cluster reads it.
//! Source: `pkg/registry/core/podtemplate/strategy.go`.

use jiff::Timestamp;
use serde_json::Value;

use super::at::At;
use super::cells;
use super::pod_spec;
use crate::sim::apiserver::registry::resource::{ALL_VERBS, NAME, Resource, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `v1 PodTemplate`.
pub static PODTEMPLATE: Resource = Resource {
    group: "",
    version: "v1",
    kind: "PodTemplate",
    plural: "podtemplates",
    singular: "podtemplate",
    short_names: &[],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy {
        defaults: |object| pod_spec::defaults::template(object, "template"),
        generation: true,
        validate: |object, errors| pod_spec::validation::template(At::root(object).key("template"), errors),
        warnings: |object| pod_spec::warnings::template(At::root(object).key("template")),
        ..Strategy::PLAIN
    },
    table: Table { columns: &[NAME, column("Containers"), column("Images"), column("Pod Labels")], row },
    stored_as: None,
};

fn row(object: &Value, _now: Timestamp) -> Vec<Value> {
    let (names, images) = cells::containers(object.pointer("/template/spec"));
    vec![cells::name(object), names, images, cells::labels(object.pointer("/template/metadata/labels"))]
}
