//! LimitRange: bounds and defaults for what containers ask for; admission applies them.
//! Source: `pkg/apis/core/v1/defaults.go`.

use serde_json::Value;

use super::cells;
use super::filling::{each, part};
use super::quota_validation;
use crate::object::meta;
use crate::sim::apiserver::registry::resource::{ALL_VERBS, Resource};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `v1 LimitRange`.
pub static LIMITRANGE: Resource = Resource {
    group: "",
    version: "v1",
    kind: "LimitRange",
    plural: "limitranges",
    singular: "limitrange",
    short_names: &["limits"],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[],
    strategy: Strategy { defaults, create_on_update: true, validate: quota_validation::limit_range, ..Strategy::PLAIN },
    table: cells::CREATED_TABLE,
    stored_as: None,
};

fn defaults(range: &mut Value) {
    part(range, "spec", |spec| {
        meta::set_default(spec, "limits", Value::Null);
        each(spec, "limits", item);
    });
}

fn item(item: &mut Value) {
    if meta::text(item, "/type") != "Container" {
        return;
    }
    fill(item, "default", "max");
    fill(item, "defaultRequest", "default");
    fill(item, "defaultRequest", "min");
}

/// Takes over from `source` what `target` does not name.
fn fill(item: &mut Value, target: &str, source: &str) {
    let Some(Value::Object(given)) = item.get(source).cloned() else { return };
    for (name, value) in given {
        meta::set_default(meta::child(item, target), &name, value);
    }
}
