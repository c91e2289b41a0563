//! Kernel parameters that a Pod sets: their names, and the namespaces they belong to.
//! Which a kubelet lets Pods set is its own affair. Source: `pkg/apis/core/validation/validation.go`, validateSysctls;
//! `k8s.io/component-helpers/node/util/sysctl/{sysctl,namespace}.go`.

use super::super::at::At;
use crate::sim::apiserver::field::ErrorList;

const NAME: &str = r"must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";

/// `securityContext.sysctls` of a PodSpec.
pub fn sysctls(spec: At<'_, '_>, errors: &mut ErrorList) {
    let context = spec.key("securityContext");
    let sysctls = context.key("sysctls");
    let mut seen: Vec<&str> = Vec::new();
    for sysctl in sysctls.items() {
        let name = sysctl.key("name");
        if name.is_empty() {
            name.required(errors);
        } else if !is_sysctl(name.text()) {
            name.invalid(NAME, errors);
        } else if seen.contains(&name.text()) {
            name.duplicate(errors);
        }
        if let Some(field) = host(&normal(name.text())).filter(|field| spec.key(field).truth()) {
            name.invalid(format!("may not be specified when '{field}' is true"), errors);
        }
        seen.push(name.text());
    }
}

fn is_sysctl(name: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let part = |part: &str| {
        edge(part.chars().next())
            && edge(part.chars().last())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
    };
    name.len() <= 253 && name.split(['.', '/']).all(part)
}

/// The field with which a Pod has the node's namespace instead of one of its own, for a parameter that belongs to one.
fn host(name: &str) -> Option<&'static str> {
    namespace(name).map(|namespace| if namespace == "net" { "hostNetwork" } else { "hostIPC" })
}

/// A parameter's name with dots: where there is a slash before any dot, the two have changed places.
pub fn normal(name: &str) -> String {
    match name.find(['.', '/']) {
        Some(at) if name[at..].starts_with('/') => name
            .chars()
            .map(|c| {
                if c == '/' {
                    '.'
                } else if c == '.' {
                    '/'
                } else {
                    c
                }
            })
            .collect(),
        _ => name.to_owned(),
    }
}

/// The namespace that a parameter belongs to, as messages name it, if it has one.
pub fn namespace(name: &str) -> Option<&'static str> {
    const PREFIXES: [(&str, &str); 5] =
        [("kernel.sem", "ipc"), ("kernel.shm", "ipc"), ("kernel.msg", "ipc"), ("fs.mqueue.", "ipc"), ("net.", "net")];
    PREFIXES.iter().find(|(prefix, _)| name.starts_with(prefix)).map(|(_, namespace)| *namespace)
}
