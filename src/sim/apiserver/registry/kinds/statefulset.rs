//! StatefulSet: Pods with names and volumes of their own, kept by the statefulset controller.
//! Source: `pkg/apis/apps/v1/defaults.go` and `pkg/registry/apps/statefulset/strategy.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::{At, go};
use super::cells;
use super::check;
use super::filling::{always, each, is_zero, part, reset_status, zero};
use super::persistentvolumeclaim;
use super::pod_spec;
use super::workload;
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::names;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, SCALE, STATUS, Table, column, wide};
use crate::sim::apiserver::registry::strategy::{NameRule, Strategy};

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
        name: NameRule::Label,
        validate,
        validate_update,
        warnings,
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
    // How many may be away at once is behind a gate that is closed, and what is behind it goes.
    part(spec, "updateStrategy", |strategy| {
        part(strategy, "rollingUpdate", |rolling| drop(meta::remove(rolling, "maxUnavailable")));
    });
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

fn validate(set: &Value, errors: &mut ErrorList) {
    let root = At::root(set);
    let spec = root.key("spec");
    let management = spec.key("podManagementPolicy");
    if !matches!(management.text(), "OrderedReady" | "Parallel") {
        management.invalid("must be 'OrderedReady' or 'Parallel'", errors);
    }
    strategy(spec.key("updateStrategy"), errors);
    let retention = spec.key("persistentVolumeClaimRetentionPolicy");
    for when in ["whenDeleted", "whenScaled"] {
        retention.key(when).one_of(&["Retain", "Delete"], errors);
    }
    let claims = spec.key("volumeClaimTemplates");
    for claim in claims.items() {
        persistentvolumeclaim::claim_spec(claim.key("spec"), errors);
    }
    check::not_negative(spec.key("replicas"), errors);
    check::not_negative(spec.key("minReadySeconds"), errors);
    let ordinals = spec.key("ordinals");
    check::not_negative(ordinals.key("start"), errors);
    let service = spec.key("serviceName");
    if !service.is_empty() {
        check::dns_label(service, errors);
    }
    let selector = workload::selector(spec, "statefulset", "", errors);
    let template = spec.key("template");
    if let Some(selector) = selector {
        let known = with_claims(spec.value());
        let root = At::root(&known);
        let spec = root.key("spec");
        workload::selects(&selector, spec.key("template"), errors);
        pod_spec::validation::template(spec.key("template"), errors);
        names::labels(template.value().pointer("/metadata/labels"), &format!("{}.labels", template.path()), errors);
    }
    workload::runs_for_ever(template, "StatefulSet", errors);
}

/// The object with a volume in its template for each claim it makes, as its Pods will have.
fn with_claims(spec: &Value) -> Value {
    let mut spec = spec.clone();
    let names: Vec<Value> =
        meta::list(&spec, "/volumeClaimTemplates").iter().map(|claim| json!(meta::name(claim))).collect();
    if !names.is_empty() {
        let pod = meta::child(meta::child(&mut spec, "template"), "spec");
        let mut volumes: Vec<Value> =
            names.iter().map(|name| json!({ "name": name, "persistentVolumeClaim": { "claimName": name } })).collect();
        let own = meta::list(pod, "/volumes").iter().filter(|volume| !names.contains(&volume["name"])).cloned();
        volumes.extend(own);
        pod["volumes"] = Value::Array(volumes);
    }
    json!({ "spec": spec })
}

fn strategy(strategy: At<'_, '_>, errors: &mut ErrorList) {
    let rolling = strategy.key("rollingUpdate");
    match strategy.key("type").text() {
        "OnDelete" if rolling.is_set() => {
            let shown = go(rolling.value(), &[("Partition", "partition"), ("MaxUnavailable", "maxUnavailable")]);
            errors.invalid(rolling.path(), shown, "only allowed for updateStrategy 'RollingUpdate'");
        }
        "OnDelete" => {}
        "RollingUpdate" => {
            check::not_negative(rolling.key("partition"), errors);
            let unavailable = rolling.key("maxUnavailable");
            if unavailable.is_set() {
                check::count_or_percent(unavailable, errors);
                if check::plain(unavailable) == 0 {
                    unavailable.invalid("cannot be 0", errors);
                }
                check::not_above_all(unavailable, errors);
            }
        }
        _ => {
            let mut shown = go(strategy.value(), &[("Type", "type"), ("RollingUpdate", "rollingUpdate")]);
            if rolling.is_set() {
                let names = [("Partition", "partition"), ("MaxUnavailable", "maxUnavailable")];
                shown["RollingUpdate"] = go(rolling.value(), &names);
            }
            errors.invalid(strategy.path(), shown, "must be 'RollingUpdate' or 'OnDelete'");
        }
    }
}

/// What may change after creation.
const CHANGEABLE: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

fn validate_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    let fixed = |set: &Value| {
        let mut spec = set["spec"].clone();
        for key in CHANGEABLE {
            meta::remove(&mut spec, key);
        }
        spec
    };
    if fixed(new) != fixed(old) {
        let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        errors.forbidden("spec", why);
    }
}

fn warnings(set: &Value) -> Vec<String> {
    let root = At::root(set);
    let spec = root.key("spec");
    let mut told = pod_spec::warnings::template(spec.key("template"));
    let claims = spec.key("volumeClaimTemplates");
    for claim in claims.items() {
        // Upstream leaves the claim's own `spec` out.
        told.extend(
            pod_spec::warnings::fractions(claim.key("spec").key("resources"), &["storage"])
                .iter()
                .map(|line| line.replacen("].spec.", "].", 1)),
        );
    }
    if spec.key("revisionHistoryLimit").count() < 0 {
        let why = "a negative value retains all historical revisions; a value >= 0 is recommended";
        told.push(format!("spec.revisionHistoryLimit: {why}"));
    }
    told
}
