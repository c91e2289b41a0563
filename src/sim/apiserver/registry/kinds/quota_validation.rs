//! What ResourceQuotas and LimitRanges must be.
//! Source: `pkg/apis/core/validation/validation.go`, ValidateResourceQuotaSpec, ValidateLimitRange.

use std::collections::BTreeSet;

use serde_json::Value;

use super::at::At;
use super::pod_spec::resources::{amount, container_resource_name, quantity, resource_name};
use crate::object::quantity::Quantity;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::names;

const COUNTED: [&str; 19] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "persistentvolumeclaims",
    "configmaps",
    "services.nodeports",
    "services.loadbalancers",
];

const SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];

fn is_counted(name: &str) -> bool {
    COUNTED.contains(&name) || name.starts_with("hugepages-") || name.starts_with("requests.hugepages-")
}

/// Whether a quota of this scope can limit this resource.
fn fits(scope: &str, name: &str) -> bool {
    let computes = ["cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
    match scope {
        "BestEffort" => name == "pods",
        "Terminating" | "NotTerminating" | "NotBestEffort" | "PriorityClass" | "CrossNamespacePodAffinity" => {
            name == "pods" || computes.contains(&name)
        }
        "VolumeAttributesClass" => matches!(name, "persistentvolumeclaims" | "requests.storage"),
        _ => true,
    }
}

/// Checks a ResourceQuota.
pub fn quota(quota: &Value, errors: &mut ErrorList) {
    let root = At::root(quota);
    let spec = root.key("spec");
    let hard = spec.key("hard");
    for (name, limit) in hard.entries() {
        resource_name(limit, name, errors);
        if !name.contains('/') && !is_counted(name) {
            errors.invalid(limit.path(), name, "must be a standard resource for quota");
        }
        amount(limit, name, errors);
    }
    let scopes = spec.key("scopes");
    let given: Vec<&str> = scopes.list().iter().filter_map(Value::as_str).collect();
    for scope in &given {
        if !SCOPES.contains(scope) {
            scopes.invalid("unsupported scope", errors);
        }
        for (name, _) in hard.entries() {
            if is_counted(name) && !fits(scope, name) {
                scopes.invalid("unsupported scope applied to resource", errors);
            }
        }
    }
    for pair in [["BestEffort", "NotBestEffort"], ["NotTerminating", "Terminating"]] {
        if pair.iter().all(|scope| given.contains(scope)) {
            scopes.invalid("conflicting scopes", errors);
        }
    }
    scope_selector(spec, errors);
}

fn scope_selector(spec: At<'_, '_>, errors: &mut ErrorList) {
    let selector = spec.key("scopeSelector");
    let expressions = selector.key("matchExpressions");
    // Upstream leaves the index out.
    let field = |name: &str| format!("{}.{name}", expressions.path());
    for expression in expressions.items() {
        let (scope, operator) = (expression.key("scopeName").text(), expression.key("operator").text());
        let values = expression.key("values");
        if !SCOPES.contains(&scope) {
            errors.invalid(field("scopeName"), scope, "unsupported scope");
        }
        for (name, _) in spec.key("hard").entries() {
            if is_counted(name) && !fits(scope, name) {
                let why = "unsupported scope applied to resource";
                errors.invalid(expressions.path(), selector.value().clone(), why);
            }
        }
        if !matches!(scope, "PriorityClass" | "VolumeAttributesClass")
            && SCOPES.contains(&scope)
            && operator != "Exists"
        {
            let why = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
            errors.invalid(field("operator"), operator, why);
        }
        match operator {
            "In" | "NotIn" if values.list().is_empty() => errors.required(
                field("values"),
                "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
            ),
            "Exists" | "DoesNotExist" if !values.list().is_empty() => errors.invalid(
                field("values"),
                values.value().clone(),
                "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
            ),
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => errors.invalid(field("operator"), operator, "not a valid selector operator"),
        }
    }
}

/// The scopes of a quota stay.
pub fn quota_update(new: &Value, old: &Value, errors: &mut ErrorList) {
    let set = |quota: &Value| -> BTreeSet<String> {
        quota["spec"]["scopes"].as_array().into_iter().flatten().map(ToString::to_string).collect()
    };
    if set(new) != set(old) {
        errors.immutable("spec.scopes", new["spec"]["scopes"].clone());
    }
}

/// Checks a LimitRange.
pub fn limit_range(range: &Value, errors: &mut ErrorList) {
    let root = At::root(range);
    let spec = root.key("spec");
    let limits = spec.key("limits");
    let mut types: Vec<&str> = Vec::new();
    for limit in limits.items() {
        let kind = limit.key("type");
        type_name(kind, errors);
        if types.contains(&kind.text()) {
            kind.duplicate(errors);
        }
        types.push(kind.text());
        let named = resources(limit, errors);
        if kind.text() == "PersistentVolumeClaim"
            && !limit.key("min").key("storage").is_set()
            && !limit.key("max").key("storage").is_set()
        {
            let why = "either minimum or maximum storage value is required, but neither was provided";
            errors.required(limit.key("limits").path(), why);
        }
        for name in named {
            bounds(limit, name, errors);
        }
    }
}

fn type_name(kind: At<'_, '_>, errors: &mut ErrorList) {
    let wrong = names::qualified(kind.text());
    if !wrong.is_empty() {
        return kind.invalid_each(wrong, errors);
    }
    let name = kind.text();
    if !name.contains('/') && !matches!(name, "Pod" | "Container" | "PersistentVolumeClaim") {
        kind.invalid("must be a standard limit type or fully qualified", errors);
    }
}

/// Checks the names of the resources of a limit, and gives them.
fn resources<'v>(limit: At<'v, '_>, errors: &mut ErrorList) -> BTreeSet<&'v str> {
    let kind = limit.key("type").text();
    let mut named = BTreeSet::new();
    for list in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
        let bound = limit.key(list);
        if kind == "Pod" && list.starts_with("default") {
            if !bound.is_empty() {
                bound.forbidden("may not be specified when `type` is 'Pod'", errors);
            }
            continue;
        }
        for (name, at) in bound.entries() {
            if matches!(kind, "Pod" | "Container") {
                container_resource_name(at, name, errors);
            } else {
                resource_name(at, name, errors);
            }
            named.insert(name);
        }
    }
    named
}

fn bounds(limit: At<'_, '_>, name: &str, errors: &mut ErrorList) {
    let find = |list: &str| {
        let found = limit.key(list).value().get(name).map(quantity);
        if limit.key("type").text() == "Pod" && list.starts_with("default") { None } else { found }
    };
    let (least, most, ratio) = (find("min"), find("max"), find("maxLimitRequestRatio"));
    let (request, default) = (find("defaultRequest"), find("default"));
    let mut above =
        |high: Option<Quantity>, low: Option<Quantity>, list: &str, shown: Option<Quantity>, words: [&str; 2]| {
            if let (Some(high), Some(low), Some(shown)) = (high, low, shown)
                && high > low
            {
                let why = format!("{} value {high} is greater than {} value {low}", words[0], words[1]);
                errors.invalid(format!("{}.{list}[{name}]", limit.path()), shown.to_string(), why);
            }
        };
    above(least, most, "min", least, ["min", "max"]);
    above(least, request, "defaultRequest", request, ["min", "default request"]);
    above(request, most, "defaultRequest", request, ["default request", "max"]);
    above(request, default, "defaultRequest", request, ["default request", "default limit"]);
    above(least, default, "default", least, ["min", "default"]);
    above(default, most, "default", most, ["default", "max"]);
    let Some(ratio) = ratio else { return };
    let mut unfit = |why: String| {
        errors.invalid(format!("{}.maxLimitRequestRatio[{name}]", limit.path()), ratio.to_string(), why);
    };
    if ratio < Quantity::from_value(1) {
        unfit(format!("ratio {ratio} is less than 1"));
    }
    if let (Some(least), Some(most)) = (least.filter(|least| *least > Quantity::default()), most) {
        let widest = most.as_f64() / least.as_f64();
        if ratio.as_f64() > widest {
            unfit(format!("ratio {ratio} is greater than max/min = {widest:.6}"));
        }
    }
}
