//! What every PodSpec must be: the order of its checks, and those of its plain fields.
//! Containers, volumes, affinity and so on stand beside it. Source: `pkg/apis/core/validation/validation.go`, ValidatePodSpec.

use serde_json::{Value, json};

use super::super::at::At;
use super::super::check;
use super::{affinity, app_armor, containers, env, resources, security, spread, volumes};
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::names;

/// What the checks of one part must know of the rest of the spec.
#[derive(Clone, Copy)]
pub struct Context<'v> {
    pub spec: &'v Value,
}

/// Checks a PodSpec.
pub fn pod_spec(spec: At<'_, '_>, errors: &mut ErrorList) {
    let context = Context { spec: spec.value() };
    let grace = spec.key("terminationGracePeriodSeconds");
    if !grace.is_set() {
        grace.required(errors);
    }
    volumes::volumes(spec.key("volumes"), errors);
    resources::claims(spec.key("resourceClaims"), errors);
    containers::all(spec, context, errors);
    resources::of_pod(spec, errors);
    if spec.key("hostNetwork").truth() {
        containers::host_ports(spec, errors);
    }
    spec.key("restartPolicy").one_of(&["Always", "OnFailure", "Never"], errors);
    dns_policy(spec.key("dnsPolicy"), errors);
    check::labels(spec.key("nodeSelector"), errors);
    security::of_pod(spec, errors);
    affinity::affinity(spec.key("affinity"), errors);
    dns_config(spec, errors);
    let gates = spec.key("readinessGates");
    for gate in gates.items() {
        check::qualified(gate.key("conditionType"), errors);
    }
    scheduling_gates(spec.key("schedulingGates"), errors);
    spread::constraints(spec.key("topologySpreadConstraints"), errors);
    security::host_process(spec, errors);
    other_hostname(spec, errors);
    plain_names(spec, errors);
    spread::tolerations(spec.key("tolerations"), errors);
    host_aliases(spec.key("hostAliases"), errors);
    for name in ["priorityClassName", "runtimeClassName"] {
        let class = spec.key(name);
        if class.is_set() && (name == "runtimeClassName" || !class.text().is_empty()) {
            check::subdomain(class, errors);
        }
    }
    spec.key("preemptionPolicy").one_of_if_set(&["PreemptLowerPriority", "Never"], errors);
    security::os(spec, errors);
    env::file_volumes(spec, errors);
}

fn dns_policy(policy: At<'_, '_>, errors: &mut ErrorList) {
    policy.one_of(&["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"], errors);
}

fn dns_config(spec: At<'_, '_>, errors: &mut ErrorList) {
    let config = spec.key("dnsConfig");
    let servers = config.key("nameservers");
    if spec.key("dnsPolicy").text() == "None" {
        if !config.is_set() {
            return config.required_because("must provide `dnsConfig` when `dnsPolicy` is None", errors);
        }
        if servers.list().is_empty() {
            let why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            return servers.required_because(why, errors);
        }
    }
    if servers.list().len() > 3 {
        servers.invalid("must not have more than 3 nameservers", errors);
    }
    for server in servers.items() {
        check::ip(server, errors);
    }
    let searches = config.key("searches");
    if searches.list().len() > 32 {
        searches.invalid("must not have more than 32 search paths", errors);
    }
    for search in searches.items() {
        if search.text() != "." {
            search.invalid_each(names::subdomain_with_underscore(search.text().trim_end_matches('.')), errors);
        }
    }
    let options = config.key("options");
    for option in options.items() {
        if option.key("name").is_empty() {
            option.required_because("must not be empty", errors);
        }
    }
}

fn scheduling_gates(gates: At<'_, '_>, errors: &mut ErrorList) {
    let mut seen = Vec::new();
    for gate in gates.items() {
        let name = gate.key("name").text();
        for why in names::qualified(name) {
            errors.invalid(gate.path(), name, why);
        }
        if seen.contains(&name) {
            errors.duplicate(gate.path(), name);
        }
        seen.push(name);
    }
}

fn plain_names(spec: At<'_, '_>, errors: &mut ErrorList) {
    for name in ["serviceAccountName", "nodeName"] {
        let name = spec.key(name);
        if !name.is_empty() {
            check::subdomain(name, errors);
        }
    }
    let deadline = spec.key("activeDeadlineSeconds");
    if deadline.number().is_some_and(|seconds| !(1..=i64::from(i32::MAX)).contains(&seconds)) {
        deadline.invalid("must be between 1 and 2147483647, inclusive", errors);
    }
    for name in ["hostname", "subdomain"] {
        let name = spec.key(name);
        if !name.is_empty() {
            check::dns_label(name, errors);
        }
    }
}

/// A host name that is neither the Pod's nor its domain's (validatePodHostName).
fn other_hostname(spec: At<'_, '_>, errors: &mut ErrorList) {
    let name = spec.key("hostnameOverride");
    if !name.is_set() {
        return;
    }
    for other in ["setHostnameAsFQDN", "hostNetwork"] {
        if spec.key(other).truth() {
            name.forbidden(format!("may not be specified when {other} is true"), errors);
        }
    }
    if name.text().len() > 64 {
        errors.too_long(name.path(), 64);
    }
    check::subdomain(name, errors);
}

fn host_aliases(aliases: At<'_, '_>, errors: &mut ErrorList) {
    for alias in aliases.items() {
        check::ip(alias.key("ip"), errors);
        let hosts = alias.key("hostnames");
        for host in hosts.items() {
            check::subdomain(host, errors);
        }
    }
}

/// What only Pods must be, and templates need not.
pub fn pod(spec: At<'_, '_>, errors: &mut ErrorList) {
    for list in ["containers", "initContainers"] {
        let containers = spec.key(list);
        for container in containers.items() {
            let image = container.key("image");
            if !image.is_empty() && image.text().trim() != image.text() {
                image.invalid("must not have leading or trailing whitespace", errors);
            }
        }
    }
}

/// What only new Pods must be.
pub fn new_pod(spec: At<'_, '_>, errors: &mut ErrorList) {
    let ephemeral = spec.key("ephemeralContainers");
    if !ephemeral.is_empty() {
        ephemeral.forbidden("cannot be set on create", errors);
    }
    let node = spec.key("nodeName");
    if !node.is_empty() && !spec.key("schedulingGates").is_empty() {
        node.forbidden("cannot be set until all schedulingGates have been cleared", errors);
    }
}

/// Checks a template of a workload: labels that the selector selects, and the spec.
pub fn template(template: At<'_, '_>, errors: &mut ErrorList) {
    let metadata = template.key("metadata");
    let labels = format!("{}.labels", template.path());
    names::labels(metadata.value().get("labels"), &labels, errors);
    let annotations = format!("{}.annotations", template.path());
    for (key, _) in metadata.key("annotations").entries() {
        for why in names::qualified(&key.to_lowercase()) {
            errors.invalid(annotations.as_str(), key, why);
        }
    }
    app_armor::annotations(metadata.key("annotations"), &annotations, template.key("spec").value(), errors);
    pod_spec(template.key("spec"), errors);
    app_armor::agree(metadata, template.key("spec"), errors);
    let ephemeral = template.key("spec");
    if !ephemeral.key("ephemeralContainers").is_empty() {
        ephemeral.key("ephemeralContainers").forbidden("ephemeral containers not allowed in pod template", errors);
    }
}

/// The labels of a template, null where there are none.
pub fn labels_of(template: At<'_, '_>) -> Value {
    template.value().pointer("/metadata/labels").filter(|labels| labels.is_object()).cloned().unwrap_or(json!(null))
}
