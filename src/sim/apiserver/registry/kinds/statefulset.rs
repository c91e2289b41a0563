//! StatefulSet: Pods with names and volumes of their own, kept by the statefulset controller.
//! Source: `pkg/apis/apps/v1/defaults.go` and `pkg/registry/apps/statefulset/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells;
use super::filling::{always, each, is_zero, part, reset_status, zero};
use super::pod_spec;
use crate::object::meta;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, SCALE, STATUS, Table, column, wide};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `apps/v1 StatefulSet`.
pub static STATEFULSET: Resource = Resource {
    group: "apps",
    version: "v1",
    kind: "StatefulSet",
    plural: "statefulsets",
    singular: "statefulset",
    short_names: &["sts"],
    categories: &["all"],
    namespaced: true,
    verbs: ALL_VERBS,
    subresources: &[SCALE, STATUS],
    strategy: Strategy {
        defaults,
        prepare_create: |set| reset_status(set, json!({ "replicas": 0, "availableReplicas": 0 })),
        generation: true,
        ..Strategy::PLAIN
    },
    table: Table { columns: &[NAME, column("Ready"), AGE, wide("Containers"), wide("Images")], row },
    stored_as: None,
};

fn defaults(set: &mut Value) {
    let spec = meta::child(set, "spec");
    zero(spec, "podManagementPolicy", "OrderedReady");
    let strategy = meta::child(spec, "updateStrategy");
    if is_zero(strategy.get("type")) {
        strategy["type"] = json!("RollingUpdate");
        meta::child(strategy, "rollingUpdate");
    }
    if meta::text(strategy, "/type") == "RollingUpdate" {
        part(strategy, "rollingUpdate", |rolling| meta::set_default(rolling, "partition", 0));
    }
    let retention = meta::child(spec, "persistentVolumeClaimRetentionPolicy");
    zero(retention, "whenDeleted", "Retain");
    zero(retention, "whenScaled", "Retain");
    meta::set_default(spec, "replicas", 1);
    meta::set_default(spec, "revisionHistoryLimit", 10);
    pod_spec::defaults::template(spec, "template");
    each(spec, "volumeClaimTemplates", claim_template);
}

fn claim_template(claim: &mut Value) {
    zero(claim, "kind", "PersistentVolumeClaim");
    zero(claim, "apiVersion", "v1");
    always(claim, "metadata");
    pod_spec::defaults::claim_spec(meta::child(claim, "spec"));
    zero(meta::child(claim, "status"), "phase", "Pending");
}

fn row(set: &Value, now: Timestamp) -> Vec<Value> {
    let (names, images) = cells::containers(set.pointer("/spec/template/spec"));
    let number = |pointer: &str| meta::number(set, pointer).unwrap_or_default();
    vec![
        cells::name(set),
        json!(format!("{}/{}", number("/status/readyReplicas"), number("/spec/replicas"))),
        age(set, now),
        names,
        images,
    ]
}
