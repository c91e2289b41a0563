//! What a HorizontalPodAutoscaler must be.
//! Source: `pkg/apis/autoscaling/validation/validation.go`.

use serde_json::Value;

use super::at::At;
use super::check;
use super::pod_spec::resources::{container_resource_name, quantity};
use crate::object::quantity::Quantity;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::names;
use crate::sim::apiserver::registry::strategy::NameRule;

const TYPES: [&str; 5] = ["ContainerResource", "External", "Object", "Pods", "Resource"];

/// Checks a HorizontalPodAutoscaler.
pub fn validate(scaler: &Value, errors: &mut ErrorList) {
    let root = At::root(scaler);
    let spec = root.key("spec");
    let (least, most) = (spec.key("minReplicas"), spec.key("maxReplicas"));
    if least.number().is_some_and(|count| count < 1) {
        least.invalid("must be greater than or equal to 1", errors);
    }
    if most.count() < 1 {
        errors.invalid(most.path(), most.count(), "must be greater than 0");
    }
    if least.number().is_some_and(|least| most.count() < least) {
        errors.invalid(most.path(), most.count(), "must be greater than or equal to `minReplicas`");
    }
    let target = spec.key("scaleTargetRef");
    // The one kind of the core group that scales (`pkg/registry/autoscaling/horizontalpodautoscaler/strategy.go`).
    reference(target, target.key("kind").text() != "ReplicationController", errors);
    let metrics = spec.key("metrics");
    let mut outside = false;
    for metric in metrics.items() {
        self::metric(metric, errors);
        outside |= matches!(metric.key("type").text(), "Object" | "External");
    }
    if least.number() == Some(0) && !outside {
        let why = "must specify at least one Object or External metric to support scaling to zero replicas";
        metrics.forbidden(why, errors);
    }
    let behavior = spec.key("behavior");
    for direction in ["scaleUp", "scaleDown"] {
        rules(behavior.key(direction), errors);
    }
}

fn reference(reference: At<'_, '_>, needs_group: bool, errors: &mut ErrorList) {
    for field in ["kind", "name"] {
        let field = reference.key(field);
        if field.is_empty() {
            field.required(errors);
        } else {
            field.invalid_each(names::name(NameRule::PathSegment, field.text()), errors);
        }
    }
    let version = reference.key("apiVersion");
    match version.text().matches('/').count() {
        0 if needs_group => version.invalid_text("apiVersion must specify API group", errors),
        0 | 1 => {}
        _ => version.invalid_text(format!("unexpected GroupVersion string: {}", version.text()), errors),
    }
}

fn metric(metric: At<'_, '_>, errors: &mut ErrorList) {
    let kind = metric.key("type");
    if kind.is_empty() {
        kind.required_because("must specify a metric source type", errors);
    }
    kind.one_of(&TYPES, errors);
    let mut given: Vec<&str> = Vec::new();
    for source in ["object", "external", "pods", "resource", "containerResource"] {
        let at = metric.key(source);
        if at.is_set() {
            given.push(source);
            if given.len() == 1 {
                self::source(source, at, errors);
            }
        }
    }
    let expected = match kind.text() {
        "Object" => "object",
        "Pods" => "pods",
        "Resource" => "resource",
        "External" => "external",
        "ContainerResource" => "containerResource",
        _ => {
            kind.one_of(&TYPES, errors);
            ""
        }
    };
    if !expected.is_empty() && !given.contains(&expected) {
        let why = "must populate information for the given metric source";
        metric.key(expected).required_because(why, errors);
    }
    if given.len() != 1 {
        for other in given.iter().filter(|other| **other != expected) {
            metric.key(other).forbidden("must populate the given metric source only", errors);
        }
    }
}

fn source(kind: &str, source: At<'_, '_>, errors: &mut ErrorList) {
    if kind == "object" {
        reference(source.key("describedObject"), false, errors);
    }
    if matches!(kind, "object" | "external" | "pods") {
        let metric = source.key("metric");
        let name = metric.key("name");
        if name.is_empty() {
            name.required_because("must specify a metric name", errors);
        } else {
            name.invalid_each(names::name(NameRule::PathSegment, name.text()), errors);
        }
    } else {
        let name = source.key("name");
        if name.is_empty() {
            name.required_because("must specify a resource name", errors);
        } else if kind == "containerResource" {
            container_resource_name(name, name.text(), errors);
        }
        let container = source.key("container");
        if kind == "containerResource" && container.is_empty() {
            container.required_because("must specify a container", errors);
        } else if kind == "containerResource" {
            check::dns_label(container, errors);
        }
    }
    target(source.key("target"), errors);
    needs(kind, source.key("target"), errors);
}

fn target(target: At<'_, '_>, errors: &mut ErrorList) {
    let kind = target.key("type");
    if kind.is_empty() {
        kind.required_because("must specify a metric target type", errors);
    }
    if !matches!(kind.text(), "Utilization" | "Value" | "AverageValue") {
        kind.invalid_text("must be either Utilization, Value, or AverageValue", errors);
    }
    for field in ["value", "averageValue"] {
        let field = target.key(field);
        if field.is_set() && quantity(field.value()) <= Quantity::ZERO {
            field.invalid("must be positive", errors);
        }
    }
    let utilization = target.key("averageUtilization");
    if utilization.number().is_some_and(|percent| percent < 1) {
        utilization.invalid("must be greater than 0", errors);
    }
}

/// Which values a kind of metric needs, and which exclude each other.
fn needs(kind: &str, target: At<'_, '_>, errors: &mut ErrorList) {
    let (value, average) = (target.key("value"), target.key("averageValue"));
    let utilization = target.key("averageUtilization");
    match kind {
        "pods" if !average.is_set() => {
            average.required_because("must specify a positive target averageValue", errors);
        }
        "object" if !value.is_set() && !average.is_set() => {
            average.required_because("must set either a target value or averageValue", errors);
        }
        "external" if !value.is_set() && !average.is_set() => {
            average.required_because("must set either a target value for metric or a per-pod target", errors);
        }
        "external" if value.is_set() && average.is_set() => {
            value.forbidden("may not set both a target value for metric and a per-pod target", errors);
        }
        "resource" | "containerResource" if !utilization.is_set() && !average.is_set() => {
            utilization.required_because("must set either a target raw value or a target utilization", errors);
        }
        "resource" | "containerResource" if utilization.is_set() && average.is_set() => {
            average.forbidden("may not set both a target raw value and a target utilization", errors);
        }
        _ => {}
    }
}

fn rules(rules: At<'_, '_>, errors: &mut ErrorList) {
    if !rules.is_set() {
        return;
    }
    let window = rules.key("stabilizationWindowSeconds");
    if window.count() < 0 {
        window.invalid("must be greater than or equal to zero", errors);
    }
    if window.count() > 3600 {
        window.invalid("must be less than or equal to 3600", errors);
    }
    rules.key("selectPolicy").one_of_if_set(&["Disabled", "Max", "Min"], errors);
    let policies = rules.key("policies");
    if policies.list().is_empty() {
        policies.required_because("must specify at least one Policy", errors);
    }
    for policy in policies.items() {
        let (value, period) = (policy.key("value"), policy.key("periodSeconds"));
        policy.key("type").one_of(&["Percent", "Pods"], errors);
        for number in [value, period] {
            if number.count() <= 0 {
                errors.invalid(number.path(), number.count(), "must be greater than zero");
            }
        }
        if period.count() > 1800 {
            period.invalid("must be less than or equal to 1800", errors);
        }
    }
    let tolerance = rules.key("tolerance");
    if quantity(tolerance.value()) < Quantity::ZERO {
        tolerance.invalid(check::NOT_NEGATIVE, errors);
    }
}
