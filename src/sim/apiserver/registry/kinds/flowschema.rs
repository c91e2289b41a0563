//! FlowSchema: which requests get which priority level. Kept, not applied: this cluster queues nothing.
//! Source: `pkg/apis/flowcontrol/v1/defaults.go`, `pkg/apis/flowcontrol/validation/validation.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::at::At;
use super::cells::{self, NONE};
use super::filling::{reset_status, zero};
use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::duration::age;
use crate::sim::apiserver::registry::resource::{AGE, ALL_VERBS, NAME, Resource, STATUS, Table, column};
use crate::sim::apiserver::registry::strategy::Strategy;

/// `flowcontrol.apiserver.k8s.io/v1 FlowSchema`.
pub static FLOWSCHEMA: Resource = Resource {
    group: "flowcontrol.apiserver.k8s.io",
    version: "v1",
    kind: "FlowSchema",
    plural: "flowschemas",
    singular: "flowschema",
    short_names: &[],
    categories: &[],
    namespaced: false,
    verbs: ALL_VERBS,
    subresources: &[STATUS],
    strategy: Strategy {
        defaults: |schema| zero(meta::child(schema, "spec"), "matchingPrecedence", 1000),
        prepare_create: |schema| reset_status(schema, json!({})),
        generation: true,
        validate,
        ..Strategy::PLAIN
    },
    table: Table {
        columns: &[
            NAME,
            column("PriorityLevel"),
            column("MatchingPrecedence"),
            column("DistinguisherMethod"),
            AGE,
            column("MissingPL"),
        ],
        row,
    },
    stored_as: None,
};

fn row(schema: &Value, now: Timestamp) -> Vec<Value> {
    let dangling =
        meta::list(schema, "/status/conditions").iter().find(|condition| meta::text(condition, "/type") == "Dangling");
    vec![
        cells::name(schema),
        cells::text(schema, "/spec/priorityLevelConfiguration/name"),
        cells::count(schema, "/spec/matchingPrecedence"),
        cells::text_or(schema, "/spec/distinguisherMethod/type", NONE),
        age(schema, now),
        json!(dangling.map_or("?", |condition| meta::text(condition, "/status"))),
    ]
}

fn validate(schema: &Value, errors: &mut ErrorList) {
    let root = At::root(schema);
    let spec = root.key("spec");
    let precedence = spec.key("matchingPrecedence");
    if precedence.count() <= 0 {
        precedence.invalid("must be a positive value", errors);
    }
    if precedence.count() > 10_000 {
        precedence.invalid("must not be greater than 10000", errors);
    }
    let method = spec.key("distinguisherMethod");
    if method.is_set() && !matches!(method.key("type").text(), "ByNamespace" | "ByUser") {
        let shown = json!({ "Type": method.key("type").text() });
        errors.not_supported(method.key("type").path(), shown, &["ByNamespace", "ByUser"]);
    }
    let level = spec.key("priorityLevelConfiguration");
    if level.key("name").is_empty() {
        level.key("name").required_because("must reference a priority level", errors);
    }
    let rules = spec.key("rules");
    for rule in rules.items() {
        some(rule.key("subjects"), "subjects must contain at least one value", errors);
        if rule.key("resourceRules").is_empty() && rule.key("nonResourceRules").is_empty() {
            rule.required_because("at least one of resourceRules and nonResourceRules has to be non-empty", errors);
        }
        rule.key("resourceRules").items().for_each(|one| resource_rule(one, errors));
        for one in rule.key("nonResourceRules").items() {
            some(one.key("verbs"), "verbs must contain at least one value", errors);
            some(one.key("nonResourceURLs"), "nonResourceURLs must contain at least one value", errors);
        }
    }
}

fn some(list: At<'_, '_>, why: &str, errors: &mut ErrorList) {
    if list.is_empty() {
        list.required_because(why, errors);
    }
}

fn resource_rule(rule: At<'_, '_>, errors: &mut ErrorList) {
    some(rule.key("verbs"), "verbs must contain at least one value", errors);
    some(rule.key("apiGroups"), "resource rules must supply at least one api group", errors);
    some(rule.key("resources"), "resource rules must supply at least one resource", errors);
    if !rule.key("clusterScope").truth() {
        let why = "resource rules that are not cluster scoped must supply at least one namespace";
        some(rule.key("namespaces"), why, errors);
    }
}
