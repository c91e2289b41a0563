//! Containers, init containers and ephemeral containers: what each must be, and that names and host ports do not collide.
//! Source: `pkg/apis/core/validation/validation.go`, validateContainers, validateInitContainers, validateContainerPorts.

use super::super::at::At;
use super::super::check;
use super::validation::Context;
use super::{env, handlers, mounts, resources, security};
use crate::sim::apiserver::field::ErrorList;

/// All containers of a spec.
pub fn all(spec: At<'_, '_>, context: Context<'_>, errors: &mut ErrorList) {
    let containers = spec.key("containers");
    if containers.list().is_empty() {
        containers.required(errors);
    }
    let mut names: Vec<&str> = Vec::new();
    for container in containers.items() {
        common(container, context, errors);
        unique(container, &mut names, errors);
        handlers::lifecycle(container.key("lifecycle"), context, errors);
        handlers::probes(container, context, errors);
        restart_policy(container, errors);
    }
    ports_conflict(containers, &mut Vec::new(), errors);
    let init = spec.key("initContainers");
    for container in init.items() {
        common(container, context, errors);
        restart_policy(container, errors);
        unique(container, &mut names, errors);
        ports_conflict_in(container, &mut Vec::new(), errors);
        if container.key("restartPolicy").text() == "Always" {
            handlers::lifecycle(container.key("lifecycle"), context, errors);
            handlers::probes(container, context, errors);
        } else {
            for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
                let field = container.key(field);
                if field.is_set() {
                    field.forbidden("may not be set for init containers without restartPolicy=Always", errors);
                }
            }
        }
    }
    ephemeral(spec.key("ephemeralContainers"), context, &mut names, errors);
}

fn unique<'v>(container: At<'v, '_>, names: &mut Vec<&'v str>, errors: &mut ErrorList) {
    let name = container.key("name").text();
    if names.contains(&name) {
        errors.duplicate(format!("{}.name", container.path()), name);
    } else if !name.is_empty() {
        names.push(name);
    }
}

fn common(container: At<'_, '_>, context: Context<'_>, errors: &mut ErrorList) {
    let name = container.key("name");
    if name.is_empty() {
        name.required(errors);
    } else {
        check::dns_label(name, errors);
    }
    if container.key("image").is_empty() {
        container.key("image").required(errors);
    }
    container.key("terminationMessagePolicy").one_of(&["File", "FallbackToLogsOnError"], errors);
    ports(container.key("ports"), errors);
    env::variables(container.key("env"), errors);
    env::sources(container.key("envFrom"), errors);
    mounts::mounts(container, context, errors);
    mounts::devices(container, context, errors);
    container.key("imagePullPolicy").one_of(&["Always", "IfNotPresent", "Never"], errors);
    resources::of_container(container.key("resources"), context, errors);
    security::of_container(container.key("securityContext"), errors);
}

/// So many rules to start again there may be, and so many exit codes in one.
const MOST_RULES: usize = 20;
const MOST_CODES: usize = 255;

/// Whether it starts again by itself (validateContainerRestartPolicy).
fn restart_policy(container: At<'_, '_>, errors: &mut ErrorList) {
    let (policy, rules) = (container.key("restartPolicy"), container.key("restartPolicyRules"));
    if !policy.is_set() {
        if !rules.is_empty() {
            policy.required_because("must specify restartPolicy when restart rules are used", errors);
        }
        return;
    }
    policy.one_of(&["Always", "Never", "OnFailure"], errors);
    if rules.list().len() > MOST_RULES {
        errors.too_many(rules.path(), rules.list().len(), MOST_RULES);
    }
    for rule in rules.items() {
        rule.key("action").one_of(&["Restart"], errors);
        let codes = rule.key("exitCodes");
        if !codes.is_set() {
            codes.required_because("must be specified", errors);
            continue;
        }
        codes.key("operator").one_of(&["In", "NotIn"], errors);
        let values = codes.key("values");
        if values.list().len() > MOST_CODES {
            errors.too_many(values.path(), values.list().len(), MOST_CODES);
        }
    }
}

fn ports(ports: At<'_, '_>, errors: &mut ErrorList) {
    let mut names: Vec<&str> = Vec::new();
    for port in ports.items() {
        let name = port.key("name");
        if !name.is_empty() {
            let wrong = check::port_name(name.text());
            if !wrong.is_empty() {
                name.invalid_each(wrong, errors);
            } else if names.contains(&name.text()) {
                name.duplicate(errors);
            } else {
                names.push(name.text());
            }
        }
        let number = port.key("containerPort");
        if number.count() == 0 {
            number.required(errors);
        } else {
            check::port_number(number, errors);
        }
        let host = port.key("hostPort");
        if host.count() != 0 {
            check::port_number(host, errors);
        }
        let protocol = port.key("protocol");
        if protocol.is_empty() {
            protocol.required(errors);
        } else {
            protocol.one_of(&["SCTP", "TCP", "UDP"], errors);
        }
    }
}

fn ports_conflict(containers: At<'_, '_>, seen: &mut Vec<String>, errors: &mut ErrorList) {
    for container in containers.items() {
        ports_conflict_in(container, seen, errors);
    }
}

/// No two take the same port of the node.
fn ports_conflict_in(container: At<'_, '_>, seen: &mut Vec<String>, errors: &mut ErrorList) {
    let ports = container.key("ports");
    for port in ports.items() {
        let number = port.key("hostPort").count();
        if number == 0 {
            continue;
        }
        let taken = format!("{}/{}/{number}", port.key("protocol").text(), port.key("hostIP").text());
        if seen.contains(&taken) {
            errors.duplicate(port.key("hostPort").path(), taken);
        } else {
            seen.push(taken);
        }
    }
}

/// On the node's network a container's port is the node's. Templates may leave it out: Pods get it by default.
pub fn host_ports(spec: At<'_, '_>, errors: &mut ErrorList) {
    let containers = spec.key("containers");
    for container in containers.items() {
        let ports = container.key("ports");
        for port in ports.items() {
            let host = port.key("hostPort");
            if host.count() != 0 && host.count() != port.key("containerPort").count() {
                host.invalid("must match `containerPort` when `hostNetwork` is true", errors);
            }
        }
    }
}

/// Fields that ephemeral containers have not.
const NOT_EPHEMERAL: [&str; 6] = ["ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources"];

fn ephemeral<'v>(list: At<'v, '_>, context: Context<'_>, names: &mut Vec<&'v str>, errors: &mut ErrorList) {
    for container in list.items() {
        common(container, context, errors);
        unique(container, names, errors);
        let target = container.key("targetContainerName");
        let known = super::super::at::At::root(context.spec);
        let containers = known.key("containers");
        if !target.is_empty() && !containers.items().any(|other| other.key("name").text() == target.text()) {
            target.not_found(errors);
        }
        for field in NOT_EPHEMERAL {
            let field = container.key(field);
            if !field.is_empty() {
                field.forbidden("cannot be set for an Ephemeral Container", errors);
            }
        }
    }
}
