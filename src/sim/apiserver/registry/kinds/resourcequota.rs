//! ResourceQuota: how much a namespace may use; the quota controller counts, admission refuses.
//! Source: `pkg/registry/core/resourcequota/strategy.go` and `pkg/printers/internalversion/printers.go`, printResourceQuota.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells;
use super::filling::reset_status;
use super::quota_validation;
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `v1 ResourceQuota`.
pub static RESOURCEQUOTA: Resource = Resource {
    group: "",
    version: "v1",
    kind: "ResourceQuota",
    plural: "resourcequotas",
    singular: "resourcequota",
    short_names: &["quota"],
    categories: &[],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy {
        prepare_create: |quota| reset_status(quota, json!({})),
        validate: quota_validation::quota,
        validate_update: quota_validation::quota_update,
        ..Strategy::PLAIN
    },
    table: Table { columns: &[NAME, column("Request"), column("Limit"), AGE], row },
    stored_as: None,
};

fn row(quota: &Value, now: Timestamp) -> Vec<Value> {
    let mut hard: Vec<(&String, &Value)> = meta::map(quota, "/status/hard").into_iter().flatten().collect();
    hard.sort_by_key(|(name, _)| *name);
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    for (name, limit) in hard {
        let used = quota.pointer("/status/used").and_then(|used| used.get(name)).and_then(Value::as_str).unwrap_or("0");
        let text = format!("{name}: {used}/{}", limit.as_str().unwrap_or("0"));
        if name.starts_with("limits.") { limits.push(text) } else { requests.push(text) }
    }
    vec![cells::name(quota), json!(requests.join(", ")), json!(limits.join(", ")), age(quota, now)]
}
