//! What containers and Pods ask for: names of resources, requests below limits, claims of devices.
//! Source: `pkg/apis/core/validation/validation.go`, validateResourceRequirements; `pkg/apis/core/helper/helpers.go`.

use serde_json::Value;

use super::super::at::{At, go};
use super::super::check;
use super::validation::Context;
use crate::object::quantity::Quantity;
use crate::object::{meta, pod_resources};
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::names;

const STANDARD: [&str; 20] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "storage",
    "requests.storage",
    "services.nodeports",
    "services.loadbalancers",
];

const COUNTED: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];

fn is_huge(name: &str) -> bool {
    name.starts_with("hugepages-")
}

/// Whether it belongs to Kubernetes: no domain, or `kubernetes.io/`.
fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Whether a vendor's device plugin gives it, such as `example.com/gpu`.
pub fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.") && names::qualified(&format!("requests.{name}")).is_empty()
}

/// Whether only whole numbers of it can be had.
pub fn is_whole(name: &str) -> bool {
    COUNTED.contains(&name) || is_extended(name)
}

/// Whether limits may be above requests.
pub fn may_overcommit(name: &str) -> bool {
    is_native(name) && !is_huge(name)
}

/// A quantity that stands in an object; zero where it cannot be read.
pub fn quantity(value: &Value) -> Quantity {
    Quantity::of(value).unwrap_or(Quantity::ZERO)
}

/// The name of a resource: qualified, and standard where it has no domain.
pub fn resource_name(at: At<'_, '_>, name: &str, errors: &mut ErrorList) -> bool {
    let wrong = names::qualified(name);
    let fine = wrong.is_empty();
    for why in wrong {
        errors.invalid(at.path(), name, why);
    }
    let standard = STANDARD.contains(&name) || is_huge(name) || name.starts_with("requests.hugepages-");
    if fine && !name.contains('/') && !standard {
        errors.invalid(at.path(), name, "must be a standard resource type or fully qualified");
        return false;
    }
    fine
}

/// The name of a resource that containers can ask for.
pub fn container_resource_name(at: At<'_, '_>, name: &str, errors: &mut ErrorList) {
    resource_name(at, name, errors);
    if !name.contains('/') {
        if !matches!(name, "cpu" | "memory" | "ephemeral-storage") && !is_huge(name) {
            errors.invalid(at.path(), name, "must be a standard resource for containers");
        }
    } else if !is_native(name) && !is_extended(name) {
        errors.invalid(at.path(), name, "doesn't follow extended resource name standard");
    }
}

fn pod_resource_name(at: At<'_, '_>, name: &str, errors: &mut ErrorList) {
    if resource_name(at, name, errors) && !matches!(name, "cpu" | "memory") && !is_huge(name) {
        errors.not_supported(at.path(), name, &["cpu", "hugepages-", "memory"]);
    }
}

/// How much: not below zero, and whole where only whole numbers can be had.
pub fn amount(at: At<'_, '_>, name: &str, errors: &mut ErrorList) {
    let found = quantity(at.value());
    if found < Quantity::ZERO {
        errors.invalid(at.path(), found.to_string(), check::NOT_NEGATIVE);
    }
    if is_whole(name) && found.milli_value() % 1000 != 0 {
        errors.invalid(at.path(), found.to_string(), "must be an integer");
    }
}

/// `resources` of a container.
pub fn of_container(resources: At<'_, '_>, context: Context<'_>, errors: &mut ErrorList) {
    requirements(resources, container_resource_name, errors);
    claimed(resources.key("claims"), context, errors);
}

/// The claims of devices that are used are those the Pod has.
fn claimed(claims: At<'_, '_>, context: Context<'_>, errors: &mut ErrorList) {
    let known: Vec<&str> =
        meta::list(context.spec, "/resourceClaims").iter().map(|claim| meta::text(claim, "/name")).collect();
    for claim in claims.items() {
        let name = claim.key("name").text();
        if name.is_empty() {
            claim.required(errors);
        } else if !known.contains(&name) {
            let all = if known.is_empty() { " which is empty".to_owned() } else { format!(": {}", known.join(", ")) };
            errors.not_found_because(
                claim.path(),
                name,
                &format!("must be one of the names in pod.spec.resourceClaims{all}"),
            );
        }
    }
}

fn requirements(resources: At<'_, '_>, check_name: fn(At<'_, '_>, &str, &mut ErrorList), errors: &mut ErrorList) {
    let (limits, requests) = (resources.key("limits"), resources.key("requests"));
    let (mut huge, mut computes) = (false, false);
    for list in [limits, requests] {
        for (name, at) in list.entries() {
            check_name(at, name, errors);
            amount(at, name, errors);
            huge |= is_huge(name);
            computes |= matches!(name, "cpu" | "memory");
            if list.path() == requests.path() {
                request_within_limit(at, name, (requests, limits), errors);
            }
        }
    }
    if huge && !computes {
        resources.forbidden("HugePages require cpu or memory", errors);
    }
}

fn request_within_limit(
    request: At<'_, '_>,
    name: &str,
    (requests, limits): (At<'_, '_>, At<'_, '_>),
    errors: &mut ErrorList,
) {
    let limit = limits.entry(name);
    let asked = quantity(request.value());
    if !limit.is_set() {
        if !may_overcommit(name) {
            limits.required_because("Limit must be set for non overcommitable resources", errors);
        }
        return;
    }
    let limit = quantity(limit.value());
    if asked != limit && !may_overcommit(name) {
        errors.invalid(requests.path(), asked.to_string(), format!("must be equal to {name} limit of {limit}"));
    } else if asked > limit {
        let why = format!("must be less than or equal to {name} limit of {limit}");
        errors.invalid(requests.path(), asked.to_string(), why);
    }
}

/// `resources` of the Pod as a whole.
pub fn of_pod(spec: At<'_, '_>, errors: &mut ErrorList) {
    let resources = spec.key("resources");
    if !resources.is_set() {
        return;
    }
    let claims = resources.key("claims");
    if !claims.is_empty() {
        claims.forbidden("claims may not be set for Resources at pod-level", errors);
    }
    requirements(resources, pod_resource_name, errors);
    claimed(claims, Context { spec: spec.value() }, errors);
    consistent(spec, errors);
}

/// What the containers may use together with what the Pod may as a whole (validatePodResourceConsistency).
fn consistent(spec: At<'_, '_>, errors: &mut ErrorList) {
    let resources = spec.key("resources");
    for list in ["requests", "limits"] {
        let whole = resources.key(list);
        for (name, sum) in pod_resources::of_containers(spec.value(), list) {
            let found = whole.entry(&name);
            // Limits of other things may be overcommitted.
            let counts = list == "requests" || is_huge(&name);
            if counts && found.is_set() && sum > quantity(found.value()) {
                let why = format!("must be greater than or equal to aggregate container {list} of {sum}");
                errors.invalid(found.path(), quantity(found.value()).to_string(), why);
            }
        }
    }
    let whole = resources.key("limits");
    for (index, container) in meta::list(spec.value(), "/containers").iter().enumerate() {
        for (name, limit) in pod_resources::read(container.pointer("/resources/limits")) {
            let most = whole.entry(&name);
            if most.is_set() && limit > quantity(most.value()) {
                let why = format!("must be less than or equal to pod limits of {}", quantity(most.value()));
                let path = format!("{}.containers[{index}][{name}].limits", resources.path());
                errors.invalid(path, limit.to_string(), why);
            }
        }
    }
}

/// `resourceClaims` of a Pod.
pub fn claims(claims: At<'_, '_>, errors: &mut ErrorList) {
    let mut seen: Vec<&str> = Vec::new();
    for claim in claims.items() {
        let name = claim.key("name");
        if name.is_empty() {
            name.required(errors);
        } else if seen.contains(&name.text()) {
            name.duplicate(errors);
        } else {
            check::dns_label(name, errors);
        }
        seen.push(name.text());
        let sources = ["resourceClaimName", "resourceClaimTemplateName"];
        let given = sources.iter().filter(|source| claim.key(source).is_set()).count();
        let why = match given {
            0 => "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`",
            1 => continue,
            _ => "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified",
        };
        let shown = [
            ("Name", "name"),
            ("ResourceClaimName", "resourceClaimName"),
            ("ResourceClaimTemplateName", "resourceClaimTemplateName"),
        ];
        let mut value = go(claim.value(), &shown);
        value["Name"] = name.text().into();
        errors.invalid(claim.path(), value, why);
    }
}
